-- A snapshot, of a run under which its ZIP was seen where there is one, else of the first that told it.
SELECT
    snapshots.snapshot_id,
    snapshots.run_id,
    snapshots.attempt,
    snapshots.sha256,
    snapshots.size,
    snapshots.files,
    snapshots.content_bytes,
    snapshots.directory,
    coalesce(objects.availability, 'pending') AS availability
FROM state.snapshots
LEFT JOIN observed.objects USING (workspace, run_id, sha256)
WHERE snapshots.workspace = %(workspace)s AND snapshots.snapshot_id = %(snapshot_id)s
ORDER BY objects.availability IS NOT DISTINCT FROM 'available' DESC, snapshots.occurred_at, snapshots.run_id
LIMIT 1
