-- One wanted lane that does not hold all of [1..n] in what was seen or declared lost, over all partitions, if any.
SELECT wanted.*
FROM unnest(%(streams)s::text[], %(kinds)s::text[], %(ids)s::text[], %(writers)s::text[], %(ordinals)s::bigint[])
    AS wanted (stream, aggregate_kind, aggregate_id, writer_id, last_ordinal)
WHERE NOT coalesce(
    (
        SELECT range_agg(told.ordinals) @> int8range(1, wanted.last_ordinal, '[]')
        FROM (
            SELECT lanes.seen
            FROM state.lanes
            WHERE lanes.workspace = %(workspace)s
              AND lanes.topic_kind IN ('facts', 'telemetry')
              AND lanes.aggregate_kind = wanted.aggregate_kind
              AND lanes.aggregate_id = wanted.aggregate_id
              AND lanes.writer_id = wanted.writer_id
              AND lanes.stream = wanted.stream
            UNION ALL
            SELECT claims.declared
            FROM state.claims
            WHERE claims.workspace = %(workspace)s
              AND claims.aggregate_kind = wanted.aggregate_kind
              AND claims.aggregate_id = wanted.aggregate_id
              AND claims.writer_id = wanted.writer_id
              AND claims.stream = wanted.stream
        ) AS told (ordinals)
    ),
    false
)
LIMIT 1
