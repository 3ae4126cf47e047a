-- What was seen, declared lost, closed, and by heartbeats marked as journaled, per lane of these runs. Outsiders do not
-- belong to the run, nor do their lanes.
SELECT
    aggregate_id AS run_id,
    stream,
    writer_id,
    coalesce(range_agg(seen), '{}') AS seen,
    coalesce(range_agg(declared), '{}') AS declared,
    max(closed) AS closed,
    coalesce(max(marked), 0) AS marked
FROM (
    SELECT
        aggregate_id,
        stream,
        writer_id,
        seen,
        NULL::int8multirange AS declared,
        NULL::bigint AS closed,
        NULL::bigint AS marked
    FROM state.lanes
    WHERE workspace = %(workspace)s
      AND topic_kind IN ('facts', 'telemetry')
      AND aggregate_kind = 'run'
      AND aggregate_id = ANY(%(run_ids)s::text[])
    UNION ALL
    SELECT aggregate_id, stream, writer_id, NULL, declared, closed, NULL
    FROM state.claims
    WHERE workspace = %(workspace)s AND aggregate_kind = 'run' AND aggregate_id = ANY(%(run_ids)s::text[])
    UNION ALL
    SELECT heartbeats.run_id, ends.stream, heartbeats.writer_id, NULL, NULL, NULL, ends.last_ordinal::bigint
    FROM state.heartbeats
    CROSS JOIN LATERAL jsonb_each_text(heartbeats.ends) AS ends (stream, last_ordinal)
    WHERE heartbeats.workspace = %(workspace)s AND heartbeats.run_id = ANY(%(run_ids)s::text[])
) AS told
WHERE NOT EXISTS (
    SELECT FROM state.writers
    WHERE writers.workspace = %(workspace)s
      AND writers.aggregate_kind = 'run'
      AND writers.aggregate_id = told.aggregate_id
      AND writers.writer_id = told.writer_id
      AND writers.outsider
)
GROUP BY aggregate_id, stream, writer_id
