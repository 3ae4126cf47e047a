-- Of these runs, these series: all points of all writers but outsiders. The last value is that of the latest attempt, then
-- of the latest time, then of the greatest rank and writer (search/deciding.py says the same).
SELECT
    series.run_id,
    series.series_id::text AS series_id,
    (array_agg(series.last_value ORDER BY told.attempt DESC, series.last_time DESC, told.rank DESC,
               series.writer_id DESC, series.partition DESC))[1] AS last_value,
    (array_agg(series.last_text ORDER BY told.attempt DESC, series.last_time DESC, told.rank DESC,
               series.writer_id DESC, series.partition DESC))[1] AS last_text,
    min(series.min) AS min,
    max(series.max) AS max,
    sum(series.points)::bigint AS count
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
  AND series.series_id = ANY(%(series)s::uuid[])
  AND NOT coalesce(writers.outsider, false)
GROUP BY series.run_id, series.series_id
