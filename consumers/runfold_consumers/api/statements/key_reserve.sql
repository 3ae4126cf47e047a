-- Takes an idempotency key; a row where it was free, or was taken by a request that never journaled and is long gone.
INSERT INTO control.stated (workspace, principal, key, digest, prepared)
VALUES (%(workspace)s, %(principal)s, %(key)s, %(digest)s, %(prepared)s)
ON CONFLICT (workspace, principal, key) DO UPDATE
SET digest = excluded.digest, at = excluded.at
WHERE stated.stated IS NULL AND stated.digest = excluded.digest AND stated.at < now() - interval '1 minute'
RETURNING prepared
