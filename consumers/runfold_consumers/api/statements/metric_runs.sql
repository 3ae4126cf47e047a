-- The runs whose metrics are asked for: the run itself, and with `recursive` all below it, of one type where one is named;
-- of those below only such as had started before `cut_offsets`, where these are given.
WITH RECURSIVE tree AS (
    SELECT runs.run_id
    FROM state.runs
    WHERE runs.workspace = %(workspace)s AND runs.run_id = %(run_id)s
    UNION
    SELECT runs.run_id
    FROM tree
    JOIN state.runs ON runs.workspace = %(workspace)s AND runs.parent_run_id = tree.run_id
    WHERE %(recursive)s
      AND (
          %(cut_partitions)s::integer[] IS NULL
          OR EXISTS (
              SELECT FROM unnest(%(cut_partitions)s::integer[], %(cut_offsets)s::bigint[]) AS part (partition, next_offset)
              WHERE part.partition = runs.partition AND part.next_offset > runs.started_offset
          )
      )
)
SELECT run_id
FROM state.runs
WHERE workspace = %(workspace)s
  AND run_id IN (SELECT tree.run_id FROM tree)
  AND (run_id = %(run_id)s OR %(run_type)s::text IS NULL OR run_type = %(run_type)s)
ORDER BY run_id <> %(run_id)s, created_at, run_id
