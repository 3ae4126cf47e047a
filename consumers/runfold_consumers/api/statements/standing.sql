-- What is folded: topic, its id, partition, next offset.
SELECT topic, topic_id, partition, next_offset
FROM state.positions
WHERE workspace = %(workspace)s
