-- The access token of a hash, unless it was revoked; whether it has expired is judged by the caller, at each use.
SELECT
    access_token_id,
    principal,
    workspaces,
    scopes,
    expires_at,
    last_used_at IS NULL OR last_used_at < now() - interval '10 minutes' AS use_is_news
FROM control.access_tokens
WHERE hash = %(hash)s AND revoked_at IS NULL
