-- How far each projector is behind. The state projector's own position is read here, where it is surely current.
-- lag_s: behind the log's end, seconds since the broker took the last folded record; at its end 0, unless the projector
-- has not reported for longer than %(silent_s)s seconds, then seconds since it did. NULL: behind, and nothing folded yet.
SELECT
    lag.projector,
    lag.topic,
    lag.partition,
    greatest(lag.next_offset, positions.next_offset) AS next_offset,
    greatest(lag.end_offset, positions.next_offset) AS end_offset,
    CASE
        WHEN greatest(lag.next_offset, positions.next_offset) < lag.end_offset
            THEN extract(epoch FROM now() - coalesce(positions.last_broker_time, lag.last_broker_time))
        WHEN now() - lag.observed_at > make_interval(secs => %(silent_s)s)
            THEN extract(epoch FROM now() - lag.observed_at)
        ELSE 0
    END::double precision AS lag_s,
    lag.observed_at
FROM observed.lag
LEFT JOIN state.positions
    ON lag.projector = 'state'
    AND positions.workspace = lag.workspace
    AND positions.topic = lag.topic
    AND positions.partition = lag.partition
WHERE lag.workspace = %(workspace)s
ORDER BY lag.projector, lag.topic, lag.partition
