"""The one transaction of a batch: lock the positions, fold, write dead letters, move the positions, commit (design P9).

A batch that raises because of its records is folded again in halves, within savepoints, until the records that cannot
be folded are known; these become dead letters, all others are folded. Halves of a batch fold to the same as the batch:
a fold is sequential.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Generic, NamedTuple, TypeVar

import psycopg

from runfold_consumers.engine import dead_letters, positions
from runfold_consumers.engine.connecting import TRANSIENT, answering
from runfold_consumers.engine.dead_letters import DeadLetter
from runfold_consumers.engine.errors import Away, Stop
from runfold_consumers.engine.projection import Connection, Projection
from runfold_consumers.fold.records import RawRecord

RecordT = TypeVar("RecordT")
CountT = TypeVar("CountT")


class Batch(NamedTuple, Generic[RecordT]):
    """Records of one topic in (partition, offset) order, decoded; `dead` could not be. `steps` moves the positions, by
    partition.
    """

    workspace: str
    topic_kind: str
    topic: str
    steps: Mapping[int, positions.Step]
    decoded: Sequence[tuple[RawRecord, RecordT]]
    dead: Sequence[DeadLetter]


class _Poisoned(Exception):
    """`apply` raised because of its records; the cause is what it raised."""


def commit(
    connection: Connection,
    projection: Projection[RecordT],
    batch: Batch[RecordT],
    admit: Callable[[Sequence[DeadLetter]], CountT],
) -> CountT:
    """Folds the batch and returns what `admit` said of its dead letters; `admit` raises where there are too many.

    Raises:
        PositionMoved, LogMismatch, TooManyDeadLetters: rolled back.
        Away: Postgres does not answer; whether the batch was committed the stored positions tell.
    """
    with answering():
        try:
            return _transaction(connection, projection, batch, admit, _whole)
        except _Poisoned:
            projection.forget()
            return _transaction(connection, projection, batch, admit, _halves)


_Fold = Callable[[Connection, Projection[RecordT], Batch[RecordT]], list[DeadLetter]]


def _transaction(
    connection: Connection,
    projection: Projection[RecordT],
    batch: Batch[RecordT],
    admit: Callable[[Sequence[DeadLetter]], CountT],
    fold: _Fold[RecordT],
) -> CountT:
    at = (projection.positions_schema, batch.workspace, batch.topic, batch.steps)
    with connection.transaction():
        positions.lock(connection, *at)
        dead = fold(connection, projection, batch)
        admitted = admit(dead)
        dead_letters.write(connection, dead)
        positions.advance(connection, *at)
    return admitted


def _whole(connection: Connection, projection: Projection[RecordT], batch: Batch[RecordT]) -> list[DeadLetter]:
    skipped = [each.raw for each in batch.dead]
    _apply(connection, projection, batch.topic_kind, [record for _, record in batch.decoded], skipped)
    return list(batch.dead)


def _halves(connection: Connection, projection: Projection[RecordT], batch: Batch[RecordT]) -> list[DeadLetter]:
    dead = list(batch.dead)

    def settle(part: Sequence[tuple[RawRecord, RecordT]]) -> None:
        try:
            with connection.transaction():
                _apply(connection, projection, batch.topic_kind, [record for _, record in part], ())
        except _Poisoned as poisoned:
            projection.forget()
            if len(part) == 1:
                dead.append(dead_letters.letter(part[0][0], dead_letters.POISON, poisoned.__cause__ or poisoned))
                return
            middle = len(part) // 2
            settle(part[:middle])
            settle(part[middle:])

    if batch.decoded:
        settle(batch.decoded)
    dead.sort(key=lambda each: (each.raw.partition, each.raw.offset))
    projection.apply(connection, batch.topic_kind, (), [each.raw for each in dead])
    return dead


def _apply(
    connection: Connection,
    projection: Projection[RecordT],
    topic_kind: str,
    records: Sequence[RecordT],
    skipped: Sequence[RawRecord],
) -> None:
    """Calls the projection; what its records make it raise becomes _Poisoned, what the world or its SQL does stays as
    it is.
    """
    try:
        projection.apply(connection, topic_kind, records, skipped)
    except psycopg.errors.ProgramLimitExceeded as error:  # among what passes by itself, but a key too long does not
        raise _Poisoned from error
    except (*TRANSIENT, Away, Stop):
        raise
    except (psycopg.DataError, psycopg.IntegrityError) as error:
        raise _Poisoned from error
    except psycopg.Error:
        raise
    except (
        Exception
    ) as error:  # whatever the fold says of a record: the limit on dead letters tells a bad record from a bad release
        raise _Poisoned from error
