-- The decision about one fact: at its first occurrence; repeats of it decide nothing.
SELECT
    facts."offset",
    facts.writer_id,
    facts.ordinal,
    facts.event,
    facts.verdict,
    facts.rule,
    coalesce(refusals.all_of_them, '[]') AS refusals
FROM state.facts
LEFT JOIN LATERAL (
    SELECT json_agg(
        json_build_object('key', key, 'rule', rule, 'kept', kept, 'refused', refused) ORDER BY key
    ) AS all_of_them
    FROM state.refusals
    WHERE refusals.workspace = facts.workspace
      AND refusals.partition = facts.partition
      AND refusals."offset" = facts."offset"
) AS refusals ON true
WHERE facts.workspace = %(workspace)s
  AND facts.aggregate_kind = 'run'
  AND facts.aggregate_id = %(run_id)s
  AND facts.writer_id = %(writer_id)s
  AND facts.ordinal = %(ordinal)s
  AND facts.verdict IN ('accepted', 'refused')
ORDER BY facts."offset"
LIMIT 1
