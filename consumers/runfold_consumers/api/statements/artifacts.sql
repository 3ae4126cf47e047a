-- Artifacts of a run by path and attempt, from after a place on, with what the artifact projector found.
SELECT
    artifacts.path,
    artifacts.name,
    artifacts.attempt,
    artifacts.sha256,
    artifacts.size,
    artifacts.media_type,
    artifacts.metric_name,
    artifacts.metric_type,
    coalesce(objects.availability, 'pending') AS availability,
    artifacts.occurred_at AS created_at
FROM state.artifacts
LEFT JOIN observed.objects USING (workspace, run_id, sha256)
WHERE artifacts.workspace = %(workspace)s
  AND artifacts.run_id = %(run_id)s
  AND starts_with(artifacts.path, %(prefix)s::text)
  AND (
      %(after_path)s::text IS NULL
      OR (artifacts.path, artifacts.attempt) > (%(after_path)s::text COLLATE "C", %(after_attempt)s::integer)
  )
ORDER BY artifacts.path, artifacts.attempt
LIMIT %(limit)s
