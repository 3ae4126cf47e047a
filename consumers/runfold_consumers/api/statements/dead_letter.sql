-- One dead letter.
SELECT topic, partition, "offset", kind, reason, key, value, broker_time, recorded_at, retried_at, retried_by
FROM observed.dead_letters
WHERE workspace = %(workspace)s AND topic = %(topic)s AND partition = %(partition)s AND "offset" = %(offset)s
