-- Decisions about facts of an aggregate that were not plainly accepted, from an offset on; with an ordinal, the one about
-- that fact: at its first occurrence, repeats of it decide nothing. With the version that a registration got. Facts are
-- cut before `cut_offsets`, where these are given.
SELECT
    facts."offset",
    facts.writer_id,
    facts.ordinal,
    facts.event,
    facts.verdict,
    facts.rule,
    coalesce(refusals.all_of_them, '[]') AS refusals,
    registrations.version
FROM state.facts
LEFT JOIN state.registrations
    ON registrations.workspace = facts.workspace
    AND registrations.kind = facts.aggregate_kind
    AND registrations.name = facts.aggregate_id
    AND registrations.writer_id = facts.writer_id
    AND registrations.ordinal = facts.ordinal
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
  AND facts.aggregate_kind = %(kind)s
  AND facts.aggregate_id = %(id)s
  AND (%(writer_id)s::text IS NULL OR facts.writer_id = %(writer_id)s)
  AND CASE
          WHEN %(ordinal)s::bigint IS NULL THEN facts.verdict <> 'accepted' AND facts."offset" >= %(from_offset)s
          ELSE facts.ordinal = %(ordinal)s AND facts.verdict IN ('accepted', 'refused')
      END
  AND (
      %(key)s::text IS NULL
      OR EXISTS (
          SELECT FROM state.refusals AS about
          WHERE about.workspace = facts.workspace
            AND about.partition = facts.partition
            AND about."offset" = facts."offset"
            AND about.key = %(key)s
      )
  )
  AND (
      %(cut_partitions)s::integer[] IS NULL
      OR facts."offset" < coalesce(
          (
              SELECT part.next_offset
              FROM unnest(%(cut_partitions)s::integer[], %(cut_offsets)s::bigint[]) AS part (partition, next_offset)
              WHERE part.partition = facts.partition
          ),
          0
      )
  )
ORDER BY facts."offset"
LIMIT %(limit)s
