-- How many runs these were the parent of before these offsets, each counted up to %(most)s; themselves or not.
SELECT asked.run_id, counted.n
FROM unnest(%(run_ids)s::text[]) AS asked (run_id)
CROSS JOIN LATERAL (
    SELECT count(*) AS n
    FROM (
        SELECT
        FROM state.runs
        JOIN unnest(%(partitions)s::integer[], %(offsets)s::bigint[]) AS part (partition, next_offset)
            ON part.partition = runs.partition AND part.next_offset > runs.started_offset
        WHERE runs.workspace = %(workspace)s
          AND runs.parent_run_id = asked.run_id
          AND (%(themselves)s OR runs.run_id <> asked.run_id)
        LIMIT %(most)s
    ) AS found
) AS counted
