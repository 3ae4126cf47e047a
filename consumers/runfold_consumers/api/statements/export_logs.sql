-- Text of logs of these runs as it came, log by log, writer by writer, in the order of their bytes. Outsiders do not belong
-- to the run.
SELECT
    logs.run_id,
    logs.name AS log,
    logs.writer_id AS writer,
    writers.rank,
    logs.attempt,
    logs.first_ordinal,
    logs.last_ordinal,
    logs.occurred_at,
    logs.broker_time,
    logs.data
FROM state.logs
LEFT JOIN state.writers ON writers.workspace = %(workspace)s
    AND writers.aggregate_kind = 'run'
    AND writers.aggregate_id = logs.run_id
    AND writers.writer_id = logs.writer_id
WHERE logs.workspace = %(workspace)s
  AND logs.run_id = ANY(%(run_ids)s::text[])
  AND NOT coalesce(writers.outsider, false)
ORDER BY logs.run_id, logs.name, logs.writer_id, logs.first_ordinal
