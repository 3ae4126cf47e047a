-- Settling: series that came to rest get their numbers indexed.

-- name: settle_series
-- Those that somebody writes at this moment have not come to rest. Parameters: seconds of rest, rows at most.
UPDATE state.series
SET (settled, settled_last, settled_min, settled_max) = (true, nullif(last_value, 'NaN'), min, max)
WHERE ctid = ANY(ARRAY(
    SELECT ctid FROM state.series
    WHERE NOT settled AND broker_time < now() - make_interval(secs => %s::float8)
    LIMIT %s
    FOR UPDATE SKIP LOCKED
));
