-- The artifact at a path, of the attempt asked for, else of the latest one that wrote it.
SELECT
    artifacts.path,
    artifacts.attempt,
    artifacts.sha256,
    artifacts.size,
    artifacts.media_type,
    coalesce(objects.availability, 'pending') AS availability
FROM state.artifacts
LEFT JOIN observed.objects USING (workspace, run_id, sha256)
WHERE artifacts.workspace = %(workspace)s
  AND artifacts.run_id = %(run_id)s
  AND artifacts.path = %(path)s
  AND (%(attempt)s::integer IS NULL OR artifacts.attempt = %(attempt)s)
ORDER BY artifacts.attempt DESC
LIMIT 1
