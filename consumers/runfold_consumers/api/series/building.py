"""From the points of a run to the series of an answer: what is shown, in which order, which of it, and how it is told.

A series has one run, metric, column and axis; one rank, unless it is folded over ranks; and one attempt where every
attempt is asked for. `buckets` 0: points in reading order; else by x, points of equal x in reading order.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping, Sequence
from typing import Literal, NamedTuple

import numpy as np
from numpy.typing import NDArray

from runfold_consumers.api.series.asking import Ask
from runfold_consumers.api.series.columns import DOUBLE, NULL, Floats, Lane, Places, Points, Slot
from runfold_consumers.api.series.downsampling import Band, every, sampled
from runfold_consumers.api.series.ordering import attempt_of, by_attempt, by_rank, reading_order, shown
from runfold_consumers.api.series.ranks import Folded, over_ranks

MARKS_MAX = 1_000
Change = Literal["whole", "points"]


class RunPoints(NamedTuple):
    """What was read of one run: its lanes in their order, and its points by slot, each by (lane, ordinal)."""

    run_id: str
    start: float  # unix seconds; what `relative` counts from
    lanes: Sequence[Lane]
    slots: Mapping[Slot, Points]


class Marks(NamedTuple):
    """Where a series is not finite: at most MARKS_MAX places, evenly chosen of each sort, of so many."""

    x: Floats
    value: Floats
    of: int


class Series(NamedTuple):
    """One series of an answer. `rows` are points, or of a fold its rows; x stands beside them."""

    run_id: str
    slot: Slot
    rank: int | None
    attempt: int | None
    kind: str
    rows: Points | Folded
    x: Floats
    of: int  # how many there are in the range, of which `x` shows len(x)
    band: Band | None
    marks: Marks
    sampled: bool  # whether the request asked for buckets
    change: Change = "whole"


class _Part(NamedTuple):
    """All points of a series to be, in reading order."""

    slot: Slot
    rank: int | None
    attempt: int | None
    points: Points


def series_of(run: RunPoints, ask: Ask) -> Iterator[Series]:
    """The series that are asked for, by metric as asked, then column, attempt and rank."""
    for part in _parts(run, ask):
        yield _built(run, ask, part)


def increments_of(run: RunPoints, ask: Ask, new: Mapping[Slot, NDArray[np.bool_]] | None) -> Iterator[Series]:
    """What changed in them since, series by series; those that did not change are left out.

    A series changed by `points`: at each x that the answer has, what was told before gives way where the series is
    folded, and stays beside it where not. It comes `whole` where something that was told is no longer shown (a later
    attempt logged the step again), and where a late point may have moved others that a fold takes the last of.

    A late point whose clock was ahead of younger ones, set back since, may move points of other writers in the reading
    order. Where nothing is folded that alone is no change; nor is it one of a metric of which nothing came.

    Args:
        run: all points of the slots in question.
        ask: what is asked for.
        new: per slot, which of its points came since. None: all of them, and they are only to be added.
    """
    if new is None:
        yield from (each._replace(change="points") for each in series_of(run, ask) if each.of)
        return
    late = _late(run, new) if ask.fold == "ranks" else set[int]()
    before = run._replace(slots={slot: run.slots[slot].take(~new[slot]) for slot in new})
    told = {
        (part.slot, part.rank, part.attempt if ask.attempt == "all" else None): part for part in _parts(before, ask)
    }
    for part in _parts(run, ask):
        old = told.get((part.slot, part.rank, part.attempt if ask.attempt == "all" else None))
        if old is None or not len(old.points):
            if len(part.points):
                yield _built(run, ask, part)
            continue
        came = ~_among(part.points, old.points)
        if len(part.points) - int(came.sum()) < len(old.points) or (
            _folds(ask, part.points) and _moves(part.points, late, run.lanes)
        ):
            yield _built(run, ask, part)
        elif not came.any():
            continue
        elif _folds(ask, part.points):
            built = _built(run, ask, part, only_changed_from=old.points)
            if built.of:
                yield built._replace(change="points")
        else:
            built = _built(run, ask, part._replace(points=part.points.take(came)))
            if built.of:
                yield built._replace(change="points", attempt=part.attempt)


def _late(run: RunPoints, new: Mapping[Slot, NDArray[np.bool_]]) -> set[int]:
    """Lanes of which a point came after one of a greater ordinal."""
    first, last = np.full(len(run.lanes), np.iinfo(np.int64).max), np.zeros(len(run.lanes), np.int64)
    for slot, points in run.slots.items():
        came = new[slot]
        np.minimum.at(first, points.lane[came], points.ordinal[came])
        np.maximum.at(last, points.lane[~came], points.ordinal[~came])
    return set(np.flatnonzero(first < last).tolist())


def _moves(points: Points, late: Collection[int], lanes: Sequence[Lane]) -> bool:
    """Whether one of these lanes shares its rank with another one here."""
    used = points.lanes if late else []
    ranks = [lanes[lane].rank for lane in used]
    return any(lane in late and ranks.count(lanes[lane].rank) > 1 for lane in used)


def _among(points: Points, others: Points) -> NDArray[np.bool_]:
    """Which of the points are among the others; a point is told by its lane and ordinal."""
    mask = np.zeros(len(points), np.bool_)
    for lane in others.lanes:
        mine = points.lane == lane
        mask[mine] = np.isin(points.ordinal[mine], others.ordinal[others.lane == lane])
    return mask


def _parts(run: RunPoints, ask: Ask) -> Iterator[_Part]:
    by_name: dict[str, dict[Slot, Points]] = {}
    for slot, points in run.slots.items():
        if ask.wants(slot.name, slot.column):
            by_name.setdefault(slot.name, {})[slot] = _chosen(points, run.lanes, ask)
    for name in ask.names:
        slots = by_name.get(name, {})
        if ask.attempt is None:
            slots = shown(slots, run.lanes)
        for slot in sorted(slots, key=lambda each: (each.column is not None, each.column or "", each.axis)):
            points = reading_order(slots[slot])
            if not len(points):
                continue
            groups: dict[tuple[int | None, int], Points]
            if ask.attempt == "all":
                groups = by_attempt(points, run.lanes)
                if _folds(ask, points):
                    groups = {}
                    for attempt in sorted({run.lanes[lane].attempt for lane in points.lanes}):
                        lanes = [place for place, lane in enumerate(run.lanes) if lane.attempt == attempt]
                        groups[None, attempt] = points.take(np.isin(points.lane, lanes))
            elif _folds(ask, points):
                groups = {(None, 0): points}
            else:
                groups = {(rank, 0): part for rank, part in by_rank(points, run.lanes).items()}
            for (rank, _), part in groups.items():
                yield _Part(slot, rank, attempt_of(part, run.lanes), part)


def _chosen(points: Points, lanes: Sequence[Lane], ask: Ask) -> Points:
    """Of the rank and attempt that are asked for."""
    if ask.rank is None and not isinstance(ask.attempt, int):
        return points
    allowed = [
        place
        for place, lane in enumerate(lanes)
        if ask.rank in (None, lane.rank) and (not isinstance(ask.attempt, int) or ask.attempt == lane.attempt)
    ]
    return points if len(allowed) == len(lanes) else points.take(np.isin(points.lane, allowed))


def _folds(ask: Ask, points: Points) -> bool:
    return ask.fold == "ranks" and points.numeric


def _built(run: RunPoints, ask: Ask, part: _Part, only_changed_from: Points | None = None) -> Series:
    rows: Points | Folded = part.points
    value, kind = part.points.value, _kind(part.points)
    points = part.points
    if _folds(ask, points):
        rows = folded = over_ranks(points, run.lanes)
        value = folded.mean
        if only_changed_from is not None:
            rows = _changed(folded, over_ranks(only_changed_from, run.lanes))
            value = rows.mean
            points = points.take(np.isin(points.step, rows.step))
        kind = "double"
    x = _x(rows, run, ask)
    inside = _inside(x, ask)
    if inside is not None:
        rows, x, value = rows.take(inside), x[inside], value[inside]
    number = isinstance(rows, Folded) or set(rows.kinds) <= {"double", "long", "null"}
    of = len(x)
    marks = _marks(points, run, ask)
    band = None
    if ask.buckets:
        order = None if len(x) < 2 or (x[1:] >= x[:-1]).all() else np.argsort(x, kind="stable")
        if order is not None:
            rows, x, value = rows.take(order), x[order], value[order]
        if number:
            places, band = _sampled(rows, x, value, ask.buckets)
        else:
            places = every(of, ask.buckets)
        if len(places) < of:
            rows, x = rows.take(places), x[places]
    if isinstance(rows, Folded) and band is None and len(x):
        known = np.isfinite(rows.mean)
        band = Band(x[known], rows.least[known], rows.greatest[known])
    return Series(run.run_id, part.slot, part.rank, part.attempt, kind, rows, x, of, band, marks, bool(ask.buckets))


def _changed(now: Folded, before: Folded) -> Folded:
    """The rows of a fold that are not what they were."""
    place = np.searchsorted(before.step, now.step)
    known = place < len(before.step)
    known[known] = before.step[place[known]] == now.step[known]
    same = known.copy()
    for after, was in zip(now[1:], before[1:], strict=True):
        equal = np.zeros(len(known), np.bool_)
        left, right = after[known], was[place[known]]
        same_sign = np.signbit(left) == np.signbit(right)  # 0.0 is not -0.0
        equal[known] = ((left == right) & same_sign) | ((left != left) & (right != right))
        same &= equal
    return now.take(~same)


def _sampled(rows: Points | Folded, x: Floats, value: Floats, buckets: int) -> tuple[Places, Band | None]:
    """Points with a value by extremes; of those without, some, so that the line breaks where it is broken."""
    finite = np.isfinite(value)
    if isinstance(rows, Points) and "null" in rows.kinds:
        finite &= rows.kind != NULL
    if finite.all():
        if isinstance(rows, Folded):
            return sampled(x, value, buckets, least=rows.least, greatest=rows.greatest)
        return sampled(x, value, buckets)
    if len(x) <= 2 * buckets:
        return np.arange(len(x)), None
    there, gone = np.flatnonzero(finite), np.flatnonzero(~finite)
    bounds = {}
    if isinstance(rows, Folded):
        bounds = {"least": rows.least[there], "greatest": rows.greatest[there]}
    places, band = sampled(x[there], value[there], buckets, **bounds) if len(there) else (np.empty(0, np.intp), None)
    return np.union1d(there[places], gone[_spread(len(gone), MARKS_MAX)]), band


def _marks(points: Points, run: RunPoints, ask: Ask) -> Marks:
    """Where points are not finite, by x."""
    odd = (points.kind == DOUBLE) & ~np.isfinite(points.value)
    if not odd.any():
        return Marks(np.empty(0), np.empty(0), 0)
    points = points.take(odd)
    x = _x(points, run, ask)
    inside = _inside(x, ask)
    if inside is not None:
        points, x = points.take(inside), x[inside]
    sorts = [np.isnan(points.value), points.value == np.inf, points.value == -np.inf]
    here = [np.flatnonzero(sort) for sort in sorts if sort.any()]
    places = [each[_spread(len(each), MARKS_MAX // max(len(here), 1))] for each in here]
    chosen = np.concatenate(places) if places else np.empty(0, np.intp)
    if len(points) <= MARKS_MAX:
        chosen = np.arange(len(points))
    chosen = chosen[np.argsort(x[chosen], kind="stable")]
    return Marks(x[chosen], points.value[chosen], len(points))


def _spread(n: int, most: int) -> Places:
    return np.arange(n) if n <= most else np.linspace(0, n - 1, most).astype(np.intp)


def _x(rows: Points | Folded, run: RunPoints, ask: Ask) -> Floats:
    if ask.x == "step" or (ask.x == "ordinal" and isinstance(rows, Folded)):
        return rows.step.astype(np.float64)
    if ask.x == "ordinal" and isinstance(rows, Points):
        return rows.ordinal.astype(np.float64)
    time = rows.time
    if not np.isfinite(time).all():  # a writer may say any time; such a point stands at the run's start
        time = np.where(np.isfinite(time), time, run.start)
    return time - run.start if ask.x == "relative" else time


def _inside(x: Floats, ask: Ask) -> NDArray[np.bool_] | None:
    """Which lie in the range; None where all do."""
    if ask.from_ is None and ask.to is None:
        return None
    inside = np.ones(len(x), np.bool_)
    if ask.from_ is not None:
        inside &= x >= ask.from_
    if ask.to is not None:
        inside &= x <= ask.to
    return None if inside.all() else inside


def _kind(points: Points) -> str:
    kinds = set(points.kinds)
    if len(kinds) > 1:
        kinds.discard("null")
    if kinds == {"double", "long"}:
        return "double"
    return kinds.pop() if len(kinds) == 1 else "mixed"
