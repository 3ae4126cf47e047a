"""Records that cannot be folded: set aside with their bytes and the reason, and counted against a limit.

One bad record must not hold up its partition; a bad deploy must not set a topic aside. So a letter is written in the
transaction that moves the position past it, and the limit is asked before that transaction commits: the batch that
passes it is rolled back and the projector stops.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Iterable, Sequence
from datetime import datetime, timedelta, timezone
from itertools import repeat
from typing import NamedTuple

from runfold_consumers.engine.errors import TooManyDeadLetters
from runfold_consumers.engine.projection import Connection
from runfold_consumers.fold.records import RawRecord

POISON = "poison"  # malformed, or the fold cannot take it
PARKED = "parked"  # written with a schema that is not in `contract`: a later release may read it
REASON_CHARACTERS = 2_000
_EPOCH = datetime(1970, 1, 1, tzinfo=timezone.utc)


class DeadLetter(NamedTuple):
    """A record, and why it was set aside."""

    raw: RawRecord
    kind: str
    reason: str


def letter(raw: RawRecord, kind: str, error: BaseException) -> DeadLetter:
    """A dead letter whose reason names the exception; text that Postgres could not take is replaced."""
    reason = f"{type(error).__name__}: {error}".replace("\x00", "\\0").encode("utf-8", "backslashreplace").decode()
    return DeadLetter(raw, kind, reason[:REASON_CHARACTERS])


class Limit(NamedTuple):
    """How many dead letters of a topic are too many: so many in a row, or this part of the last `window` records."""

    in_a_row: int = 100
    ratio: float = 0.1
    window: int = 1_000


class Count:
    """Counts the records of one topic against a limit, in the order in which they were folded."""

    def __init__(self, limit: Limit) -> None:
        self._limit = limit
        self._recent: deque[bool] = deque(maxlen=limit.window)
        self._dead = self._run = 0

    def after(self, topic: str, records: Sequence[RawRecord], dead: Iterable[DeadLetter]) -> Count:
        """The count when this batch, of which `dead` were set aside, is added; self does not change.

        Raises:
            TooManyDeadLetters: the batch passes the limit.
        """
        at = {(each.raw.partition, each.raw.offset): each for each in dead}
        later = Count(self._limit)
        later._recent, later._dead, later._run = self._recent.copy(), self._dead, self._run
        if not (at or self._dead or self._run):
            later._recent.extend(repeat(False, min(len(records), self._limit.window)))
            return later
        for raw in records:
            found = at.get((raw.partition, raw.offset))
            if found is not None:
                later._fail(topic, found)
            else:
                later._run = 0
                later._push(False)
        return later

    def _fail(self, topic: str, found: DeadLetter) -> None:
        self._run += 1
        self._push(True)
        limit, raw = self._limit, found.raw
        if self._run > limit.in_a_row:
            what = f"more than {limit.in_a_row} records in a row"
        elif len(self._recent) == limit.window and self._dead > limit.ratio * limit.window:
            what = f"more than {limit.ratio:.0%} of the last {limit.window} records"
        else:
            return
        raise TooManyDeadLetters(
            f"{topic}[{raw.partition}]: {what} could not be folded; at offset {raw.offset}: {found.reason}. "
            "The batch was rolled back. Run a release that can read them, or raise the limit with "
            "--dead-letters-in-a-row and --dead-letters-ratio"
        )

    def _push(self, dead: bool) -> None:
        if len(self._recent) == self._limit.window and self._recent[0]:
            self._dead -= 1
        self._recent.append(dead)
        self._dead += dead


def write(connection: Connection, letters: Sequence[DeadLetter]) -> None:
    """Writes the letters; the same record again (folded anew after a rebuild) replaces its letter."""
    if not letters:
        return
    raws = [each.raw for each in letters]
    columns = [
        [raw.workspace for raw in raws],
        [raw.topic for raw in raws],
        [raw.partition for raw in raws],
        [raw.offset for raw in raws],
        [each.kind for each in letters],
        [each.reason for each in letters],
        [raw.key for raw in raws],
        [raw.value for raw in raws],
        [_EPOCH + timedelta(microseconds=raw.broker_time_us) for raw in raws],
    ]
    connection.execute(_WRITE, columns)


_WRITE = """
INSERT INTO observed.dead_letters (workspace, topic, partition, "offset", kind, reason, key, value, broker_time)
SELECT * FROM unnest(
    %s::text[], %s::text[], %s::int[], %s::bigint[], %s::text[], %s::text[], %s::bytea[], %s::bytea[], %s::timestamptz[]
)
ON CONFLICT (workspace, topic, partition, "offset") DO UPDATE
SET kind = excluded.kind, reason = excluded.reason, key = excluded.key, value = excluded.value,
    broker_time = excluded.broker_time
"""
