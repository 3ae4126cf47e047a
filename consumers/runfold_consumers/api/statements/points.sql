-- Points of these runs, writer by writer in the order of their first ordinals: rows as they came (with a message) and
-- chunks (without). Those of outsiders are kept but not shown, unless asked for. `since`, `until`: next offsets by partition, JSON; where
-- these cut through a chunk, it comes with its sources.
WITH cuts AS (
    SELECT %(since)s::jsonb AS since, %(until)s::jsonb AS until
)
SELECT found.*
FROM (
    SELECT points.run_id, points.writer_id, points.first_ordinal, points.partition, points."offset",
           (extract(epoch FROM points.broker_time) * 1000000)::bigint AS broker_time_us, points.message,
           NULL::text AS name, NULL::text AS column_name, NULL::text AS kind, NULL::text AS axis, NULL::integer AS points,
           NULL::bytea AS ordinals, NULL::bytea AS steps, NULL::bytea AS times, NULL::bytea AS numbers, NULL::bytea AS texts,
           NULL::bytea AS sources
    FROM state.points
    CROSS JOIN cuts
    WHERE points.workspace = %(workspace)s
      AND points.run_id = ANY(%(run_ids)s::text[])
      AND (cuts.since IS NULL OR points."offset" >= coalesce((cuts.since ->> points.partition::text)::bigint, 0))
      AND (cuts.until IS NULL OR points."offset" < coalesce((cuts.until ->> points.partition::text)::bigint, 0))
    UNION ALL
    SELECT chunks.run_id, chunks.writer_id, chunks.first_ordinal, chunks.partition, NULL, NULL, NULL,
           chunks.name, chunks.column_name, chunks.kind, chunks.axis, chunks.points,
           chunks.ordinals, chunks.steps, chunks.times, chunks.numbers, chunks.texts,
           CASE
               WHEN (cuts.since IS NULL
                     OR chunks.first_offset >= coalesce((cuts.since ->> chunks.partition::text)::bigint, 0))
                AND (cuts.until IS NULL
                     OR chunks.last_offset < coalesce((cuts.until ->> chunks.partition::text)::bigint, 0)) THEN NULL
               ELSE chunks.sources
           END
    FROM state.chunks
    CROSS JOIN cuts
    WHERE chunks.workspace = %(workspace)s
      AND chunks.run_id = ANY(%(run_ids)s::text[])
      AND (%(series_ids)s::uuid[] IS NULL OR chunks.series_id = ANY(%(series_ids)s::uuid[]))
      AND (cuts.since IS NULL OR chunks.last_offset >= coalesce((cuts.since ->> chunks.partition::text)::bigint, 0))
      AND (cuts.until IS NULL OR chunks.first_offset < coalesce((cuts.until ->> chunks.partition::text)::bigint, 0))
) AS found
WHERE (%(writer_ids)s::text[] IS NULL OR found.writer_id = ANY(%(writer_ids)s::text[]))
  AND (%(outsiders)s OR NOT EXISTS (
      SELECT FROM state.writers
      WHERE writers.workspace = %(workspace)s
        AND writers.aggregate_kind = 'run'
        AND writers.aggregate_id = found.run_id
        AND writers.writer_id = found.writer_id
        AND writers.outsider
  ))
ORDER BY found.run_id, found.writer_id, found.first_ordinal
