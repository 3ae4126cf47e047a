"""Where a projection stands: its position rows, and the proof that the log is still the one they were written for
(design P9).

A row is written in the transaction of what it counts, so it is the only truth about progress. It keeps broker time and
digest of the last record folded; the loop reads that record back whenever it is given a partition.
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from datetime import datetime, timedelta, timezone
from typing import NamedTuple

import psycopg
from psycopg import sql

from runfold_consumers.engine.errors import LogMismatch, PositionMoved
from runfold_consumers.engine.poll import Partition
from runfold_consumers.engine.projection import Connection
from runfold_consumers.fold.records import RawRecord

DIGEST_BYTES = 16
_EPOCH = datetime(1970, 1, 1, tzinfo=timezone.utc)


class Position(NamedTuple):
    """A position row. Time (µs) and digest are those of the record at `next_offset - 1`, None before the first one."""

    topic_id: str
    next_offset: int
    last_broker_time_us: int | None
    last_digest: bytes | None


class Step(NamedTuple):
    """One partition's part of a batch: moves the position from `first_offset` to behind `last`."""

    topic_id: str
    first_offset: int
    last: RawRecord


def digest(raw: RawRecord) -> bytes:
    """SHA-256 of key and value, cut to 16 bytes; the key's length keeps the border between them (no key counts as
    -1).
    """
    key = raw.key
    hashed = hashlib.sha256((-1 if key is None else len(key)).to_bytes(4, "little", signed=True) + (key or b""))
    hashed.update(raw.value)
    return hashed.digest()[:DIGEST_BYTES]


def read(
    connection: Connection, schema: str, workspace: str, topic_ids: Mapping[Partition, str]
) -> dict[Partition, Position]:
    """Stored positions of these partitions of one workspace; a partition without a row gets one at offset 0, for this
    topic id.
    """
    partitions = sorted(topic_ids)
    columns = [[p.topic for p in partitions], [p.partition for p in partitions]]
    with connection.transaction(), connection.cursor() as cursor:
        cursor.execute(_sql(_OPEN, schema), [workspace, *columns, [topic_ids[p] for p in partitions]])
        cursor.execute(_sql(_READ, schema), [*columns, workspace])
        return {Partition(row[0], row[1]): Position(row[2], row[3], _micros(row[4]), row[5]) for row in cursor}


def lock(connection: Connection, schema: str, workspace: str, topic: str, steps: Mapping[int, Step]) -> None:
    """Locks the rows of a batch, in partition order.

    Raises:
        PositionMoved: a row is not where the batch begins, or is gone.
        LogMismatch: the batch came from another topic of that name.
    """
    with connection.cursor() as cursor:
        cursor.execute(_sql(_LOCK, schema), [workspace, topic, sorted(steps)])
        stored = {row[0]: (row[1], row[2]) for row in cursor}
    for partition, step in sorted(steps.items()):
        topic_id, next_offset = stored.get(partition, (step.topic_id, None))
        if topic_id != step.topic_id:
            raise LogMismatch(
                topic, partition, next_offset or 0, f"topic id was {topic_id}, is {step.topic_id}: it was re-created"
            )
        if next_offset != step.first_offset:
            raise PositionMoved(topic, partition, step.first_offset, next_offset)


def advance(connection: Connection, schema: str, workspace: str, topic: str, steps: Mapping[int, Step]) -> None:
    """Moves locked rows behind the batch.

    Raises:
        PositionMoved: a row was not where the batch begins after all.
    """
    items = sorted(steps.items())
    columns = [
        [partition for partition, _ in items],
        [step.topic_id for _, step in items],
        [step.first_offset for _, step in items],
        [step.last.offset + 1 for _, step in items],
        [_EPOCH + timedelta(microseconds=step.last.broker_time_us) for _, step in items],
        [digest(step.last) for _, step in items],
    ]
    moved = connection.execute(_sql(_ADVANCE, schema), [*columns, workspace, topic]).rowcount
    if moved != len(items):
        raise PositionMoved(topic, items[0][0], items[0][1].first_offset, None)


def moved(connection: Connection, schema: str, expected: Mapping[Partition, int]) -> list[Partition]:
    """Partitions whose stored next offset is another, or gone: rebuilt, restored from a backup, folded by a rival."""
    partitions = sorted(expected)
    columns = [
        [at.topic for at in partitions],
        [at.partition for at in partitions],
        [expected[at] for at in partitions],
    ]
    return [Partition(*row) for row in connection.execute(_sql(_MOVED, schema), columns)]


