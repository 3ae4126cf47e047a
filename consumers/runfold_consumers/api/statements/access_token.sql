-- The access token of a hash, unless it was revoked; whether it has expired is judged by the caller, at each use.
SELECT principal, workspaces, scopes, expires_at
FROM control.access_tokens
WHERE hash = %(hash)s AND revoked_at IS NULL
