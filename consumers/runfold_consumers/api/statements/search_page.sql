-- What a listing shows of these runs, in the order of the ids. Subqueries rather than joins: there is no order of joins that
-- a planner would have to look for, which took longer than reading.
SELECT
    runs.run_id,
    runs.experiment,
    coalesce(
        (
            SELECT value
            FROM state.descriptions
            WHERE descriptions.workspace = %(workspace)s
              AND descriptions.run_id = runs.run_id
              AND descriptions.field = 'display_name'
            ORDER BY "offset" DESC
            LIMIT 1
        ),
        runs.display_name
    ) AS name,
    (
        SELECT number
        FROM state.enrollments
        WHERE enrollments.workspace = %(workspace)s
          AND enrollments.experiment = runs.experiment
          AND enrollments.run_id = runs.run_id
    ) AS number,
    runs.parent_run_id,
    coalesce(attempts.terminal_status, attempts.status, 'NotStarted') AS status,
    attempts.terminal_status IS NOT NULL AS terminal,
    runs.attempt,
    runs.run_type AS type,
    runs.target,
    runs.submitted_by,
    runs.created_at,
    attempts.started_at,
    attempts.ended_at,
    (
        SELECT max(broker_time)
        FROM state.heartbeats
        WHERE heartbeats.workspace = %(workspace)s AND heartbeats.run_id = runs.run_id
    ) AS heartbeat_at,
    (
        SELECT count(*)
        FROM state.runs AS child
        WHERE child.workspace = %(workspace)s AND child.parent_run_id = runs.run_id AND child.run_id <> runs.run_id
    ) AS children,
    coalesce(runs.experiment = ANY(ARRAY(
        SELECT words.experiment
        FROM state.experiment_last_words AS words
        WHERE words.workspace = %(workspace)s AND words.field = 'archived' AND words.value = 'true'
    )), false) AS archived
FROM unnest(%(run_ids)s::text[]) WITH ORDINALITY AS asked (run_id, place)
JOIN state.runs ON runs.workspace = %(workspace)s AND runs.run_id = asked.run_id
LEFT JOIN state.attempts ON attempts.workspace = %(workspace)s
    AND attempts.run_id = asked.run_id
    AND attempts.attempt = runs.attempt
ORDER BY asked.place
