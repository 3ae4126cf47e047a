"""Points of runs, wherever they stand: in the events that they came in, or merged into chunks.

One snapshot sees each point exactly once, so readers see no difference while points are being merged. What outsiders
logged is kept, and not shown.
"""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator, Collection, Mapping, Sequence
from typing import Any, NamedTuple

import numpy as np
from psycopg.rows import tuple_row

from runfold_consumers.api.database import Snapshot, statement
from runfold_consumers.fold.series import series_id
from runfold_consumers.state.chunks import Packed, unpacked
from runfold_consumers.state.columns import Doubles, Integers
from runfold_consumers.state.ordering import Ordering
from runfold_consumers.state.pieces import Piece, Source, joined, split
from runfold_schemas.events import Series

Wanted = Collection[tuple[str, str | None]]
"""Names and columns of series; a scalar's column is None."""
Positions = Mapping[tuple[str, int], int]
"""Next offset by topic kind and partition, as `as_of.positions_of` tells them; of one that is missing, 0."""

_TELEMETRY = "telemetry"
_SOURCES_FEW = 16
_ROWS_AT_ONCE = 16  # a row holds at most 900 KiB


class SeriesColumns(NamedTuple):
    """All points of one series (name, column, kind and axis) of one writer in one run, in ordinal order.

    One name may come several times: where ints were logged and floats, or with steps and without. `value` of a bool is
    0 or 1, of a null 0, of kinds string and bigint 0: their values are `texts`, which is None for all other kinds.
    `time` is unix seconds UTC; `step` by axis the user's step, the point's ordinal or the row's.
    """

    run_id: str
    writer_id: str
    name: str
    column: str | None
    kind: str
    axis: str
    ordinal: Integers
    step: Integers
    time: Doubles
    value: Doubles
    texts: list[str] | None


async def series_columns(
    snapshot: Snapshot,
    run_ids: Sequence[str],
    wanted: Wanted | None = None,
    *,
    since: Positions | None = None,
    until: Positions | None = None,
    writer_ids: Sequence[str] | None = None,
    outsiders: bool = False,
) -> AsyncIterator[SeriesColumns]:
    """Every series of these runs once, run by run in the order of their ids, then by writer, then by name.

    Args:
        snapshot: the view to read in; its connection is used until the iteration ends.
        run_ids: of the snapshot's workspace; one that does not exist has no points.
        wanted: only these names and columns; None: all.
        since: only points that came at these positions or after them; None: from the beginning.
        until: only points that came before these positions; None: all.
        writer_ids: only these writers; None: all.
        outsiders: what outsiders logged, too: for who knows by himself who was one.

    One run and writer is in memory at a time, as far as it is wanted: 40 bytes a point.
    """
    selection = _Selection(run_ids, wanted, since, until, writer_ids, outsiders)
    lane, pieces, sources = ("", ""), list[Piece](), list[Source]()
    async for row in _rows(snapshot, selection):
        if (row.run_id, row.writer_id) != lane:
            for whole in await _whole(lane, pieces, sources, wanted):
                yield whole
            lane, pieces, sources = (row.run_id, row.writer_id), [], []
        if row.message is not None:
            sources.append(Source(row.offset, row.broker_time_us, row.message))
        elif (piece := selection.cut(row)) is not None:
            pieces.append(piece)
    for whole in await _whole(lane, pieces, sources, wanted):
        yield whole


async def messages(
    snapshot: Snapshot, run_ids: Sequence[str], *, until: Positions | None = None
) -> AsyncIterator[bytes]:
    """The points of these runs as framed MetricLogged, writer by writer in ordinal order: those that came as they are,
    and those that were merged as events again. Arguments as in `series_columns`.
    """
    selection = _Selection(run_ids, None, None, until, None, False)
    ordering = Ordering("", "")
    lane = ("", "")
    async for row in _rows(snapshot, selection):
        if (row.run_id, row.writer_id) != lane:
            for message in await asyncio.to_thread(list, ordering.end()):
                yield message
            lane = row.run_id, row.writer_id
            ordering = Ordering(*lane)
        if row.message is not None:
            for message in ordering.message(row.first_ordinal, row.message):
                yield message
        elif (piece := selection.cut(row)) is not None:
            for message in await asyncio.to_thread(list, ordering.chunk(row.first_ordinal, piece)):
                yield message
    for message in await asyncio.to_thread(list, ordering.end()):
        yield message


