-- The audit from before a row on, latest first, of the workspaces that the caller administers (null: all of them).
SELECT audit_id, at, principal, action, subject, workspace, address, via, coalesce(detail, '{}') AS detail
FROM control.audit
WHERE (%(before)s::bigint IS NULL OR audit_id < %(before)s)
  AND (%(workspaces)s::text[] IS NULL OR workspace = ANY (%(workspaces)s))
  AND (%(of_workspace)s::text IS NULL OR workspace = %(of_workspace)s)
  AND (%(principal)s::text IS NULL OR principal = %(principal)s)
  AND (%(action)s::text IS NULL OR action = %(action)s)
  AND (%(subject)s::text IS NULL OR subject = %(subject)s)
  AND (%(from_time)s::timestamptz IS NULL OR at >= %(from_time)s)
  AND (%(to_time)s::timestamptz IS NULL OR at < %(to_time)s)
ORDER BY audit_id DESC
LIMIT %(limit)s
