-- Roles of analysts whose database is gone: nothing is left that depends on them.
SELECT rolname AS role
FROM pg_roles
WHERE rolname ~ '^runfold_sql_[0-9]+_[0-9a-f]{20}$'
  AND NOT EXISTS (SELECT FROM pg_database WHERE oid::text = split_part(rolname, '_', 3))
ORDER BY 1
LIMIT 100
