-- Adds rows to the audit; without a time, of now.
INSERT INTO control.audit (at, principal, action, subject, detail, workspace, address, via)
SELECT coalesce(at, now()), principal, action, subject, detail, workspace, address, via
FROM unnest(
    %(at)s::timestamptz[], %(principals)s::text[], %(actions)s::text[], %(subjects)s::text[], %(details)s::jsonb[],
    %(workspaces)s::text[], %(addresses)s::text[], %(vias)s::text[]
) AS row (at, principal, action, subject, detail, workspace, address, via)
