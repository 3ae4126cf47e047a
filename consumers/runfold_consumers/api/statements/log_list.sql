-- Logs of a run by name, attempt and rank, with what is known of their lanes. Outsiders do not belong to the run.
SELECT
    substr(told.stream, 5) AS name,
    told.stream,
    latest.attempt,
    told.writer_id,
    writers.rank,
    told.seen,
    told.declared,
    told.closed,
    told.marked,
    latest.broker_time AS updated_at
FROM (
    SELECT
        stream,
        writer_id,
        coalesce(range_agg(seen), '{}') AS seen,
        coalesce(range_agg(declared), '{}') AS declared,
        max(closed) AS closed,
        coalesce(max(marked), 0) AS marked
    FROM (
        SELECT
            stream,
            writer_id,
            seen,
            NULL::int8multirange AS declared,
            NULL::bigint AS closed,
            NULL::bigint AS marked
        FROM state.lanes
        WHERE workspace = %(workspace)s
          AND topic_kind = 'telemetry'
          AND aggregate_kind = 'run'
          AND aggregate_id = %(run_id)s
          AND starts_with(stream, 'log/')
        UNION ALL
        SELECT stream, writer_id, NULL, declared, closed, NULL
        FROM state.claims
        WHERE workspace = %(workspace)s
          AND aggregate_kind = 'run'
          AND aggregate_id = %(run_id)s
          AND starts_with(stream, 'log/')
        UNION ALL
        SELECT ends.stream, heartbeats.writer_id, NULL, NULL, NULL, ends.last_ordinal::bigint
        FROM state.heartbeats
        CROSS JOIN LATERAL jsonb_each_text(heartbeats.ends) AS ends (stream, last_ordinal)
        WHERE heartbeats.workspace = %(workspace)s
          AND heartbeats.run_id = %(run_id)s
          AND starts_with(ends.stream, 'log/')
    ) AS lanes
    GROUP BY stream, writer_id
) AS told
JOIN LATERAL (
    SELECT logs.attempt, logs.broker_time
    FROM state.logs
    WHERE logs.workspace = %(workspace)s
      AND logs.run_id = %(run_id)s
      AND logs.name = substr(told.stream, 5)
      AND logs.writer_id = told.writer_id
    ORDER BY logs.first_ordinal DESC
    LIMIT 1
) AS latest ON true
LEFT JOIN state.writers
    ON writers.workspace = %(workspace)s
    AND writers.aggregate_kind = 'run'
    AND writers.aggregate_id = %(run_id)s
    AND writers.writer_id = told.writer_id
WHERE writers.outsider IS NOT TRUE
ORDER BY name, latest.attempt, writers.rank NULLS FIRST, writers.opened_at, told.writer_id
LIMIT %(limit)s
