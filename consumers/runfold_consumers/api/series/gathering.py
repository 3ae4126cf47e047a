"""From a snapshot to series: which points are read, run by run, and in which portions.

A *portion* is what is in memory at a time: some lanes and metrics of one run, never less than one rank's (or, folded,
one metric's over all ranks), since order and attempts are decided among these.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import replace
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from runfold_consumers.api.database import Snapshot
from runfold_consumers.api.errors import not_found
from runfold_consumers.api.points import Positions, SeriesColumns, series_columns
from runfold_consumers.api.series.asking import Ask
from runfold_consumers.api.series.building import RunPoints
from runfold_consumers.api.series.columns import CODES, Floats, Lane, Points, Slot, joined

PORTION_POINTS_MAX = 4_000_000
CLOCK_POINTS_MAX = 2_000_000  # of lanes whose whole clock is looked at, to order points across writers


class Size(NamedTuple):
    """How many points a metric column has in a lane."""

    run_id: str
    writer_id: str
    name: str
    column: str | None
    points: int


class Plan(NamedTuple):
    """What a request reads: its runs with their starts and lanes, and how much there is of each series."""

    starts: Mapping[str, float]
    lanes: Mapping[str, Sequence[Lane]]
    sizes: Sequence[Size]

    @property
    def points(self) -> int:
        """How many points there are at most."""
        return sum(size.points for size in self.sizes)


class Portion(NamedTuple):
    """What is read at a time: several runs, where all of them together are small."""

    run_ids: Sequence[str]
    wanted: Collection[tuple[str, str | None]]
    writer_ids: Sequence[str] | None


async def planned(snapshot: Snapshot, ask: Ask) -> Plan:
    """Looks up what is asked for.

    Raises:
        ApiError: 404, one of the runs does not exist.
    """
    runs = ask.runs
    starts = {row["run_id"]: row["start"] for row in await snapshot.rows("series_runs", {"run_ids": runs})}
    for run_id in runs:
        if run_id not in starts:
            raise not_found("run", run_id, f"workspace {snapshot.workspace}")
    rows = await snapshot.rows("series_sizes", {"run_ids": runs, "names": ask.names})
    sizes = [Size(*row.values()) for row in rows if ask.wants(row["name"], row["column_name"])]
    return Plan(starts, await lanes_of(snapshot, runs), sizes)


async def lanes_of(snapshot: Snapshot, run_ids: Sequence[str]) -> dict[str, list[Lane]]:
    """The writers of each run that said who they are, by (rank, writer), those of no rank first."""
    lanes: dict[str, list[Lane]] = {run_id: [] for run_id in run_ids}
    for row in await snapshot.rows("metric_writers", {"run_ids": list(run_ids)}):
        lanes[row["run_id"]].append(Lane(row["writer_id"], row["rank"], row["attempt"] or 0))
    return {run_id: sorted(of_run, key=_place) for run_id, of_run in lanes.items()}


def _place(lane: Lane) -> tuple[int, str]:
    return (-1 if lane.rank is None else lane.rank, lane.writer_id)


def portions(plan: Plan, ask: Ask) -> list[Portion]:
    """What to read at a time, runs in the order of the request."""
    of_run: dict[str, list[Size]] = {run_id: [] for run_id in ask.runs}
    for size in plan.sizes:
        of_run[size.run_id].append(size)
    found: list[Portion] = []
    together: list[str] = []
    points = 0
    scalars = {(name, None) for name in ask.names if ask.wants(name, None)}
    columns = {(size.name, size.column) for size in plan.sizes} | scalars

    def close() -> None:
        nonlocal together, points
        if together:
            found.append(Portion(together, columns, None))
        together, points = [], 0

    for run_id, sizes in of_run.items():
        chosen = _chosen_writers(plan.lanes[run_id], ask)
        if chosen is not None:
            sizes = [size for size in sizes if size.writer_id in set(chosen)]
        total = sum(size.points for size in sizes)
        if chosen is None and total <= PORTION_POINTS_MAX:
            if points + total > PORTION_POINTS_MAX:
                close()
            together.append(run_id)
            points += total
            continue
        close()
        if total <= PORTION_POINTS_MAX:
            found.append(Portion([run_id], columns, chosen))
        else:
            found += _of_large(run_id, sizes, plan.lanes[run_id], chosen, ask)
    close()
    return found


def _of_large(
    run_id: str, sizes: Sequence[Size], lanes: Sequence[Lane], chosen: list[str] | None, ask: Ask
) -> Iterator[Portion]:
    """Of a run that is too large to be read at once: metric by metric and, unless it is folded, rank by rank."""
    rank_of = {lane.writer_id: -1 if lane.rank is None else lane.rank for lane in lanes}
    for name in ask.names:
        of_name = [size for size in sizes if size.name == name]
        columns = {(size.name, size.column) for size in of_name}
        if ask.fold == "ranks" or sum(size.points for size in of_name) <= PORTION_POINTS_MAX:
            if of_name:
                yield Portion([run_id], columns, chosen)
            continue
        by_rank: dict[int, set[str]] = {}
        for size in of_name:
            by_rank.setdefault(rank_of.get(size.writer_id, -1), set()).add(size.writer_id)
        for _, writer_ids in sorted(by_rank.items()):
            yield Portion([run_id], columns, sorted(writer_ids))


def _chosen_writers(lanes: Sequence[Lane], ask: Ask) -> list[str] | None:
    """The writers of the rank and attempt that are asked for; None where others than those that said who they are may
    have it, or none is asked for."""
    if ask.rank is None and (not isinstance(ask.attempt, int) or ask.attempt == 0):
        return None
    return [
        lane.writer_id
        for lane in lanes
        if ask.rank in (None, lane.rank) and (not isinstance(ask.attempt, int) or ask.attempt == lane.attempt)
    ]


async def read(
    snapshot: Snapshot,
    plan: Plan,
    portion: Portion,
    until: Positions | None,
    since: Positions | None = None,
    *,
    whole_clocks: bool = False,
) -> list[RunPoints]:
    """The points of a portion, run by run as asked, each slot by (lane, ordinal).

    `whole_clocks`: the clocks of whole lanes are asked for wherever there are several, not only where a rank has
    several: for an order over all ranks.
    """
    read_in: dict[str, list[SeriesColumns]] = {run_id: [] for run_id in portion.run_ids}
    async for series in series_columns(
        snapshot, portion.run_ids, portion.wanted, since=since, until=until, writer_ids=portion.writer_ids
    ):
        read_in[series.run_id].append(series)
    runs = []
    for run_id, of_run in read_in.items():
        writers = {series.writer_id for series in of_run}
        lanes = list(plan.lanes[run_id])
        lanes += [Lane(writer) for writer in writers - {lane.writer_id for lane in lanes}]
        lanes.sort(key=_place)
        place = {lane.writer_id: number for number, lane in enumerate(lanes)}
        slots = _slots(of_run, place)
        crossing = writers if whole_clocks else _crossing(slots.values(), lanes)
        if len(crossing) > 1 and not since:
            clocks = await _clocks(snapshot, run_id, sorted(crossing), until)
            slots = {slot: _clocked(points, clocks, place) for slot, points in slots.items()}
        runs.append(RunPoints(run_id, plan.starts[run_id], lanes, slots))
    return runs


def _slots(read_in: Iterable[SeriesColumns], place: Mapping[str, int]) -> dict[Slot, Points]:
    """Points by slot. Kinds of one lane are put together by ordinal; the clock, which a lane alone
    does not need, is for now that of the slot alone."""
    parts: dict[Slot, dict[int, list[Points]]] = {}
    for series in read_in:
        lane, n = place[series.writer_id], len(series.ordinal)
        value = series.value if series.texts is None else np.arange(n, dtype=np.float64)
        points = Points(
            np.full(n, lane, np.int32),
            series.ordinal,
            series.step,
            series.time,
            series.time,
            value,
            np.full(n, CODES[series.kind], np.uint8),
            series.texts or (),
        )
        parts.setdefault(Slot(series.name, series.column, series.axis), {}).setdefault(lane, []).append(points)
    slots = {}
    alone = len({lane for by_lane in parts.values() for lane in by_lane}) == 1
    for slot, by_lane in parts.items():
        ordered = []
        for lane in sorted(by_lane):
            points = joined(by_lane[lane])
            if len(by_lane[lane]) > 1:
                points = points.take(np.argsort(points.ordinal, kind="stable"))
            ordered.append(points if alone else replace(points, clock=running(points.time)))
        slots[slot] = joined(ordered)
    return slots


def _crossing(of_slots: Iterable[Points], lanes: Sequence[Lane]) -> set[str]:
    """Writers that share a rank and a slot with another: whose points have to be put in order with others'."""
    crossing: set[str] = set()
    for points in of_slots:
        if points.lane[0] == points.lane[-1]:  # they stand by lane
            continue
        by_rank: dict[int | None, list[str]] = {}
        for lane in points.lanes:
            by_rank.setdefault(lanes[lane].rank, []).append(lanes[lane].writer_id)
        crossing.update(writer for writers in by_rank.values() if len(writers) > 1 for writer in writers)
    return crossing


