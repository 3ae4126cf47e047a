-- The session of a cookie, with the access token that stands behind it, unless one of them ended.
SELECT
    sessions.session_id,
    sessions.principal,
    sessions.subject,
    sessions.email,
    sessions.groups,
    sessions.expires_at,
    sessions.access_token_id,
    access_tokens.workspaces,
    access_tokens.scopes,
    access_tokens.expires_at AS access_token_expires_at,
    sessions.last_seen_at < now() - %(idle)s::interval / 20 AS use_is_news
FROM control.sessions
LEFT JOIN control.access_tokens USING (access_token_id)
WHERE sessions.hash = %(hash)s
  AND sessions.ended_at IS NULL
  AND sessions.expires_at > now()
  AND sessions.last_seen_at > now() - %(idle)s::interval
  AND access_tokens.revoked_at IS NULL
