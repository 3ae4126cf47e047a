"""Merging: what one writer logged in one run goes from rows as they came into chunks by series, a lane at a time.

Every step is one transaction, bounded and by itself: in any snapshot a point stands once, and what is killed in the
middle has done nothing. Any number may merge: a lane is taken by an advisory lock, or left alone; a rebuild waits, and
finds rows or chunks. The projector only adds rows, and waits for nothing here.

Small chunks of earlier merges are taken along as long as they hold no more than what comes to them (as a binary counter
carries), so a point is rewritten some log2(POINTS_AT_ONCE / first merge) times, and a lane has few small chunks.
"""

from __future__ import annotations

import logging
import uuid
from collections.abc import Iterable, Sequence
from typing import Any, NamedTuple

from runfold_consumers.engine.projection import Connection
from runfold_consumers.fold.admission import UnfitRecord, check_series
from runfold_consumers.fold.series import Part, summarise
from runfold_consumers.state import store
from runfold_consumers.state.arrays import numbers, texts
from runfold_consumers.state.chunks import POINTS_MAX, ChunkRow, Lane, Packed, chunks, unpacked
from runfold_consumers.state.pieces import Piece, Source, joined, split
from runfold_consumers.state.statements import statement
from runfold_schemas.codec import decode
from runfold_schemas.errors import DecodeError
from runfold_schemas.events import MetricLogged, Series

log = logging.getLogger(__name__)

# When a lane is merged.
ROWS_DUE = 512  # a row costs its reader 30 us, however few points it has: 15 ms, beside 10 ms for a million of points
POINTS_DUE = 256 * 1024  # one series out of so many unmerged points: some 10 ms
QUIET_S = 300.0  # nothing came for so long: nothing much will come, and what is there may as well be small
# What one transaction takes: a fifth of a second's work. On a machine that is very busy it may be seconds, so Postgres
# waits longer for it than for a projector, which holds what others want.
ROWS_AT_ONCE = 4_096
POINTS_AT_ONCE = 256 * 1024
BYTES_AT_ONCE = 32 * 1024 * 1024  # 128 a point: it binds where points are long texts
UNSUMMARISED_AT_ONCE = 64  # rows of at most 900 KiB
# What it brings: bytes of a row with its index entries, and of a point, merged and not.
CHUNK_BYTES, ROW_BYTES, POINT_BYTES = 450, 250, 16

_CHUNK_TYPES = (
    "text", "text", "int4", "text", "uuid", "int8", "int8", "int8", "int8", "int8", "int4", "text", "text", "text",
    "text", "bytea", "bytea", "bytea", "bytea", "bytea", "bytea",
)  # fmt: skip


class Step(NamedTuple):
    """What one step merged."""

    rows: int
    points: int


class Unmerged(NamedTuple):
    """What of a lane stands as it came: rows, points, bytes, and the broker's time of the last, in microseconds."""

    rows: int
    points: int
    bytes: int
    last_us: int

    def plus(self, other: Unmerged) -> Unmerged:
        """Both together."""
        return Unmerged(
            self.rows + other.rows,
            self.points + other.points,
            self.bytes + other.bytes,
            max(self.last_us, other.last_us),
        )


def is_due(found: Unmerged, now_us: int) -> bool:
    """Whether it is time to merge a lane, as far as its readers are concerned; `pays` tells whether it saves room."""
    return found.rows >= ROWS_DUE or found.points >= POINTS_DUE or is_quiet(found, now_us)


def is_quiet(found: Unmerged, now_us: int) -> bool:
    """Whether nothing came for so long that nothing much will."""
    return now_us - found.last_us >= QUIET_S * 1_000_000


def pays(found: Unmerged, series: int) -> bool:
    """Whether chunks of so many series would take less room than what stands there."""
    return series * CHUNK_BYTES + found.points * POINT_BYTES < found.rows * ROW_BYTES + found.bytes


def unmerged(connection: Connection, most: int | None = None) -> dict[Lane, Unmerged]:
    """What stands as it came, of all lanes, or of so many with the most rows. Reads all of `state.points`, without the
    messages.
    """
    with connection.transaction():
        connection.execute(statement("take_your_time"))
        found = connection.execute(statement("unmerged_lanes"), [most]).fetchall()
    return {Lane._make(row[:4]): Unmerged._make(row[4:]) for row in found}


def series_of(connection: Connection, lane: Lane) -> int:
    """How many series a lane has."""
    (count,) = connection.execute(statement("lane_series"), lane).fetchone() or (0,)
    return int(count)