async def _clocks(
    snapshot: Snapshot, run_id: str, writer_ids: Sequence[str], until: Positions | None
) -> dict[str, tuple[NDArray[np.int64], NDArray[np.float64]]]:
    """Ordinals of each writer's whole lane, and the running maximum of its time at each. Nothing where these lanes are
    longer than CLOCK_POINTS_MAX: then each slot's own clock orders it, which differs only where a clock was set back.
    """
    rows = await snapshot.rows("series_sizes", {"run_ids": [run_id], "names": None})
    if sum(row["points"] for row in rows if row["writer_id"] in set(writer_ids)) > CLOCK_POINTS_MAX:
        return {}
    parts: dict[str, list[SeriesColumns]] = {}
    async for series in series_columns(snapshot, [run_id], until=until, writer_ids=writer_ids):
        parts.setdefault(series.writer_id, []).append(series)
    clocks = {}
    for writer_id, of_writer in parts.items():
        ordinal = np.concatenate([series.ordinal for series in of_writer])
        order = np.argsort(ordinal, kind="stable")
        time = np.concatenate([series.time for series in of_writer])[order]
        clocks[writer_id] = (ordinal[order], running(time))
    return clocks


def running(time: Floats) -> Floats:
    """The running maximum of a lane's time; NaN never is one."""
    return np.fmax.accumulate(np.concatenate(([-np.inf], time)))[1:]


