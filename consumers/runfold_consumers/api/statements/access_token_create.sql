-- Keeps an access token.
INSERT INTO control.access_tokens (access_token_id, hash, principal, workspaces, scopes, expires_at, created_by)
VALUES (%(access_token_id)s, %(hash)s, %(principal)s, %(workspaces)s, %(scopes)s, %(expires_at)s, %(created_by)s)
RETURNING access_token_id, principal, workspaces, scopes, created_at, created_by, expires_at, revoked_at, revoked_by,
    last_used_at
