SELECT availability
FROM observed.objects
WHERE workspace = %(workspace)s AND run_id = %(run_id)s AND sha256 = %(sha256)s
