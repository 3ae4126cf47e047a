-- Images and chart documents of these runs that stand under a metric's name.
SELECT run_id, metric_name, metric_type, path, attempt, writer_id, ordinal, occurred_at
FROM state.artifacts
WHERE workspace = %(workspace)s AND run_id = ANY(%(run_ids)s::text[]) AND metric_name IS NOT NULL
ORDER BY run_id, attempt, occurred_at, writer_id, ordinal
