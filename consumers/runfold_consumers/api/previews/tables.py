"""Tables of a metric: cells to rows, as `runfold.reading.metrics` reads them, and as many rows as are asked for. Pure.

Rows and columns stand in the order of their first cells. Scalars logged under the same name stand in a column of that
name, each a row of its own.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from typing import NamedTuple

import numpy as np

from runfold_consumers.api.series.columns import Points, Slot
from runfold_schemas.values import Value

CELLS_MAX = 500_000  # told at a time


class Table(NamedTuple):
    """Some rows of a table; a cell that its row lacks is None."""

    columns: list[str]
    rows: list[list[Value]]
    of: int


def table(name: str, slots: Mapping[Slot, Points], first: int, limit: int, lanes: Collection[int]) -> Table:
    """Rows `first` (from 0) to `first + limit` of the metric's table.

    Args:
        name: of the metric.
        slots: all its points, each slot by (lane, ordinal), with the clocks of their whole lanes.
        first: number of the first row.
        limit: of rows; fewer are told where they would hold more than CELLS_MAX cells.
        lanes: whose rows are wanted.
    """
    chosen = [(slot, points.take(np.isin(points.lane, list(lanes)))) for slot, points in slots.items()]
    used = [(slot, points) for slot, points in chosen if slot.name == name and len(points)]
    if not used:
        return Table([], [], 0)
    owner = np.repeat(np.arange(len(used)), [len(points) for _, points in used])
    within = np.concatenate([np.arange(len(points)) for _, points in used])
    lane = np.concatenate([points.lane for _, points in used])
    ordinal = np.concatenate([points.ordinal for _, points in used])
    clock = np.concatenate([points.clock for _, points in used])
    # Of a scalar the row is its own ordinal: nothing else in its lane has it.
    row = np.concatenate([points.step if slot.axis == "row" else points.ordinal for slot, points in used])
    # A clock orders lanes among each other; within a lane the ordinal does.
    order = np.argsort(ordinal) if (lane == lane[0]).all() else np.lexsort((ordinal, lane, clock))
    owner, within, lane, row = owner[order], within[order], lane[order], row[order]
    _, first_cell, number = np.unique(np.stack([lane, row]), axis=1, return_index=True, return_inverse=True)
    rank_of = np.empty(len(first_cell), np.intp)
    rank_of[np.argsort(first_cell, kind="stable")] = np.arange(len(first_cell))
    place = rank_of[number.reshape(-1)]
    columns = _columns(name, [slot for slot, _ in used], owner)
    limit = min(limit, max(1, CELLS_MAX // max(1, len(columns))))
    place_of = {heading: number for number, heading in enumerate(columns)}
    cells: list[list[Value]] = [[None] * len(columns) for _ in range(max(0, min(limit, len(rank_of) - first)))]
    wanted = (place >= first) & (place < first + limit)
    for number_of_slot, (slot, points) in enumerate(used):
        heading = _heading(name, slot)
        if heading is None:
            continue
        column = place_of[heading]
        mine = wanted & (owner == number_of_slot)
        values = points.take(within[mine]).values()
        for at, value in zip((place[mine] - first).tolist(), values, strict=True):
            cells[at][column] = value
    return Table(columns, cells, len(rank_of))


def _heading(name: str, slot: Slot) -> str | None:
    """Of a cell; None for the point of a row without any column."""
    return slot.column if slot.axis == "row" else name


def _columns(name: str, slots: Sequence[Slot], owner: np.ndarray[tuple[int], np.dtype[np.intp]]) -> list[str]:
    """Headings in the order of their first cells."""
    seen, first = np.unique(owner, return_index=True)
    headings = [_heading(name, slots[int(seen[i])]) for i in np.argsort(first, kind="stable")]
    return list(dict.fromkeys(heading for heading in headings if heading is not None))
