-- Notes that access tokens and sessions are in use.
WITH used AS (
    UPDATE control.access_tokens SET last_used_at = now() WHERE access_token_id = ANY (%(access_tokens)s::text[])
)
UPDATE control.sessions SET last_seen_at = now() WHERE session_id = ANY (%(sessions)s::text[])
