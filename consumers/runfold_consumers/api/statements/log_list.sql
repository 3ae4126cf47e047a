-- Logs of a run by name, attempt and rank, with what is known of their lanes. Outsiders do not belong to the run.
SELECT
    substr(told.stream, 5) AS name,
    told.stream,
    latest.attempt,
    told.writer_id,
    writers.rank,
    told.seen,
    told.declared,
    told.closed,
    told.marked,
    latest.broker_time AS updated_at
FROM state.run_lanes AS told
JOIN LATERAL (
    SELECT logs.attempt, logs.broker_time
    FROM state.logs
    WHERE logs.workspace = %(workspace)s
      AND logs.run_id = %(run_id)s
      AND logs.name = substr(told.stream, 5)
      AND logs.writer_id = told.writer_id
    ORDER BY logs.first_ordinal DESC
    LIMIT 1
) AS latest ON true
LEFT JOIN state.writers
    ON writers.workspace = %(workspace)s
    AND writers.aggregate_kind = 'run'
    AND writers.aggregate_id = %(run_id)s
    AND writers.writer_id = told.writer_id
WHERE told.workspace = %(workspace)s
  AND told.run_id = %(run_id)s
  AND starts_with(told.stream, 'log/')
  AND writers.outsider IS NOT TRUE
ORDER BY name, latest.attempt, writers.rank NULLS FIRST, writers.opened_at, told.writer_id
LIMIT %(limit)s
