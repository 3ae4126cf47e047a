-- Images and chart documents of these runs that stand under a metric's name.
SELECT
    artifacts.run_id, artifacts.metric_name, artifacts.metric_type, artifacts.path, artifacts.attempt, artifacts.writer_id,
    artifacts.ordinal, artifacts.occurred_at, runs.partition, artifacts."offset"
FROM state.artifacts
JOIN state.runs USING (workspace, run_id)
WHERE artifacts.workspace = %(workspace)s
  AND artifacts.run_id = ANY(%(run_ids)s::text[])
  AND artifacts.metric_name IS NOT NULL
ORDER BY artifacts.run_id, artifacts.attempt, artifacts.occurred_at, artifacts.writer_id, artifacts.ordinal
