-- Runs whose latest attempt has begun and not ended, those of them that are silent, and those that began within an hour.
SELECT
    count(*) FILTER (WHERE told.status <> 'NotStarted') AS running,
    count(*) FILTER (WHERE told.status = 'NotResponding') AS not_responding,
    (
        SELECT count(*)
        FROM state.runs AS young
        WHERE young.workspace = %(workspace)s AND young.created_at > now() - interval '1 hour'
    ) AS last_hour
FROM (
    SELECT coalesce(attempts.status, 'NotStarted') AS status
    FROM state.attempts
    JOIN state.runs USING (workspace, run_id, attempt)
    WHERE attempts.workspace = %(workspace)s AND attempts.terminal_status IS NULL
) AS told
