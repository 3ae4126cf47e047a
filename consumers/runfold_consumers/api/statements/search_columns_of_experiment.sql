-- The same of the latest runs of an experiment.
WITH latest AS (
    SELECT run_id FROM state.runs
    WHERE workspace = %(workspace)s AND experiment = %(experiment)s::text
    ORDER BY created_at DESC
    LIMIT %(runs)s
)
(
    SELECT DISTINCT 'tag' AS kind, key AS name, NULL AS column_name
    FROM latest
    JOIN state.tags ON tags.workspace = %(workspace)s AND tags.run_id = latest.run_id
    WHERE key >= %(prefix)s::text AND key <= %(upto)s::text
    ORDER BY key LIMIT %(limit)s
)
UNION ALL
(
    SELECT DISTINCT 'property', key, NULL
    FROM latest
    JOIN state.properties ON properties.workspace = %(workspace)s AND properties.run_id = latest.run_id
    WHERE key >= %(prefix)s::text AND key <= %(upto)s::text
    ORDER BY key LIMIT %(limit)s
)
UNION ALL
(
    SELECT DISTINCT 'metric', name, column_name
    FROM latest
    JOIN state.series ON series.workspace = %(workspace)s AND series.run_id = latest.run_id
    WHERE name >= %(prefix)s::text AND name <= %(upto)s::text
    ORDER BY name, column_name LIMIT %(limit)s
)
