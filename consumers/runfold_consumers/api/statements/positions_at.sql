-- Next offsets as of a broker time: of facts the first one that the broker took later, searched by halves through their
-- primary key (broker time does not fall within a partition); of telemetry the first one of a later second.
WITH RECURSIVE search AS (
    SELECT places.partition, 0::bigint AS low, places.next_offset AS high
    FROM unnest(%(fact_partitions)s::integer[], %(fact_offsets)s::bigint[]) AS places (partition, next_offset)
    UNION ALL
    SELECT
        search.partition,
        CASE WHEN found.is_later THEN search.low ELSE found.place + 1 END,
        CASE WHEN found.is_later THEN (search.low + search.high) / 2 ELSE search.high END
    FROM search
    CROSS JOIN LATERAL (
        SELECT coalesce(max(there.place), search.high - 1) AS place, coalesce(bool_or(there.is_later), true) AS is_later
        FROM (
            SELECT facts."offset" AS place, facts.broker_time > %(at)s::timestamptz AS is_later
            FROM state.facts
            WHERE facts.workspace = %(workspace)s
              AND facts.partition = search.partition
              AND facts."offset" >= (search.low + search.high) / 2
            ORDER BY facts."offset"
            LIMIT 1
        ) AS there
    ) AS found
    WHERE search.low < search.high
)
SELECT 'facts' AS topic_kind, partition, low AS next_offset
FROM search
WHERE low >= high
UNION ALL
SELECT 'telemetry', places.partition, coalesce(later.first_offset, places.next_offset)
FROM unnest(%(telemetry_partitions)s::integer[], %(telemetry_offsets)s::bigint[]) AS places (partition, next_offset)
LEFT JOIN LATERAL (
    SELECT first_offset
    FROM state.telemetry_seconds
    WHERE telemetry_seconds.workspace = %(workspace)s
      AND telemetry_seconds.partition = places.partition
      AND telemetry_seconds.second > date_trunc('second', %(at)s::timestamptz)
    ORDER BY telemetry_seconds.second
    LIMIT 1
) AS later ON true
