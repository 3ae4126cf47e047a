-- What could not be folded, newest first, from before a place on.
SELECT topic, partition, "offset", kind, reason, key, value, broker_time, recorded_at
FROM observed.dead_letters
WHERE workspace = %(workspace)s
  AND (
      %(before_time)s::timestamptz IS NULL
      OR (recorded_at, topic, partition, "offset")
          < (%(before_time)s::timestamptz, %(before_topic)s::text COLLATE "C", %(before_partition)s::integer,
             %(before_offset)s::bigint)
  )
ORDER BY recorded_at DESC, topic DESC, partition DESC, "offset" DESC
LIMIT %(limit)s
