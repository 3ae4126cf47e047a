-- One wanted offset that is not folded, if any. A topic id that is unknown here is never covered: that topic is gone.
SELECT wanted.topic_id, wanted.partition, wanted.next_offset
FROM unnest(%(topic_ids)s::text[], %(partitions)s::bigint[], %(offsets)s::bigint[])
    AS wanted (topic_id, partition, next_offset)
WHERE NOT EXISTS (
    SELECT FROM state.positions
    WHERE positions.workspace = %(workspace)s
      AND positions.topic_id = wanted.topic_id
      AND positions.partition = wanted.partition
      AND positions.next_offset >= wanted.next_offset
)
LIMIT 1
