-- Versions of a kind by name and number with all that is shown of them, in the order in which they are asked for. Words on
-- the asset itself (version 0) are words on each of its versions. Names lie in different partitions, so which of them is
-- the default of the kind is told by broker time.
SELECT
    versions.kind,
    versions.name,
    versions.version,
    versions.run_id,
    versions.experiment,
    versions.definition,
    versions.created_at,
    writers.actor AS created_by,
    coalesce(words.by_field, '{}') AS words,
    coalesce(properties.by_key, '{}') AS properties,
    versions.name IS NOT DISTINCT FROM (
        SELECT defaults.name
        FROM (
            SELECT DISTINCT ON (name) name, value, broker_time
            FROM state.asset_words
            WHERE workspace = %(workspace)s AND kind = %(kind)s AND field = 'is_default'
            ORDER BY name, "offset" DESC
        ) AS defaults
        WHERE defaults.value = 'true'
        ORDER BY defaults.broker_time DESC, defaults.name
        LIMIT 1
    ) AS is_default
FROM unnest(%(names)s::text[], %(versions)s::bigint[]) WITH ORDINALITY AS asked (name, version, place)
JOIN state.versions
    ON versions.workspace = %(workspace)s
    AND versions.kind = %(kind)s
    AND versions.name = asked.name
    AND versions.version = asked.version
LEFT JOIN state.writers
    ON writers.workspace = %(workspace)s
    AND writers.aggregate_kind = %(kind)s
    AND writers.aggregate_id = versions.name
    AND writers.writer_id = versions.writer_id
LEFT JOIN LATERAL (
    SELECT json_object_agg(field, value ORDER BY field) AS by_field
    FROM (
        SELECT DISTINCT ON (field) field, value, removed
        FROM state.asset_words
        WHERE asset_words.workspace = %(workspace)s
          AND asset_words.kind = %(kind)s
          AND asset_words.name = asked.name
          AND asset_words.version IN (0, asked.version)
        ORDER BY field, "offset" DESC
    ) AS last_words
    WHERE NOT removed
) AS words ON true
LEFT JOIN LATERAL (
    SELECT json_object_agg(key, value ORDER BY key) AS by_key
    FROM state.asset_properties
    WHERE asset_properties.workspace = %(workspace)s
      AND asset_properties.kind = %(kind)s
      AND asset_properties.name = asked.name
      AND asset_properties.version = asked.version
) AS properties ON true
ORDER BY asked.place
