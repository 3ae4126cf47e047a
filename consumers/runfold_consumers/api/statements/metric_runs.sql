-- The runs whose metrics are asked for: the run itself, and with `recursive` all below it, of one type where one is named.
WITH RECURSIVE tree AS (
    SELECT runs.run_id
    FROM state.runs
    WHERE runs.workspace = %(workspace)s AND runs.run_id = %(run_id)s
    UNION
    SELECT runs.run_id
    FROM tree
    JOIN state.runs ON runs.workspace = %(workspace)s AND runs.parent_run_id = tree.run_id
    WHERE %(recursive)s
)
SELECT run_id
FROM state.runs
WHERE workspace = %(workspace)s
  AND run_id IN (SELECT tree.run_id FROM tree)
  AND (run_id = %(run_id)s OR %(run_type)s::text IS NULL OR run_type = %(run_type)s)
ORDER BY run_id <> %(run_id)s, created_at, run_id
