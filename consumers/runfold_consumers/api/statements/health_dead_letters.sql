-- How many dead letters there are of each kind, and how many of them were not sent again.
SELECT kind, count(*) AS letters, count(*) FILTER (WHERE retried_at IS NULL) AS open
FROM observed.dead_letters
WHERE workspace = %(workspace)s
GROUP BY kind
