-- Keeps what was stated under a key; keys are kept for a week.
WITH old AS (
    DELETE FROM control.stated
    WHERE workspace = %(workspace)s AND principal = %(principal)s AND at < now() - interval '7 days'
)
UPDATE control.stated
SET stated = %(stated)s
WHERE workspace = %(workspace)s AND principal = %(principal)s AND key = %(key)s
