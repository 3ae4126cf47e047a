-- Per writer and stream of a run: what was seen, declared lost and closed, and by heartbeats marked as journaled. Writers
-- of whom nothing is known but that they are outsiders have one row without a stream.
SELECT
    coalesce(writers.writer_id, told.writer_id) AS writer_id,
    writers.rank,
    writers.attempt,
    writers.host,
    writers.pid,
    coalesce(writers.outsider, false) AS outsider,
    told.stream,
    told.seen,
    told.declared,
    told.closed,
    told.marked
FROM (
    SELECT *
    FROM state.run_lanes
    WHERE workspace = %(workspace)s AND run_id = %(run_id)s
) AS told
FULL JOIN (
    SELECT writer_id, rank, attempt, host, pid, outsider, opened_at
    FROM state.writers
    WHERE workspace = %(workspace)s AND aggregate_kind = 'run' AND aggregate_id = %(run_id)s
) AS writers USING (writer_id)
ORDER BY writers.rank NULLS FIRST, writers.opened_at, writer_id, told.stream
