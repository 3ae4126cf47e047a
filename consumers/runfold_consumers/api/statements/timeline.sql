-- Facts and claims about an aggregate as they stand in the log, from a place on, with what was decided; oldest first, or
-- newest first where %(newest_first)s. Of as many as the page holds, those before whose messages at most %(bytes_max)s bytes
-- of others come. next_offset: the next one's, if any. Filters that are NULL choose all.
SELECT
    facts."offset",
    facts.partition,
    facts.broker_time,
    facts.event,
    facts.writer_id,
    facts.ordinal,
    facts.verdict,
    facts.rule,
    facts.message,
    writers.actor,
    coalesce(refusals.all_of_them, '[]') AS refusals,
    page.next_offset
FROM (
    SELECT
        asked.partition,
        asked."offset",
        lead(asked."offset") OVER in_order AS next_offset,
        row_number() OVER in_order AS place,
        sum(coalesce(octet_length(asked.message), 0)) OVER in_order - coalesce(octet_length(asked.message), 0)
            AS bytes_before
    FROM (
        (
            SELECT found.partition, found."offset", found.message
            FROM state.facts AS found
            WHERE found.workspace = %(workspace)s
              AND found.aggregate_kind = %(kind)s
              AND found.aggregate_id = %(id)s
              AND NOT %(newest_first)s AND found."offset" >= %(place)s::bigint
              AND (
                  %(cut_partitions)s::integer[] IS NULL
                  OR found."offset" < coalesce(
                      (
                          SELECT part.next_offset
                          FROM unnest(%(cut_partitions)s::integer[], %(cut_offsets)s::bigint[])
                              AS part (partition, next_offset)
                          WHERE part.partition = found.partition
                      ),
                      0
                  )
              )
              AND (%(events)s::text[] IS NULL OR found.event = ANY(%(events)s::text[]))
              AND (%(verdicts)s::text[] IS NULL OR found.verdict = ANY(%(verdicts)s::text[]))
              AND (%(writer_id)s::text IS NULL OR found.writer_id = %(writer_id)s)
              AND (
                  %(key)s::text IS NULL
                  OR EXISTS (
                      SELECT FROM state.refusals
                      WHERE refusals.workspace = found.workspace
                        AND refusals.partition = found.partition
                        AND refusals."offset" = found."offset"
                        AND refusals.key = %(key)s
                  )
              )
            ORDER BY found."offset"
            LIMIT %(limit)s
        )
        UNION ALL
        (
            SELECT found.partition, found."offset", found.message
            FROM state.facts AS found
            WHERE found.workspace = %(workspace)s
              AND found.aggregate_kind = %(kind)s
              AND found.aggregate_id = %(id)s
              AND %(newest_first)s AND found."offset" <= %(place)s::bigint
              AND (
                  %(cut_partitions)s::integer[] IS NULL
                  OR found."offset" < coalesce(
                      (
                          SELECT part.next_offset
                          FROM unnest(%(cut_partitions)s::integer[], %(cut_offsets)s::bigint[])
                              AS part (partition, next_offset)
                          WHERE part.partition = found.partition
                      ),
                      0
                  )
              )
              AND (%(events)s::text[] IS NULL OR found.event = ANY(%(events)s::text[]))
              AND (%(verdicts)s::text[] IS NULL OR found.verdict = ANY(%(verdicts)s::text[]))
              AND (%(writer_id)s::text IS NULL OR found.writer_id = %(writer_id)s)
              AND (
                  %(key)s::text IS NULL
                  OR EXISTS (
                      SELECT FROM state.refusals
                      WHERE refusals.workspace = found.workspace
                        AND refusals.partition = found.partition
                        AND refusals."offset" = found."offset"
                        AND refusals.key = %(key)s
                  )
              )
            ORDER BY found."offset" DESC
            LIMIT %(limit)s
        )
    ) AS asked
    WINDOW in_order AS (ORDER BY CASE WHEN %(newest_first)s THEN -asked."offset" ELSE asked."offset" END)
) AS page
JOIN state.facts
    ON facts.workspace = %(workspace)s AND facts.partition = page.partition AND facts."offset" = page."offset"
LEFT JOIN state.writers
    ON writers.workspace = facts.workspace
    AND writers.aggregate_kind = facts.aggregate_kind
    AND writers.aggregate_id = facts.aggregate_id
    AND writers.writer_id = facts.writer_id
    AND (
        %(cut_partitions)s::integer[] IS NULL
        OR EXISTS (
            SELECT FROM unnest(%(cut_partitions)s::integer[], %(cut_offsets)s::bigint[]) AS part (partition, next_offset)
            WHERE part.partition = writers.partition AND part.next_offset > writers."offset"
        )
    )
LEFT JOIN LATERAL (
    SELECT json_agg(
        json_build_object('key', key, 'rule', rule, 'kept', kept, 'refused', refused) ORDER BY key
    ) AS all_of_them
    FROM state.refusals
    WHERE refusals.workspace = facts.workspace
      AND refusals.partition = facts.partition
      AND refusals."offset" = facts."offset"
) AS refusals ON true
WHERE page.place < %(limit)s AND page.bytes_before <= %(bytes_max)s
ORDER BY page.place