def forget_observed(postgres: str, workspace: str | None) -> None:
    """For another log: drops the artifact projector's positions and the publisher's cursors; None: all workspaces."""
    with psycopg.connect(postgres) as connection:
        for table in ("positions", "published"):
            connection.execute(
                sql.SQL("DELETE FROM {} WHERE %s::text IS NULL OR workspace = %s").format(
                    sql.Identifier("observed", table)
                ),
                [workspace, workspace],
            )


def check_bounds(at: Partition, position: Position, topic_id: str, begin: int, end: int) -> None:
    """Compares a stored position with what the log has.

    Raises:
        LogMismatch: the log is another one, begins too late, or ends too early.
    """

    def mismatch(what: str) -> LogMismatch:
        return LogMismatch(at.topic, at.partition, position.next_offset, what)

    if position.topic_id != topic_id:
        raise mismatch(f"topic id was {position.topic_id}, is {topic_id}: it was deleted and created again")
    if position.next_offset == 0 and begin > 0:
        raise mismatch(f"nothing of it was folded yet, but it begins at offset {begin}: its head was deleted")
    if position.next_offset > end:
        raise mismatch(f"it ends at offset {end}: the broker lost its tail")
    if position.next_offset > 0 and begin >= position.next_offset:
        raise mismatch(
            f"it begins at offset {begin}: the last record that was folded is gone, and what followed it may be"
        )


def check_last(at: Partition, position: Position, found: RawRecord) -> None:
    """Compares the record before the position, read back, with what the row says of it.

    Raises:
        LogMismatch: it is another record.
    """
    if found.offset != position.next_offset - 1:
        what = f"offset {position.next_offset - 1} is gone, the log goes on at {found.offset}"
    elif found.broker_time_us != position.last_broker_time_us:
        what = f"broker time of offset {found.offset} was {position.last_broker_time_us} µs, is {found.broker_time_us}"
    elif digest(found) != position.last_digest:
        what = f"offset {found.offset} holds other bytes than the record that was folded"
    else:
        return
    raise LogMismatch(at.topic, at.partition, position.next_offset, what)


def _micros(time: datetime | None) -> int | None:
    return None if time is None else (time - _EPOCH) // timedelta(microseconds=1)


def _sql(statement: str, schema: str) -> sql.Composed:
    return sql.SQL(statement).format(positions=sql.Identifier(schema, "positions"))


_OPEN = """
INSERT INTO {positions} (workspace, topic, partition, topic_id, next_offset)
SELECT %s, topic, partition, topic_id, 0
FROM unnest(%s::text[], %s::int[], %s::text[]) AS new (topic, partition, topic_id)
ON CONFLICT DO NOTHING
"""
_READ = """
SELECT topic, partition, topic_id, next_offset, last_broker_time, last_digest
FROM {positions} JOIN unnest(%s::text[], %s::int[]) AS asked (topic, partition) USING (topic, partition)
WHERE workspace = %s
"""
_MOVED = """
SELECT topic, partition FROM unnest(%s::text[], %s::int[], %s::bigint[]) AS expected (topic, partition, next_offset)
WHERE NOT EXISTS (
    SELECT FROM {positions} AS stored
    WHERE stored.topic = expected.topic AND stored.partition = expected.partition
      AND stored.next_offset = expected.next_offset
)
"""
_LOCK = """
SELECT partition, topic_id, next_offset FROM {positions}
WHERE workspace = %s AND topic = %s AND partition = ANY(%s::int[])
ORDER BY partition FOR UPDATE
"""
_ADVANCE = """
UPDATE {positions} AS stored
SET next_offset = batch.next_offset, last_broker_time = batch.last_broker_time, last_digest = batch.last_digest
FROM unnest(%s::int[], %s::text[], %s::bigint[], %s::bigint[], %s::timestamptz[], %s::bytea[])
  AS batch (partition, topic_id, first_offset, next_offset, last_broker_time, last_digest)
WHERE stored.workspace = %s AND stored.topic = %s AND stored.partition = batch.partition
  AND stored.topic_id = batch.topic_id AND stored.next_offset = batch.first_offset
"""
