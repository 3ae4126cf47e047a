-- Rows of a log from the one that holds a byte on, as many as an answer of %(limit)s bytes may need, and no more than
-- %(rows)s: what is beyond is asked for next.
SELECT page.first_ordinal AS first, page.last_ordinal AS last, logs.data
FROM (
    SELECT
        partition,
        first_ordinal,
        last_ordinal,
        sum(bytes) OVER (ORDER BY first_ordinal) - bytes AS bytes_before
    FROM (
        SELECT
            partition,
            first_ordinal,
            last_ordinal,
            greatest(last_ordinal - greatest(first_ordinal, %(first)s) + 1, 0) AS bytes
        FROM state.logs
        WHERE workspace = %(workspace)s
          AND run_id = %(run_id)s
          AND name = %(name)s
          AND writer_id = %(writer_id)s
          AND first_ordinal >= coalesce(
              (
                  SELECT before.first_ordinal
                  FROM state.logs AS before
                  WHERE before.workspace = %(workspace)s
                    AND before.run_id = %(run_id)s
                    AND before.name = %(name)s
                    AND before.writer_id = %(writer_id)s
                    AND before.first_ordinal <= %(first)s
                  ORDER BY before.first_ordinal DESC
                  LIMIT 1
              ),
              %(first)s
          )
        ORDER BY first_ordinal
        LIMIT %(rows)s
    ) AS following
) AS page
JOIN state.logs
    ON logs.workspace = %(workspace)s
    AND logs.partition = page.partition
    AND logs.run_id = %(run_id)s
    AND logs.writer_id = %(writer_id)s
    AND logs.name = %(name)s
    AND logs.first_ordinal = page.first_ordinal
WHERE page.bytes_before < %(limit)s
ORDER BY page.first_ordinal
