"""Which points of a run are shown, and in which order: what `runfold.reading.metrics` specifies, on columns.

Within a writer by ordinal; across writers by the running maximum of each writer's clock over its whole lane, ties by
(rank, writer). Where points carry the user's step, the latest attempt wins per (metric name, rank, step); within an
attempt nothing is hidden, and points without a step are all shown.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
from numpy.typing import NDArray

from runfold_consumers.api.series.columns import Lane, Points, Slot

Mask = NDArray[np.bool_]


def reading_order(points: Points) -> Points:
    """Points that stand by (lane, ordinal), put in reading order."""
    if len(points) < 2 or points.lane[0] == points.lane[-1]:
        return points  # one lane: its clock never falls
    return points.take(np.argsort(points.clock, kind="stable"))


def shown(of_name: Mapping[Slot, Points], lanes: Sequence[Lane]) -> dict[Slot, Points]:
    """The points of one metric name without those that a later attempt of the same rank logged again.

    Args:
        of_name: all slots of the name; those that carry the user's step are looked at together.
        lanes: of the run.
    """
    stepped = [slot for slot in of_name if slot.axis == "step" and len(of_name[slot])]
    used = {lane for slot in stepped for lane in of_name[slot].lanes}
    ranks: dict[int | None, dict[int, list[int]]] = {}
    for lane in sorted(used):
        ranks.setdefault(lanes[lane].rank, {}).setdefault(lanes[lane].attempt, []).append(lane)
    kept: dict[Slot, Mask] = {}
    for attempts in ranks.values():
        if len(attempts) > 1:
            _hide(attempts, {slot: of_name[slot] for slot in stepped}, kept)
    return {slot: points.take(kept[slot]) if slot in kept else points for slot, points in of_name.items()}


def _hide(attempts: Mapping[int, list[int]], points_of: Mapping[Slot, Points], kept: dict[Slot, Mask]) -> None:
    """Takes out of `kept` what a later attempt of this one rank logged again."""
    later = np.empty(0, np.int64)
    for attempt in sorted(attempts, reverse=True):
        steps = []
        for slot, points in points_of.items():
            mine = np.isin(points.lane, attempts[attempt])
            if not mine.any():
                continue
            steps.append(points.step[mine])
            if len(later):
                hidden = mine.copy()
                hidden[mine] = np.isin(steps[-1], later)
                if hidden.any():
                    kept[slot] = kept.get(slot, np.ones(len(points), np.bool_)) & ~hidden
        later = np.unique(np.concatenate([later, *steps]))


def by_rank(points: Points, lanes: Sequence[Lane]) -> dict[int | None, Points]:
    """The points of each rank, in the order they stand; ranks ascending, no rank first."""
    return {key[0]: part for key, part in _split(points, lanes, attempts=False)}


def by_attempt(points: Points, lanes: Sequence[Lane]) -> dict[tuple[int | None, int], Points]:
    """The points of each (rank, attempt), in the order they stand."""
    return dict(_split(points, lanes, attempts=True))


def _split(points: Points, lanes: Sequence[Lane], *, attempts: bool) -> list[tuple[tuple[int | None, int], Points]]:
    of: dict[tuple[int | None, int], list[int]] = {}
    for lane in points.lanes:
        of.setdefault((lanes[lane].rank, lanes[lane].attempt if attempts else 0), []).append(lane)
    if len(of) == 1:
        return [(next(iter(of)), points)]
    ordered = sorted(of, key=lambda key: (-1 if key[0] is None else key[0], key[1]))
    group_of = np.zeros(len(lanes), np.int32)
    for number, key in enumerate(ordered):
        group_of[of[key]] = number
    group = group_of[points.lane]
    order = np.argsort(group, kind="stable")
    bounds = np.searchsorted(group[order], np.arange(len(ordered) + 1))
    return [(key, points.take(order[bounds[i] : bounds[i + 1]])) for i, key in enumerate(ordered)]


def attempt_of(points: Points, lanes: Sequence[Lane]) -> int | None:
    """The attempt that all points are of; None where several contributed."""
    found = {lanes[lane].attempt for lane in points.lanes}
    return found.pop() if len(found) == 1 else None