class _Row(NamedTuple):
    """Of `points.sql`: a row as it came, which has a message, or a chunk, which has none."""

    run_id: str
    writer_id: str
    first_ordinal: int
    partition: int
    offset: int
    broker_time_us: int
    message: bytes | None
    name: str
    column: str | None
    kind: str
    axis: str
    points: int
    ordinals: bytes
    steps: bytes
    times: bytes
    numbers: bytes
    texts: bytes | None
    sources: bytes | None


class _Selection(NamedTuple):
    """Which points are asked for."""

    run_ids: Sequence[str]
    wanted: Wanted | None
    since: Positions | None
    until: Positions | None
    writer_ids: Sequence[str] | None
    outsiders: bool

    def asked(self) -> dict[str, Any]:
        """Parameters of `points.sql`."""
        return {
            "run_ids": list(self.run_ids),
            "series_ids": None if self.wanted is None else [series_id(*one) for one in self.wanted],
            "since": _offsets(self.since),
            "until": _offsets(self.until),
            "writer_ids": None if self.writer_ids is None else list(self.writer_ids),
            "outsiders": self.outsiders,
        }

    def cut(self, row: _Row) -> Piece | None:
        """What of a chunk is asked for; None when that is nothing."""
        piece = unpacked(Packed(Series(row.name, row.column, row.kind, row.axis), *row[11:]))
        if piece.offset is None:  # no position lies within
            return piece
        which = np.ones(len(piece.offset), bool)
        if self.since is not None:
            which &= piece.offset >= self.since.get((_TELEMETRY, row.partition), 0)
        if self.until is not None:
            which &= piece.offset < self.until.get((_TELEMETRY, row.partition), 0)
        return piece.taken(which)._replace(offset=None, broker_time_us=None) if which.any() else None


async def _rows(snapshot: Snapshot, selection: _Selection) -> AsyncIterator[_Row]:
    asked = {"workspace": snapshot.workspace, **selection.asked()}
    async with snapshot.connection.cursor(binary=True, row_factory=tuple_row) as cursor:
        async for row in cursor.stream(statement("points"), asked, size=_ROWS_AT_ONCE):
            yield _Row._make(row)


async def _whole(
    lane: tuple[str, str], pieces: list[Piece], sources: list[Source], wanted: Wanted | None
) -> list[SeriesColumns]:
    """The series of a lane; those of many rows beside the loop, where other requests come in between."""
    if len(sources) > _SOURCES_FEW:
        return await asyncio.to_thread(_joined, lane, pieces, sources, wanted)
    await asyncio.sleep(0)
    return _joined(lane, pieces, sources, wanted)


def _joined(
    lane: tuple[str, str], pieces: list[Piece], sources: list[Source], wanted: Wanted | None
) -> list[SeriesColumns]:
    by_series: dict[Series, list[Piece]] = {}
    for piece in (*pieces, *split(sources, wanted, placed=False)):
        by_series.setdefault(piece.series, []).append(piece)
    found = []
    for series in sorted(by_series, key=lambda one: (one.name, one.column or "", one.kind, one.axis)):
        whole = joined(by_series[series])
        found.append(SeriesColumns._make((*lane, *series, *whole[1:6])))
    return found


def _offsets(positions: Positions | None) -> str | None:
    """Of telemetry, by partition, as JSON."""
    if positions is None:
        return None
    return json.dumps({partition: offset for (kind, partition), offset in positions.items() if kind == _TELEMETRY})
