-- Ids of the runs that a listing asks for, newest first, from after a place on.
WITH RECURSIVE below AS (
    SELECT runs.run_id
    FROM state.runs
    WHERE runs.workspace = %(workspace)s AND runs.parent_run_id = %(parent)s::text
    UNION -- not UNION ALL: run ids are given by clients, so their parents may form a circle
    SELECT runs.run_id
    FROM below
    JOIN state.runs ON runs.workspace = %(workspace)s AND runs.parent_run_id = below.run_id
    WHERE %(recursive)s
)
SELECT runs.run_id, runs.created_at
FROM state.runs
WHERE runs.workspace = %(workspace)s
  AND CASE
          WHEN %(parent)s::text IS NOT NULL
              THEN runs.run_id IN (SELECT below.run_id FROM below) AND runs.run_id <> %(parent)s
          ELSE %(include_children)s OR runs.parent_run_id IS NULL
      END
  AND (%(experiment)s::text IS NULL OR runs.experiment = %(experiment)s)
  AND (%(target)s::text IS NULL OR runs.target = %(target)s AND octet_length(runs.target) <= 1024) -- as the index has it
  AND (
      %(type)s::text IS NULL
      OR runs.run_type = %(type)s
      OR %(experiment)s::text IS NOT NULL AND %(parent)s::text IS NULL AND EXISTS ( -- as in the original's Run.list
          SELECT FROM state.properties
          WHERE properties.workspace = runs.workspace
            AND properties.run_id = runs.run_id
            AND properties.key = 'azureml.runsource'
            AND properties.value = %(type)s
      )
  )
  AND (
      NOT %(open)s -- a status of attempts that have not ended: those are few
      OR EXISTS (
          SELECT FROM state.attempts
          WHERE attempts.workspace = %(workspace)s AND attempts.run_id = runs.run_id AND attempts.terminal_status IS NULL
      )
  )
  AND (
      %(status)s::text IS NULL
      OR %(status)s = coalesce( -- as state.run_status tells it
          (
              SELECT coalesce(attempts.terminal_status, attempts.status)
              FROM state.attempts
              WHERE attempts.workspace = runs.workspace
                AND attempts.run_id = runs.run_id
                AND attempts.attempt = runs.attempt
          ),
          'NotStarted'
      )
  )
  AND ( -- of the first wanted tag: whether anybody says so (read at once for all runs); what is visible tells the next
      cardinality(%(tag_keys)s::text[]) = 0
      OR EXISTS (
          SELECT FROM state.tags
          WHERE tags.workspace = %(workspace)s
            AND tags.run_id = runs.run_id
            AND tags.key = (%(tag_keys)s::text[])[1]
            AND NOT tags.removed
            AND ((%(tag_any)s::boolean[])[1] OR tags.value IS NOT DISTINCT FROM (%(tag_values)s::text[])[1])
      )
  )
  AND ( -- and of the first wanted property
      cardinality(%(property_keys)s::text[]) = 0
      OR EXISTS (
          SELECT FROM state.properties
          WHERE properties.workspace = %(workspace)s
            AND properties.run_id = runs.run_id
            AND properties.key = (%(property_keys)s::text[])[1]
            AND (
                (%(property_any)s::boolean[])[1]
                OR properties.value IS NOT DISTINCT FROM (%(property_values)s::text[])[1]
            )
      )
  )
  AND NOT EXISTS ( -- a wanted tag that the run does not have
      SELECT
      FROM unnest(%(tag_keys)s::text[], %(tag_values)s::text[], %(tag_any)s::boolean[]) AS wanted (key, value, any_value)
      WHERE NOT EXISTS (
          SELECT FROM state.run_tags
          WHERE run_tags.workspace = runs.workspace
            AND run_tags.run_id = runs.run_id
            AND run_tags.key = wanted.key
            AND (wanted.any_value OR run_tags.value IS NOT DISTINCT FROM wanted.value)
      )
  )
  AND NOT EXISTS ( -- a wanted property that the run does not have
      SELECT
      FROM unnest(%(property_keys)s::text[], %(property_values)s::text[], %(property_any)s::boolean[])
          AS wanted (key, value, any_value)
      WHERE NOT EXISTS (
          SELECT FROM state.properties
          WHERE properties.workspace = runs.workspace
            AND properties.run_id = runs.run_id
            AND properties.key = wanted.key
            AND (wanted.any_value OR properties.value IS NOT DISTINCT FROM wanted.value)
      )
  )
  AND (
      %(after_time)s::timestamptz IS NULL
      OR runs.created_at < %(after_time)s
      OR (runs.created_at = %(after_time)s AND runs.run_id > %(after_id)s::text)
  )
ORDER BY runs.created_at DESC, runs.run_id
LIMIT %(limit)s
