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
    SELECT
        writer_id,
        stream,
        coalesce(range_agg(seen), '{}') AS seen,
        coalesce(range_agg(declared), '{}') AS declared,
        max(closed) AS closed,
        coalesce(max(marked), 0) AS marked
    FROM (
        SELECT
            writer_id,
            stream,
            seen,
            NULL::int8multirange AS declared,
            NULL::bigint AS closed,
            NULL::bigint AS marked
        FROM state.lanes
        WHERE workspace = %(workspace)s
          AND topic_kind IN ('facts', 'telemetry')
          AND aggregate_kind = 'run'
          AND aggregate_id = %(run_id)s
        UNION ALL
        SELECT writer_id, stream, NULL, declared, closed, NULL
        FROM state.claims
        WHERE workspace = %(workspace)s AND aggregate_kind = 'run' AND aggregate_id = %(run_id)s
        UNION ALL
        SELECT heartbeats.writer_id, ends.stream, NULL, NULL, NULL, ends.last_ordinal::bigint
        FROM state.heartbeats
        CROSS JOIN LATERAL jsonb_each_text(heartbeats.ends) AS ends (stream, last_ordinal)
        WHERE heartbeats.workspace = %(workspace)s AND heartbeats.run_id = %(run_id)s
    ) AS lanes
    GROUP BY writer_id, stream
) AS told
FULL JOIN (
    SELECT writer_id, rank, attempt, host, pid, outsider, opened_at
    FROM state.writers
    WHERE workspace = %(workspace)s AND aggregate_kind = 'run' AND aggregate_id = %(run_id)s
) AS writers USING (writer_id)
ORDER BY writers.rank NULLS FIRST, writers.opened_at, writer_id, told.stream
