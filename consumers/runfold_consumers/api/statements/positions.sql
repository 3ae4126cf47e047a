-- What is folded: next offset per topic and partition.
SELECT topic_id, partition, next_offset
FROM state.positions
WHERE workspace = %(workspace)s
