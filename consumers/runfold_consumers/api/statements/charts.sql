-- Images and chart documents of a run that stand under a metric's name, metric by metric in the order in which they were
-- logged: by attempt, then time.
SELECT *
FROM (
    SELECT
        artifacts.metric_name AS metric,
        artifacts.metric_type AS type,
        row_number() OVER in_order AS place,
        count(*) OVER (PARTITION BY artifacts.metric_name) AS places,
        count(*) OVER () AS of,
        artifacts.path,
        artifacts.attempt,
        writers.rank,
        artifacts.writer_id,
        artifacts.ordinal,
        artifacts."offset",
        artifacts.occurred_at,
        artifacts.size,
        artifacts.sha256,
        artifacts.media_type,
        artifacts.inline,
        coalesce(objects.availability, 'pending') AS availability
    FROM state.artifacts
    LEFT JOIN LATERAL (  -- by its key, whatever the planner's statistics know (artifacts.sql)
        SELECT objects.availability
        FROM observed.objects
        WHERE objects.workspace = %(workspace)s AND objects.run_id = %(run_id)s AND objects.sha256 = artifacts.sha256
        OFFSET 0
    ) AS objects ON true
    LEFT JOIN state.writers
        ON writers.workspace = %(workspace)s
        AND writers.aggregate_kind = 'run'
        AND writers.aggregate_id = artifacts.run_id
        AND writers.writer_id = artifacts.writer_id
    WHERE artifacts.workspace = %(workspace)s
      AND artifacts.run_id = %(run_id)s
      AND artifacts.metric_name IS NOT NULL
      AND (%(metric)s::text IS NULL OR artifacts.metric_name = %(metric)s)
      AND (%(type)s::text IS NULL OR artifacts.metric_type = %(type)s)
      AND (%(attempt)s::integer IS NULL OR artifacts.attempt = %(attempt)s)
    WINDOW in_order AS (
        PARTITION BY artifacts.metric_name
        ORDER BY artifacts.attempt, artifacts.occurred_at, artifacts.writer_id, artifacts.ordinal
    )
) AS found
WHERE %(after_metric)s::text IS NULL OR (metric COLLATE "C", place) > (%(after_metric)s, %(after_place)s)
ORDER BY metric COLLATE "C", place
LIMIT %(limit)s
