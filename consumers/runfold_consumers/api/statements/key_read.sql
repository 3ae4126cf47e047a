-- What was stated under an idempotency key.
SELECT digest, prepared, stated
FROM control.stated
WHERE workspace = %(workspace)s AND principal = %(principal)s AND key = %(key)s
