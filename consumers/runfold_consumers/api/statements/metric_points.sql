-- Points of these runs as they came, writer by writer in ordinal order. Those of outsiders are kept but not shown.
SELECT points.message
FROM state.points
WHERE points.workspace = %(workspace)s
  AND points.run_id = ANY(%(run_ids)s::text[])
  AND NOT EXISTS (
      SELECT FROM state.writers
      WHERE writers.workspace = %(workspace)s
        AND writers.aggregate_kind = 'run'
        AND writers.aggregate_id = points.run_id
        AND writers.writer_id = points.writer_id
        AND writers.outsider
  )
ORDER BY points.run_id, points.writer_id, points.first_ordinal
