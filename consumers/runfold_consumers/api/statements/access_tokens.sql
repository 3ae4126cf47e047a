-- Access tokens, oldest first, from after one on: those that reach one of the workspaces (null: all of them).
SELECT
    access_token_id, principal, workspaces, scopes, created_at, created_by, expires_at, revoked_at, revoked_by,
    last_used_at
FROM control.access_tokens
WHERE (%(workspaces)s::text[] IS NULL OR workspaces && (%(workspaces)s::text[] || ARRAY['*']))
  AND (%(ended)s OR revoked_at IS NULL AND (expires_at IS NULL OR expires_at > now()))
  AND (
      %(after_time)s::timestamptz IS NULL
      OR (created_at, access_token_id) > (%(after_time)s::timestamptz, %(after_id)s::text)
  )
ORDER BY created_at, access_token_id
LIMIT %(limit)s
