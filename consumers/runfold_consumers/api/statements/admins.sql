-- How many there are who may administer all workspaces: access tokens in force, and roles where people can sign on.
SELECT
    (
        SELECT count(*)
        FROM control.access_tokens
        WHERE '*' = ANY (workspaces) AND 'admin' = ANY (scopes) AND revoked_at IS NULL
          AND (expires_at IS NULL OR expires_at > now())
    ) + (
        SELECT count(*)
        FROM control.roles
        WHERE %(sign_on)s AND workspace = '*' AND 'admin' = ANY (scopes)
    ) AS n
