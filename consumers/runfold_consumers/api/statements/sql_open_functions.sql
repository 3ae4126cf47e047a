-- Functions with such names that a role may call.
SELECT pg_proc.oid::regprocedure::text AS function
FROM pg_proc
WHERE proname LIKE ANY (%(names)s) AND has_function_privilege(%(role)s, pg_proc.oid, 'EXECUTE') AND prokind = 'f'
ORDER BY 1