def merge(connection: Connection, lane: Lane) -> Step | None:
    """One step: merges the first rows of a lane, and tells how much that was; None when somebody else is at it, or
    nothing is there.

    connection: in autocommit; the step is its own transaction.
    """
    with connection.transaction():
        connection.execute(statement("be_patient"))
        connection.execute(statement("hold_off_rebuild"))
        if connection.execute(statement("take_lane"), lane).fetchone() != (True,):
            return None
        found = _first(connection.execute(statement("lock_unmerged"), (*lane, ROWS_AT_ONCE)).fetchall())
        if not found:
            return None
        rows, points = [first for first, _, _ in found], sum(points for _, points, _ in found)
        size = sum(size for _, _, size in found)
        merges = _small(connection.execute(statement("lane_merges"), lane).fetchall(), points, size)
        pieces = split(_sources(connection, lane, rows))
        if merges:
            pieces += _chunks_of(connection, lane, merges)
            connection.execute(statement("drop_chunks"), (*lane, merges))
        first = min([*rows, *merges])
        _add(connection, (row for piece in _by_series(pieces) for row in chunks(lane, first, piece)))
        connection.execute(statement("drop_unmerged"), (*lane, rows))
    return Step(len(rows), points)


def summarise_old(connection: Connection) -> int:
    """One step: folds rows of before there were summaries into those, and gives how many rows these were.

    connection: in autocommit; the step is its own transaction.
    """
    with connection.transaction():
        connection.execute(statement("be_patient"))
        connection.execute(statement("hold_off_rebuild"))
        found = connection.execute(statement("lock_unsummarised"), [UNSUMMARISED_AT_ONCE]).fetchall()
        if not found:
            return 0
        summaries = summarise(part for row in found if (part := _part(row[0], row[1], row[2], row[5], row[6])))
        store.write_series(connection, [row for row in summaries.values() if _fits(row.name, row.column_name)])
        workspaces, run_ids, partitions, writer_ids, ordinals, _, _ = zip(*found, strict=True)
        keys = (texts(workspaces), texts(run_ids), numbers(partitions), texts(writer_ids), numbers(ordinals))
        connection.execute(statement("set_summarised"), keys)
    return len(found)


def _first(found: Sequence[tuple[int, int, int]]) -> Sequence[tuple[int, int, int]]:
    """The rows to take, at least one, of these (first ordinal, points, bytes)."""
    points = size = 0
    for place, (_, more, bytes_more) in enumerate(found):
        points, size = points + more, size + bytes_more
        if place and (points > POINTS_AT_ONCE or size > BYTES_AT_ONCE):
            return found[:place]
    return found


def _small(merges: Iterable[tuple[int, int, int, int]], points: int, size: int) -> list[int]:
    """Earlier merges (first ordinal, points, chunks, bytes) to take along, by their first ordinal: those that hold no
    more than what comes to them.
    """
    taken = []
    for first, held, count, held_bytes in sorted(merges, key=lambda one: one[1]):
        if held > points or held + points > POINTS_AT_ONCE or held_bytes + size > BYTES_AT_ONCE:
            break
        if held < count * POINTS_MAX // 2:  # fuller chunks would be no better
            taken.append(first)
            points, size = points + held, size + held_bytes
    return taken


def _sources(connection: Connection, lane: Lane, rows: list[int]) -> list[Source]:
    found = connection.execute(statement("unmerged_messages"), (*lane, rows), binary=True)
    return [Source._make(row) for row in found]


def _chunks_of(connection: Connection, lane: Lane, merges: list[int]) -> list[Piece]:
    found = connection.execute(statement("merged_chunks"), (*lane, merges), binary=True)
    return [unpacked(Packed(Series._make(row[:4]), *row[4:])) for row in found]


def _by_series(pieces: Iterable[Piece]) -> Iterable[Piece]:
    parts: dict[Series, list[Piece]] = {}
    for piece in pieces:
        parts.setdefault(piece.series, []).append(piece)
    return map(joined, parts.values())


def _add(connection: Connection, rows: Iterable[ChunkRow]) -> None:
    with connection.cursor() as cursor, cursor.copy(statement("add_chunks")) as copy:
        copy.set_types(_CHUNK_TYPES)
        for row in rows:
            copy.write_row(row._replace(series_id=uuid.UUID(row.series_id)))  # type: ignore[arg-type]


def _part(workspace: str, run_id: str, partition: int, broker_time_us: int, message: bytes) -> Part | None:
    """None of bytes that are no points: readers of that run fail on them, all others need not wait."""
    try:
        event: Any = decode(message)
        if isinstance(event, MetricLogged):
            return Part(workspace, partition, broker_time_us, event)
        detail = f"state.points holds a {type(event).__name__}; run `runfold rebuild`"
    except DecodeError as error:
        detail = str(error)
    told = {"workspace": workspace, "run_id": run_id, "partition": partition, "detail": detail}
    log.error("not_summarised", extra=told)
    return None


def _fits(name: str, column: str | None) -> bool:
    """Names that no client gives were let in once; such a series has points, and no summary."""
    try:
        check_series(Series(name, column))
    except UnfitRecord:
        return False
    return True
