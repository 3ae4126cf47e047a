-- Those of these runs that there are, and the client's time at which each first started, in seconds since 1970.
SELECT
    runs.run_id,
    extract(epoch FROM coalesce(min(attempts.started_at), runs.created_at))::float8 AS start
FROM state.runs
LEFT JOIN state.attempts USING (workspace, run_id)
WHERE runs.workspace = %(workspace)s AND runs.run_id = ANY(%(run_ids)s::text[])
GROUP BY runs.run_id, runs.created_at
