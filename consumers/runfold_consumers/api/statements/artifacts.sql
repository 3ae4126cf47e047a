-- Artifacts of a run by path and attempt, from after a place on, with what the artifact projector found. Of each of a page
-- that is looked up by its key: right after many came, the planner's statistics know none of them, and it would join all
-- with all.
SELECT page.*, coalesce(found.availability, 'pending') AS availability
FROM (
    SELECT path, name, attempt, sha256, size, media_type, metric_name, metric_type, occurred_at AS created_at
    FROM state.artifacts
    WHERE workspace = %(workspace)s
      AND run_id = %(run_id)s
      AND starts_with(path, %(prefix)s::text)
      AND (
          %(after_path)s::text IS NULL
          OR (path, attempt) > (%(after_path)s::text COLLATE "C", %(after_attempt)s::integer)
      )
    ORDER BY path, attempt
    LIMIT %(limit)s
) AS page
LEFT JOIN LATERAL (
    SELECT objects.availability
    FROM observed.objects
    WHERE objects.workspace = %(workspace)s AND objects.run_id = %(run_id)s AND objects.sha256 = page.sha256
    OFFSET 0
) AS found ON true
ORDER BY page.path, page.attempt
