-- Metrics of a run by name, then column, scalars first: all writers' points together, but outsiders'. The last value is that
-- of the latest attempt, then of the latest time, then of the greatest rank and writer (as search_metrics.sql has it).
WITH told AS (
    SELECT
        series.*,
        row_number() OVER (
            PARTITION BY series.series_id
            ORDER BY coalesce(writers.attempt, 0) DESC, series.last_time DESC, coalesce(writers.rank, -1) DESC,
                     series.writer_id DESC, series.partition DESC
        ) AS place
    FROM state.series
    LEFT JOIN state.writers ON writers.workspace = %(workspace)s
        AND writers.aggregate_kind = 'run'
        AND writers.aggregate_id = series.run_id
        AND writers.writer_id = series.writer_id
    WHERE series.workspace = %(workspace)s
      AND series.run_id = %(run_id)s
      AND starts_with(series.name, %(prefix)s)
      AND (%(regex)s::text IS NULL OR series.name ~ %(regex)s)
      AND NOT coalesce(writers.outsider, false)
),
summed AS (
    SELECT
        name,
        column_name AS column,
        sum(points)::bigint AS points,
        sum(nonfinite)::bigint AS nonfinite,
        min(min) AS min,
        max(max) AS max,
        count(DISTINCT writer_id) AS writers,
        string_agg(DISTINCT kinds, ',') AS kinds,
        string_agg(DISTINCT axes, ',') AS axes,
        min(last_kind) FILTER (WHERE place = 1) AS last_kind,
        min(last_step) FILTER (WHERE place = 1) AS last_step,
        min(last_time) FILTER (WHERE place = 1) AS last_time,
        min(last_value) FILTER (WHERE place = 1) AS last_value,
        min(last_text) FILTER (WHERE place = 1) AS last_text,
        count(*) OVER () AS of
    FROM told
    GROUP BY name, column_name
)
SELECT *
FROM summed
WHERE %(after_name)s::text IS NULL
   OR (name, ("column" IS NOT NULL)::integer, coalesce("column", '') COLLATE "C")
    > (%(after_name)s, %(after_has)s, %(after_column)s)
ORDER BY name, "column" COLLATE "C" NULLS FIRST
LIMIT %(limit)s
