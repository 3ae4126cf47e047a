-- What is known of each metric of these runs.
SELECT run_id, name, column_name AS column, points, last_value AS last, last_text, min, max
FROM state.run_metrics
WHERE workspace = %(workspace)s AND run_id = ANY(%(run_ids)s::text[])
ORDER BY run_id, name, column_name NULLS FIRST
