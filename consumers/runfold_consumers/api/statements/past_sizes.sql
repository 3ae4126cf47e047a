-- Of each of these runs how many facts and claims there were before an offset, counted up to %(most)s, and their bytes.
SELECT asked.run_id, sized.facts, sized.bytes
FROM unnest(%(run_ids)s::text[], %(partitions)s::integer[], %(next_offsets)s::bigint[]) WITH ORDINALITY
    AS asked (run_id, partition, next_offset, place)
CROSS JOIN LATERAL (
    SELECT count(*) AS facts, coalesce(sum(octet_length(found.message)), 0) AS bytes
    FROM (
        SELECT facts.message
        FROM state.facts
        WHERE facts.aggregate_id = asked.run_id
          AND facts.workspace = %(workspace)s
          AND facts.aggregate_kind = 'run'
          AND facts.partition = asked.partition
          AND facts."offset" < asked.next_offset
          AND facts.message IS NOT NULL
        LIMIT %(most)s
    ) AS found
) AS sized
ORDER BY asked.place
