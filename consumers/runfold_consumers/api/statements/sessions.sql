-- Sessions in force, latest first.
SELECT session_id, principal, access_token_id, subject, email, groups, created_at, last_seen_at, expires_at
FROM control.sessions
WHERE ended_at IS NULL AND expires_at > now() AND last_seen_at > now() - %(idle)s::interval
ORDER BY created_at DESC
LIMIT 1000
