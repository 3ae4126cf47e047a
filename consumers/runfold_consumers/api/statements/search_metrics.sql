-- Of these runs, these series: all points of all writers but outsiders.
SELECT run_id, series_id::text AS series_id, last_value, last_text, min, max, points AS count
FROM state.run_metrics
WHERE workspace = %(workspace)s AND run_id = ANY(%(run_ids)s::text[]) AND series_id = ANY(%(series)s::uuid[])
