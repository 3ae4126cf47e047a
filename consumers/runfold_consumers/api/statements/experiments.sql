-- Experiments by name, of which runs say that they belong to them, or facts of their own tell; with how many runs they
-- hold, and the last words on them; from after a name on.
SELECT
    found.name,
    found.created_at,
    found.run_count,
    found.statuses,
    found.last_activity_at,
    coalesce(words.archived, false) AS archived,
    words.archived_at,
    coalesce(words.deleted, false) AS deleted,
    words.description,
    coalesce(words.tags, '{}') AS tags
FROM (
    SELECT
        experiment AS name,
        coalesce(min(experiments.created_at), min(runs.created_at)) AS created_at,
        coalesce(sum(runs.n), 0)::bigint AS run_count,
        coalesce(json_object_agg(runs.shown_status, runs.n ORDER BY runs.shown_status) FILTER (WHERE runs.n > 0), '{}') AS statuses,
        max(runs.active_at) AS last_activity_at
    FROM (
        SELECT
            runs.experiment,
            coalesce(attempts.terminal_status, attempts.status, 'NotStarted') AS shown_status, -- as state.run_status tells it
            count(*) AS n,
            min(runs.created_at) AS created_at,
            max(greatest(
                runs.created_at,
                attempts.started_at,
                attempts.ended_at,
                CASE WHEN attempts.terminal_status IS NULL THEN ( -- those are few
                    SELECT max(broker_time)
                    FROM state.heartbeats
                    WHERE heartbeats.workspace = %(workspace)s AND heartbeats.run_id = runs.run_id
                ) END
            )) AS active_at
        FROM state.runs
        LEFT JOIN state.attempts ON attempts.workspace = %(workspace)s
            AND attempts.run_id = runs.run_id
            AND attempts.attempt = runs.attempt
        WHERE runs.workspace = %(workspace)s AND runs.experiment IS NOT NULL
          AND (%(experiment)s::text IS NULL OR runs.experiment = %(experiment)s)
          AND (%(after)s::text IS NULL OR runs.experiment > %(after)s)
        GROUP BY runs.experiment, shown_status
    ) AS runs
    FULL JOIN (
        SELECT experiment, created_at
        FROM state.experiments
        WHERE workspace = %(workspace)s AND (%(experiment)s::text IS NULL OR experiment = %(experiment)s)
          AND (%(after)s::text IS NULL OR experiment > %(after)s)
    ) AS experiments USING (experiment)
    GROUP BY experiment
) AS found
LEFT JOIN (
    SELECT
        experiment AS name,
        bool_or(value = 'true') FILTER (WHERE field = 'archived') AS archived,
        timestamptz 'epoch' + max(value) FILTER (WHERE field = 'archived_at')::bigint * interval '1 microsecond'
            AS archived_at,
        bool_or(value = 'true') FILTER (WHERE field = 'deleted') AS deleted,
        max(value) FILTER (WHERE field = 'description') AS description,
        json_object_agg(substr(field, 5), value ORDER BY field) FILTER (WHERE starts_with(field, 'tag/')) AS tags,
        jsonb_object_agg(substr(field, 5), value) FILTER (WHERE starts_with(field, 'tag/')) AS by_key
    FROM state.experiment_last_words
    WHERE workspace = %(workspace)s AND (%(experiment)s::text IS NULL OR experiment = %(experiment)s)
    GROUP BY experiment
) AS words USING (name)
WHERE (%(archived)s::boolean IS NULL OR coalesce(words.archived, false) = %(archived)s)
  AND (%(include_deleted)s OR NOT coalesce(words.deleted, false))
  AND NOT EXISTS ( -- a wanted tag that the experiment does not have
      SELECT
      FROM unnest(%(tag_keys)s::text[], %(tag_values)s::text[], %(tag_any)s::boolean[]) AS wanted (key, value, any_value)
      WHERE NOT coalesce(words.by_key ? wanted.key, false)
         OR NOT (wanted.any_value OR words.by_key ->> wanted.key IS NOT DISTINCT FROM wanted.value)
  )
ORDER BY found.name
LIMIT %(limit)s
