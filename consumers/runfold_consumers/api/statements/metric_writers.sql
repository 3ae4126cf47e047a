-- Writers of these runs: what order and attempts need of them.
SELECT aggregate_id AS run_id, writer_id, actor, host, pid, rank, world_size, attempt, outsider, partition,
       "offset"
FROM state.writers
WHERE workspace = %(workspace)s AND aggregate_kind = 'run' AND aggregate_id = ANY(%(run_ids)s::text[])
ORDER BY aggregate_id, rank NULLS FIRST, writer_id
