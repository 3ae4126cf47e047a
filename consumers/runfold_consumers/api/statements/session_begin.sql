-- Begins a session; those that ended a week ago are forgotten, a few at a time.
WITH forgotten AS (
    DELETE FROM control.sessions
    WHERE session_id IN (
        SELECT session_id FROM control.sessions WHERE expires_at < now() - interval '7 days' ORDER BY expires_at LIMIT 100
    )
)
INSERT INTO control.sessions (session_id, hash, principal, access_token_id, subject, email, groups, expires_at)
VALUES (
    %(session_id)s, %(hash)s, %(principal)s, %(access_token_id)s, %(subject)s, %(email)s, %(groups)s,
    now() + %(whole)s
)
