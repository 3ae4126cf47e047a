-- Facts and claims about some runs before an offset each, as they came; plain repeats say nothing new.
SELECT facts.aggregate_id AS run_id, facts.partition, facts."offset", facts.broker_time, facts.message
FROM unnest(%(run_ids)s::text[], %(partitions)s::integer[], %(next_offsets)s::bigint[])
    AS asked (run_id, partition, next_offset)
JOIN state.facts
    ON facts.aggregate_id = asked.run_id
    AND facts.workspace = %(workspace)s
    AND facts.aggregate_kind = 'run'
    AND facts.partition = asked.partition
    AND facts."offset" < asked.next_offset
WHERE facts.message IS NOT NULL
ORDER BY facts.partition, facts."offset"
