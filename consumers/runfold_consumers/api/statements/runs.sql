-- Runs by id with all that is shown of them but their lanes, in the order of the ids.
SELECT
    runs.run_id,
    runs.experiment,
    runs.parent_run_id,
    runs.run_type,
    runs.target,
    coalesce(label.value, runs.display_name) AS display_name,
    about.value AS description,
    enrollments.number,
    runs.attempt,
    run_status.status,
    word.reason AS status_reason,
    runs.created_at,
    run_status.started_at,
    run_status.ended_at,
    coalesce(tags.by_key, '{}') AS tags,
    coalesce(properties.by_key, '{}') AS properties,
    coalesce(corrections.all_of_them, '[]') AS corrections,
    error.told AS error,
    coalesce(writers.all_of_them, '[]') AS writers,
    runs.submitted_by,
    runs.outputs,
    runs.snapshot_directory,
    coalesce(warnings.all_of_them, '[]') AS warnings,
    snapshot.snapshot_id,
    submission.definition,
    submission.job_folder,
    heartbeat.broker_time AS heartbeat_at,
    cancel.occurred_at AS cancel_requested_at,
    coalesce(datasets.all_of_them, '[]') AS datasets
FROM unnest(%(run_ids)s::text[]) WITH ORDINALITY AS asked (run_id, place)
JOIN state.runs ON runs.workspace = %(workspace)s AND runs.run_id = asked.run_id
JOIN state.run_status ON run_status.workspace = %(workspace)s AND run_status.run_id = asked.run_id
LEFT JOIN LATERAL (
    SELECT reason
    FROM state.statuses
    WHERE statuses.workspace = %(workspace)s
      AND statuses.run_id = asked.run_id
      AND statuses.attempt = runs.attempt
      AND statuses.status = run_status.status
    ORDER BY "offset" DESC
    LIMIT 1
) AS word ON true
LEFT JOIN state.enrollments
    ON enrollments.workspace = %(workspace)s
    AND enrollments.experiment = runs.experiment
    AND enrollments.run_id = runs.run_id
LEFT JOIN state.run_descriptions AS label
    ON label.workspace = %(workspace)s AND label.run_id = asked.run_id AND label.field = 'display_name'
LEFT JOIN state.run_descriptions AS about
    ON about.workspace = %(workspace)s AND about.run_id = asked.run_id AND about.field = 'description'
LEFT JOIN LATERAL (
    SELECT json_object_agg(run_tags.key, run_tags.value ORDER BY run_tags.key) AS by_key
    FROM state.run_tags
    WHERE run_tags.workspace = %(workspace)s AND run_tags.run_id = asked.run_id
) AS tags ON true
LEFT JOIN LATERAL (
    SELECT json_object_agg(properties.key, properties.value ORDER BY properties.key) AS by_key
    FROM state.properties
    WHERE properties.workspace = %(workspace)s AND properties.run_id = asked.run_id
) AS properties ON true
LEFT JOIN LATERAL (
    SELECT json_agg(
        json_build_object(
            'key', corrections.key, 'value', corrections.value, 'reason', corrections.reason, 'actor', said_by.actor,
            'writer_id', corrections.writer_id, 'offset', corrections."offset", 'at', corrections.occurred_at
        )
        ORDER BY corrections."offset"
    ) AS all_of_them
    FROM state.corrections
    LEFT JOIN state.writers AS said_by
        ON said_by.workspace = %(workspace)s
        AND said_by.aggregate_kind = 'run'
        AND said_by.aggregate_id = asked.run_id
        AND said_by.writer_id = corrections.writer_id
    WHERE corrections.workspace = %(workspace)s AND corrections.run_id = asked.run_id
) AS corrections ON true
LEFT JOIN LATERAL (
    SELECT json_build_object('code', code, 'message', message, 'details_uri', details_uri) AS told
    FROM state.errors
    WHERE errors.workspace = %(workspace)s AND errors.run_id = asked.run_id AND errors.attempt = runs.attempt
    ORDER BY "offset" -- the first one is the cause: a script's own words, then that it ended with exit code 1
    LIMIT 1
) AS error ON true
LEFT JOIN LATERAL (
    SELECT json_agg(
        json_build_object(
            'writer_id', writer_id, 'actor', actor, 'host', host, 'pid', pid, 'rank', rank, 'world_size', world_size,
            'attempt', attempt, 'opened_at', opened_at, 'outsider', outsider
        )
        ORDER BY opened_at, writer_id
    ) AS all_of_them
    FROM state.writers
    WHERE writers.workspace = %(workspace)s AND writers.aggregate_kind = 'run' AND writers.aggregate_id = asked.run_id
) AS writers ON true
LEFT JOIN LATERAL (
    SELECT json_agg(
        json_build_object('source', source, 'message', message, 'attempt', attempt) ORDER BY attempt, "offset"
    ) AS all_of_them
    FROM (
        SELECT source, message, attempt, "offset"
        FROM state.warnings
        WHERE warnings.workspace = %(workspace)s AND warnings.run_id = asked.run_id
        ORDER BY attempt DESC, "offset" DESC
        LIMIT 100
    ) AS latest
) AS warnings ON true
LEFT JOIN LATERAL (
    SELECT snapshot_id
    FROM state.snapshots
    WHERE snapshots.workspace = %(workspace)s AND snapshots.run_id = asked.run_id
    ORDER BY attempt DESC
    LIMIT 1
) AS snapshot ON true
LEFT JOIN LATERAL (
    SELECT definition, job_folder
    FROM state.submissions
    WHERE submissions.workspace = %(workspace)s AND submissions.run_id = asked.run_id
    ORDER BY "offset" DESC
    LIMIT 1
) AS submission ON true
LEFT JOIN LATERAL (
    SELECT max(broker_time) AS broker_time
    FROM state.heartbeats
    WHERE heartbeats.workspace = %(workspace)s AND heartbeats.run_id = asked.run_id
) AS heartbeat ON true
LEFT JOIN LATERAL (
    SELECT cancels.occurred_at
    FROM state.cancels
    JOIN state.attempts USING (workspace, run_id)
    WHERE cancels.workspace = %(workspace)s
      AND cancels.run_id = asked.run_id
      AND attempts.attempt = runs.attempt
      AND cancels."offset" >= attempts.first_offset -- an earlier attempt's cancel does not end this one
    ORDER BY cancels."offset" DESC
    LIMIT 1
) AS cancel ON true
LEFT JOIN LATERAL (
    SELECT json_agg(
        json_build_object(
            'direction', direction, 'name', name, 'dataset_id', dataset_id, 'dataset_name', dataset_name,
            'dataset_version', dataset_version, 'mechanism', mechanism, 'path_on_compute', path_on_compute,
            'definition', definition
        )
        ORDER BY direction, "offset"
    ) AS all_of_them
    FROM (
        SELECT *
        FROM state.dataset_links
        WHERE dataset_links.workspace = %(workspace)s AND dataset_links.run_id = asked.run_id
        ORDER BY "offset"
        LIMIT 1000
    ) AS first
) AS datasets ON true
ORDER BY asked.place
