-- What could not be folded, newest first, from before a place on; of as many as the page holds, those before whose bodies
-- at most %(bytes_max)s bytes of others come. more: whether another one follows.
SELECT letters.*, page.more
FROM (
    SELECT
        topic,
        partition,
        "offset",
        lead(true) OVER in_order IS NOT NULL AS more,
        row_number() OVER in_order AS place,
        sum(coalesce(octet_length(value), 0)) OVER in_order - coalesce(octet_length(value), 0) AS bytes_before
    FROM observed.dead_letters
    WHERE workspace = %(workspace)s
      AND (
          %(before_time)s::timestamptz IS NULL
          OR (recorded_at, topic, partition, "offset")
              < (%(before_time)s::timestamptz, %(before_topic)s::text COLLATE "C", %(before_partition)s::integer,
                 %(before_offset)s::bigint)
      )
    WINDOW in_order AS (ORDER BY recorded_at DESC, topic DESC, partition DESC, "offset" DESC)
    ORDER BY recorded_at DESC, topic DESC, partition DESC, "offset" DESC
    LIMIT %(limit)s
) AS page
JOIN (
    SELECT topic, partition, "offset", kind, reason, key, value, broker_time, recorded_at, retried_at, retried_by
    FROM observed.dead_letters
    WHERE workspace = %(workspace)s
) AS letters USING (topic, partition, "offset")
WHERE page.place < %(limit)s AND page.bytes_before <= %(bytes_max)s
ORDER BY recorded_at DESC, topic DESC, partition DESC, "offset" DESC
