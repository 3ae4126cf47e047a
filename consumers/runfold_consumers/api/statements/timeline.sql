-- Facts and claims about a run as they stand in the log, from an offset on, with what was decided; of as many as the page
-- holds, those before whose messages at most %(bytes_max)s bytes of others come. next_offset: the next one's, if any.
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
    FROM state.facts AS asked
    WHERE asked.workspace = %(workspace)s
      AND asked.aggregate_kind = 'run'
      AND asked.aggregate_id = %(run_id)s
      AND asked."offset" >= %(from_offset)s
    WINDOW in_order AS (ORDER BY asked."offset")
    ORDER BY asked."offset"
    LIMIT %(limit)s
) AS page
JOIN state.facts
    ON facts.workspace = %(workspace)s AND facts.partition = page.partition AND facts."offset" = page."offset"
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
ORDER BY facts."offset"
