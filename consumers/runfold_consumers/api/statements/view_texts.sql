-- What the views of state select.
SELECT viewname AS name, definition AS text
FROM pg_views
WHERE schemaname = 'state' AND %(workspace)s::text IS NOT NULL
