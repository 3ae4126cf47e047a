-- The roles that stand under any of these names.
SELECT workspace, scopes FROM control.roles WHERE principal = ANY (%(names)s::text[])