def _clocked(
    points: Points,
    clocks: Mapping[str, tuple[NDArray[np.int64], NDArray[np.float64]]],
    place: Mapping[str, int],
) -> Points:
    clock = points.clock.copy()
    for writer_id, (ordinals, running) in clocks.items():
        mine = points.lane == place[writer_id]
        clock[mine] = running[np.searchsorted(ordinals, points.ordinal[mine])]
    return replace(points, clock=clock)


class News(NamedTuple):
    """Points of a run of which some came since, and which did. `which` None: all of them came, and are only to be added
    to what was told."""

    run: RunPoints
    which: Mapping[Slot, NDArray[np.bool_]] | None


async def new_points(
    snapshot: Snapshot, plan: Plan, portion: Portion, ask: Ask, until: Positions | None, since: Positions
) -> list[News]:
    """What came since, run by run. Where it may change what was told, all points of its metrics are read again."""
    found: list[News] = []
    touched: dict[str, RunPoints] = {}
    for run in await read(snapshot, plan, portion, until, since):
        added = _added(run, plan, ask) if until is None and ask.fold == "none" else set[str]()
        if added:
            found.append(
                News(run._replace(slots={s: points for s, points in run.slots.items() if s.name in added}), None)
            )
        changing = {slot: points for slot, points in run.slots.items() if slot.name not in added}
        if changing:
            touched[run.run_id] = run._replace(slots=changing)
    if not touched:
        return found
    names = {slot.name for run in touched.values() for slot in run.slots}
    wanted = {(name, column) for name, column in portion.wanted if name in names}
    for whole in await read(snapshot, plan, portion._replace(run_ids=list(touched), wanted=wanted), until):
        fresh = touched[whole.run_id]
        changed = {slot.name for slot in fresh.slots}
        kept = whole._replace(slots={slot: points for slot, points in whole.slots.items() if slot.name in changed})
        found.append(News(kept, _new_in(kept, fresh)))
    return found


def _added(came: RunPoints, plan: Plan, ask: Ask) -> set[str]:
    """Names whose points that came neither hide nor move others: of each rank (and attempt, where these are told apart)
    one writer has such points. Without points from before there is nothing to add to: that is told as a whole."""
    lanes = {lane.writer_id: lane for lane in came.lanes}
    writers: dict[str, dict[tuple[int | None, int], str]] = {}
    before: dict[tuple[str, str, str | None], int] = {}
    shared: set[str] = set()
    for run_id, writer_id, name, column, points in plan.sizes:
        lane = lanes.get(writer_id) or Lane(writer_id)
        if run_id != came.run_id or (isinstance(ask.attempt, int) and lane.attempt != ask.attempt):
            continue
        before[writer_id, name, column] = points
        key = (lane.rank, lane.attempt if ask.attempt == "all" else 0)
        if writers.setdefault(name, {}).setdefault(key, writer_id) != writer_id:
            shared.add(name)
    for slot, fresh in came.slots.items():
        for place, count in enumerate(np.bincount(fresh.lane).tolist()):
            series = (came.lanes[place].writer_id, slot.name, slot.column)
            before[series] = before.get(series, 0) - count
            if count and before[series] <= 0:
                shared.add(slot.name)
    return {slot.name for slot in came.slots} - shared


def _new_in(whole: RunPoints, came: RunPoints) -> dict[Slot, NDArray[np.bool_]]:
    """Per slot which points came."""
    place = {lane.writer_id: number for number, lane in enumerate(whole.lanes)}
    numbers = np.array([place[lane.writer_id] for lane in came.lanes])
    new = {}
    for slot, points in whole.slots.items():
        mask = np.zeros(len(points), np.bool_)
        fresh = came.slots.get(slot)
        if fresh is not None:
            lane_of = numbers[fresh.lane]
            for lane in np.unique(lane_of):
                mine = points.lane == lane
                mask[mine] = np.isin(points.ordinal[mine], fresh.ordinal[lane_of == lane])
        new[slot] = mask
    return new
