-- Versions of a kind that a listing asks for, newest registered first, from after a place on. A version is deleted when
-- the last word on it, or on the asset itself (version 0), says so.
WITH standing AS NOT MATERIALIZED ( -- looked up where it is asked for, not read as a whole
    SELECT *
    FROM state.versions
    WHERE versions.workspace = %(workspace)s
      AND versions.kind = %(kind)s
      AND (
          %(include_deleted)s
          OR 'true' IS DISTINCT FROM (
              SELECT words.value
              FROM state.asset_words AS words
              WHERE words.workspace = versions.workspace
                AND words.kind = versions.kind
                AND words.name = versions.name
                AND words.version IN (0, versions.version)
                AND words.field = 'deleted'
              ORDER BY words."offset" DESC
              LIMIT 1
          )
      )
)
SELECT versions.name, versions.version, versions.broker_time
FROM standing AS versions
WHERE (%(name)s::text IS NULL OR versions.name = %(name)s)
  AND (%(version)s::bigint IS NULL OR versions.version = %(version)s)
  AND (%(run_id)s::text IS NULL OR versions.run_id = %(run_id)s)
  AND ( -- of the first wanted tag: whether anybody says so (read at once for all versions); what is visible tells the next
      cardinality(%(tag_keys)s::text[]) = 0
      OR EXISTS (
          SELECT FROM state.asset_words AS words
          WHERE words.workspace = %(workspace)s
            AND words.kind = %(kind)s
            AND words.name = versions.name
            AND words.version = versions.version
            AND words.field = 'tag/' || (%(tag_keys)s::text[])[1]
            AND NOT words.removed
            AND ((%(tag_any)s::boolean[])[1] OR words.value IS NOT DISTINCT FROM (%(tag_values)s::text[])[1])
      )
      OR EXISTS (
          SELECT FROM state.asset_words AS words
          WHERE words.workspace = %(workspace)s
            AND words.kind = %(kind)s
            AND words.name = versions.name
            AND words.version = 0
            AND words.field = 'tag/' || (%(tag_keys)s::text[])[1]
            AND NOT words.removed
            AND ((%(tag_any)s::boolean[])[1] OR words.value IS NOT DISTINCT FROM (%(tag_values)s::text[])[1])
      )
  )
  AND ( -- and of the first wanted property
      cardinality(%(property_keys)s::text[]) = 0
      OR EXISTS (
          SELECT FROM state.asset_properties AS properties
          WHERE properties.workspace = %(workspace)s
            AND properties.kind = %(kind)s
            AND properties.name = versions.name
            AND properties.version = versions.version
            AND properties.key = (%(property_keys)s::text[])[1]
            AND (
                (%(property_any)s::boolean[])[1]
                OR properties.value IS NOT DISTINCT FROM (%(property_values)s::text[])[1]
            )
      )
  )
  AND (
      NOT %(latest)s
      OR versions.version = (
          SELECT others.version
          FROM standing AS others
          WHERE others.name = versions.name
          ORDER BY others.version DESC
          LIMIT 1
      )
  )
  AND NOT EXISTS ( -- a wanted tag that the version does not have
      SELECT
      FROM unnest(%(tag_keys)s::text[], %(tag_values)s::text[], %(tag_any)s::boolean[]) AS wanted (key, value, any_value)
      WHERE (
          SELECT NOT words.removed AND (wanted.any_value OR words.value IS NOT DISTINCT FROM wanted.value)
          FROM state.asset_words AS words
          WHERE words.workspace = versions.workspace
            AND words.kind = versions.kind
            AND words.name = versions.name
            AND words.version IN (0, versions.version)
            AND words.field = 'tag/' || wanted.key
          ORDER BY words."offset" DESC
          LIMIT 1
      ) IS NOT TRUE
  )
  AND NOT EXISTS ( -- a wanted property that the version does not have
      SELECT
      FROM unnest(%(property_keys)s::text[], %(property_values)s::text[], %(property_any)s::boolean[])
          AS wanted (key, value, any_value)
      WHERE (
          SELECT wanted.any_value OR properties.value IS NOT DISTINCT FROM wanted.value
          FROM state.asset_properties AS properties
          WHERE properties.workspace = versions.workspace
            AND properties.kind = versions.kind
            AND properties.name = versions.name
            AND properties.version = versions.version
            AND properties.key = wanted.key
      ) IS NOT TRUE
  )
  AND (
      %(after_time)s::timestamptz IS NULL
      OR versions.broker_time < %(after_time)s
      OR versions.broker_time = %(after_time)s AND versions.name > %(after_name)s::text
      OR versions.broker_time = %(after_time)s
      AND versions.name = %(after_name)s::text
      AND versions.version < %(after_version)s::bigint
  )
ORDER BY versions.broker_time DESC, versions.name, versions.version DESC
LIMIT %(limit)s
