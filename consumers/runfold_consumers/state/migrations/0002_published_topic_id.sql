-- The cursor of published decisions is one of a topic, not of a name: a topic that was made anew begins at 0 again.
-- A cursor whose topic is not known any more begins at 0 as well: readers drop what is below their own offsets.
ALTER TABLE observed.published ADD COLUMN topic_id text;

UPDATE observed.published SET topic_id = positions.topic_id
FROM state.positions
WHERE (positions.workspace, positions.topic, positions.partition)
    = (published.workspace, published.topic, published.partition);

DELETE FROM observed.published WHERE topic_id IS NULL;

ALTER TABLE observed.published ALTER COLUMN topic_id SET NOT NULL;
