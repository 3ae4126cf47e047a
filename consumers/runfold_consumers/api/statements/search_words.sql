-- Visible tags and properties of these runs, of these keys, cut where they are long.
SELECT 'tag' AS kind, run_id, key, left(value, %(characters)s::integer) AS value, length(value) AS length
FROM (
    SELECT DISTINCT ON (run_id, key) *
    FROM state.tags
    WHERE workspace = %(workspace)s AND run_id = ANY(%(run_ids)s::text[]) AND key = ANY(%(tags)s::text[])
    ORDER BY run_id, key, "offset" DESC
) AS last_word
WHERE NOT removed
UNION ALL
SELECT 'property', run_id, key, left(value, %(characters)s::integer), length(value)
FROM state.properties
WHERE workspace = %(workspace)s AND run_id = ANY(%(run_ids)s::text[]) AND key = ANY(%(properties)s::text[])
