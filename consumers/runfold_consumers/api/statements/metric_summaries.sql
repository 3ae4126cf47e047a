-- Metrics of a run by name, then column, scalars first: all writers' points together, but outsiders'.
WITH summed AS (
    SELECT
        name,
        column_name AS column,
        points,
        nonfinite,
        min,
        max,
        writers,
        kinds,
        axes,
        last_kind,
        last_step,
        last_time,
        last_value,
        last_text,
        count(*) OVER () AS of
    FROM state.run_metrics
    WHERE workspace = %(workspace)s
      AND run_id = %(run_id)s
      AND starts_with(name, %(prefix)s)
      AND (%(regex)s::text IS NULL OR name ~ %(regex)s)
)
SELECT *
FROM summed
WHERE %(after_name)s::text IS NULL
   OR (name, ("column" IS NOT NULL)::integer, coalesce("column", '') COLLATE "C")
    > (%(after_name)s, %(after_has)s, %(after_column)s)
ORDER BY name, "column" COLLATE "C" NULLS FIRST
LIMIT %(limit)s
