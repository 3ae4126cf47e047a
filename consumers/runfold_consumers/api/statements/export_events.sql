-- Facts and claims about these runs in the order of the log, run by run, with what was decided.
SELECT
    facts.aggregate_id AS run_id,
    facts.partition,
    facts."offset",
    facts.broker_time,
    facts.event,
    facts.writer_id AS writer,
    facts.ordinal,
    facts.verdict,
    facts.rule,
    facts.message
FROM state.facts
WHERE facts.workspace = %(workspace)s
  AND facts.aggregate_kind = 'run'
  AND facts.aggregate_id = ANY(%(run_ids)s::text[])
ORDER BY facts.aggregate_id, facts."offset"
