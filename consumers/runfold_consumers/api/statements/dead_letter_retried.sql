-- Who sent a dead letter again.
UPDATE observed.dead_letters
SET retried_at = now(), retried_by = %(principal)s
WHERE workspace = %(workspace)s AND topic = %(topic)s AND partition = %(partition)s AND "offset" = %(offset)s
RETURNING retried_at
