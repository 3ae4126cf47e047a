-- The log of a name that is meant: of the latest attempt, the lowest rank, the first writer, unless one is named; with
-- the ordinal after its last stored byte, and what of it is declared lost.
SELECT
    lanes.writer_id,
    latest.attempt,
    latest.last_ordinal + 1 AS end_ordinal,
    coalesce(claims.declared, '{}') AS declared
FROM state.lanes
JOIN LATERAL (
    SELECT logs.attempt, logs.last_ordinal
    FROM state.logs
    WHERE logs.workspace = %(workspace)s
      AND logs.run_id = %(run_id)s
      AND logs.name = %(name)s
      AND logs.writer_id = lanes.writer_id
    ORDER BY logs.first_ordinal DESC
    LIMIT 1
) AS latest ON true
LEFT JOIN LATERAL (
    SELECT range_agg(told.declared) AS declared
    FROM state.claims AS told
    WHERE told.workspace = %(workspace)s
      AND told.aggregate_kind = 'run'
      AND told.aggregate_id = %(run_id)s
      AND told.writer_id = lanes.writer_id
      AND told.stream = lanes.stream
) AS claims ON true
LEFT JOIN state.writers
    ON writers.workspace = %(workspace)s
    AND writers.aggregate_kind = 'run'
    AND writers.aggregate_id = %(run_id)s
    AND writers.writer_id = lanes.writer_id
WHERE lanes.workspace = %(workspace)s
  AND lanes.topic_kind = 'telemetry'
  AND lanes.aggregate_kind = 'run'
  AND lanes.aggregate_id = %(run_id)s
  AND lanes.stream = 'log/' || %(name)s
  AND (%(writer_id)s::text IS NULL OR lanes.writer_id = %(writer_id)s)
  AND (%(attempt)s::integer IS NULL OR latest.attempt = %(attempt)s)
  AND writers.outsider IS NOT TRUE
ORDER BY latest.attempt DESC, writers.rank NULLS FIRST, writers.opened_at, lanes.writer_id
LIMIT 1
