-- What the artifact projector found of some objects of an owner.
SELECT sha256, availability
FROM observed.objects
WHERE workspace = %(workspace)s AND run_id = %(owner)s AND sha256 = ANY(%(digests)s::text[])
