-- Runs that a run was the parent of before these offsets, by creation, then id, from after a place on. A run has its parent
-- and its time of creation from its start, for ever.
SELECT runs.run_id, runs.partition, part.next_offset, runs.created_at
FROM state.runs
JOIN unnest(%(partitions)s::integer[], %(offsets)s::bigint[]) AS part (partition, next_offset)
    ON part.partition = runs.partition AND part.next_offset > runs.started_offset
WHERE runs.workspace = %(workspace)s
  AND runs.parent_run_id = %(parent)s
  AND (
      %(after_time)s::timestamptz IS NULL
      OR CASE
          WHEN %(descending)s THEN runs.created_at < %(after_time)s
          ELSE runs.created_at > %(after_time)s
      END
      OR (runs.created_at = %(after_time)s AND runs.run_id > %(after_id)s::text)
  )
ORDER BY
    CASE WHEN %(descending)s THEN runs.created_at END DESC,
    CASE WHEN NOT %(descending)s THEN runs.created_at END,
    runs.run_id
LIMIT %(limit)s OFFSET %(skip)s
