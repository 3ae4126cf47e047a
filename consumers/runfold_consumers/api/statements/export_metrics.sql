-- What is known of each metric of these runs (search_metrics.sql says which value is the last).
SELECT
    series.run_id,
    series.name,
    series.column_name AS column,
    sum(series.points)::bigint AS points,
    (array_agg(series.last_value ORDER BY told.attempt DESC, series.last_time DESC, told.rank DESC,
               series.writer_id DESC, series.partition DESC))[1] AS last,
    (array_agg(series.last_text ORDER BY told.attempt DESC, series.last_time DESC, told.rank DESC,
               series.writer_id DESC, series.partition DESC))[1] AS last_text,
    min(series.min) AS min,
    max(series.max) AS max
FROM state.series
LEFT JOIN state.writers ON writers.workspace = %(workspace)s
    AND writers.aggregate_kind = 'run'
    AND writers.aggregate_id = series.run_id
    AND writers.writer_id = series.writer_id
CROSS JOIN LATERAL (
    SELECT coalesce(writers.attempt, 0) AS attempt, coalesce(writers.rank, -1) AS rank
) AS told
WHERE series.workspace = %(workspace)s
  AND series.run_id = ANY(%(run_ids)s::text[])
  AND NOT coalesce(writers.outsider, false)
GROUP BY series.run_id, series.name, series.column_name
ORDER BY series.run_id, series.name, series.column_name NULLS FIRST
