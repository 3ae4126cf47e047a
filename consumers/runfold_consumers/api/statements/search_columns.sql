-- Keys of tags and properties, and series, that begin with a prefix: by key, from index to index entry, whatever the number
-- of runs. `upto` is the prefix with the last code point behind it.
WITH RECURSIVE tags AS (
    (
        SELECT key FROM state.tags
        WHERE workspace = %(workspace)s AND key >= %(prefix)s::text AND key <= %(upto)s::text
        ORDER BY key LIMIT 1
    )
    UNION ALL
    SELECT (
        SELECT next.key FROM state.tags AS next
        WHERE next.workspace = %(workspace)s AND next.key > tags.key AND next.key <= %(upto)s::text
        ORDER BY next.key LIMIT 1
    )
    FROM tags
    WHERE tags.key IS NOT NULL
),
properties AS (
    (
        SELECT key FROM state.properties
        WHERE workspace = %(workspace)s AND key >= %(prefix)s::text AND key <= %(upto)s::text
        ORDER BY key LIMIT 1
    )
    UNION ALL
    SELECT (
        SELECT next.key FROM state.properties AS next
        WHERE next.workspace = %(workspace)s AND next.key > properties.key AND next.key <= %(upto)s::text
        ORDER BY next.key LIMIT 1
    )
    FROM properties
    WHERE properties.key IS NOT NULL
),
metrics AS (
    (
        SELECT name FROM state.series
        WHERE workspace = %(workspace)s AND name >= %(prefix)s::text AND name <= %(upto)s::text
        ORDER BY name LIMIT 1
    )
    UNION ALL
    SELECT (
        SELECT next.name FROM state.series AS next
        WHERE next.workspace = %(workspace)s AND next.name > metrics.name AND next.name <= %(upto)s::text
        ORDER BY next.name LIMIT 1
    )
    FROM metrics
    WHERE metrics.name IS NOT NULL
),
columns AS ( -- of a metric: its scalar, and the columns of its rows
    SELECT metrics.name, of_metric.column_name
    FROM metrics
    CROSS JOIN LATERAL (
        WITH RECURSIVE found AS (
            (
                SELECT column_name FROM state.series
                WHERE workspace = %(workspace)s AND name = metrics.name
                ORDER BY column_name LIMIT 1
            )
            UNION ALL
            (
                SELECT next.column_name
                FROM found
                CROSS JOIN LATERAL (
                    SELECT column_name FROM state.series
                    WHERE workspace = %(workspace)s AND name = metrics.name AND column_name > found.column_name
                    ORDER BY column_name LIMIT 1
                ) AS next
            )
        )
        SELECT column_name FROM found
        UNION
        (
            SELECT NULL
            FROM state.series
            WHERE workspace = %(workspace)s AND name = metrics.name AND column_name IS NULL
            LIMIT 1
        )
    ) AS of_metric
    WHERE metrics.name IS NOT NULL
)
(SELECT 'tag' AS kind, key AS name, NULL AS column_name FROM tags WHERE key IS NOT NULL LIMIT %(limit)s)
UNION ALL
(SELECT 'property', key, NULL FROM properties WHERE key IS NOT NULL LIMIT %(limit)s)
UNION ALL
(SELECT 'metric', name, column_name FROM columns LIMIT %(limit)s)
