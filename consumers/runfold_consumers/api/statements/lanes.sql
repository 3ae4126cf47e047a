-- What is known of the lanes of these runs. Outsiders do not belong to the run, nor do their lanes.
SELECT run_id, stream, writer_id, seen, declared, closed, marked
FROM state.run_lanes AS told
WHERE workspace = %(workspace)s
  AND run_id = ANY(%(run_ids)s::text[])
  AND NOT EXISTS (
      SELECT FROM state.writers
      WHERE writers.workspace = %(workspace)s
        AND writers.aggregate_kind = 'run'
        AND writers.aggregate_id = told.run_id
        AND writers.writer_id = told.writer_id
        AND writers.outsider
  )
