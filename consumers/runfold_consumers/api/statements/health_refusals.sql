-- Facts that were refused from these offsets on: how many, and the latest of them key by key.
SELECT
    recent.partition,
    recent."offset",
    refusals.aggregate_kind,
    refusals.aggregate_id,
    refusals.rule,
    refusals.key,
    refusals.kept,
    refusals.refused,
    recent.broker_time AS at,
    recent.of_all
FROM (
    SELECT facts.partition, facts."offset", facts.broker_time, count(*) OVER () AS of_all
    FROM unnest(%(partitions)s::integer[], %(offsets)s::bigint[]) AS part (partition, first_offset)
    JOIN state.facts
        ON facts.workspace = %(workspace)s
        AND facts.partition = part.partition
        AND facts."offset" >= part.first_offset
        AND facts.verdict <> 'accepted'
    WHERE facts.verdict = 'refused'
    ORDER BY facts.broker_time DESC, facts.partition, facts."offset" DESC
    LIMIT %(limit)s
) AS recent
JOIN state.refusals
    ON refusals.workspace = %(workspace)s
    AND refusals.partition = recent.partition
    AND refusals."offset" = recent."offset"
ORDER BY recent.broker_time DESC, recent.partition, recent."offset" DESC, refusals.key
