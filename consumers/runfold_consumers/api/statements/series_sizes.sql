-- How many points these metrics of these runs have, column by column and writer by writer. Outsiders' are not shown.
SELECT series.run_id, series.writer_id, series.name, series.column_name, sum(series.points)::bigint AS points
FROM state.series
WHERE series.workspace = %(workspace)s
  AND series.run_id = ANY(%(run_ids)s::text[])
  AND (%(names)s::text[] IS NULL OR series.name = ANY(%(names)s::text[]))
  AND NOT EXISTS (
      SELECT FROM state.writers
      WHERE writers.workspace = %(workspace)s
        AND writers.aggregate_kind = 'run'
        AND writers.aggregate_id = series.run_id
        AND writers.writer_id = series.writer_id
        AND writers.outsider
  )
GROUP BY series.run_id, series.writer_id, series.name, series.column_name
