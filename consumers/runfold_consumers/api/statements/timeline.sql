-- Facts and claims about a run as they stand in the log, from an offset on, with what was decided.
SELECT
    facts."offset",
    facts.partition,
    facts.broker_time,
    facts.event,
    facts.writer_id,
    facts.ordinal,
    facts.verdict,
    facts.rule,
    facts.message,
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
  AND facts."offset" >= %(from_offset)s
ORDER BY facts."offset"
LIMIT %(limit)s
