"""The fold over ranks: per step the mean, the least, the greatest, and the slowest rank.

Per step each rank counts once in the mean, by the last finite value that it logged there; least and greatest are over
all finite values. The slowest rank of a step is the one that is furthest behind (of those whose last step lies before
it, the one whose last step is least), and where all have come that far, the one that reached the step last. Ties go to
the lower rank. What is not finite is told apart (`marks`), never averaged.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from runfold_consumers.api.series.columns import Floats, Integers, Lane, Points


class Folded(NamedTuple):
    """A numeric series over ranks. All columns have one length, a row per step, ascending."""

    step: Integers
    time: Floats  # when the last of those who logged it did
    mean: Floats  # NaN where no rank logged a finite value
    least: Floats
    greatest: Floats
    slowest: NDArray[np.int64]  # -1: the rank of a process that has none
    ranks: NDArray[np.int64]  # how many logged it

    def take(self, places: Any) -> Folded:
        """The rows at these places (indices, a mask or a slice), in that order."""
        columns: tuple[Any, ...] = self
        return Folded(*(column[places] for column in columns))


def over_ranks(points: Points, lanes: Sequence[Lane]) -> Folded:
    """Folds numeric points, given in reading order."""
    n = len(points)
    rank_of_lane = np.array([-1 if lane.rank is None else lane.rank for lane in lanes] or [-1], np.int64)
    rank = rank_of_lane[points.lane]
    finite = np.isfinite(points.value)
    # By (step, rank), reading order within: a stable sort from the innermost key outwards.
    order = np.lexsort((np.arange(n), rank, points.step))
    step, rank, finite = points.step[order], rank[order], finite[order]
    value, time = points.value[order], points.time[order]
    if not n:
        empty = np.empty(0)
        return Folded(step, empty, empty, empty, empty, rank, rank)
    first_of_step = np.flatnonzero(np.r_[True, step[1:] != step[:-1]])
    first_of_cell = np.flatnonzero(np.r_[True, (step[1:] != step[:-1]) | (rank[1:] != rank[:-1])])
    cell_rank, cell_step = rank[first_of_cell], step[first_of_cell]
    cell_value = _last_finite(value, finite, first_of_cell)
    cell_time = np.maximum.reduceat(time, first_of_cell)
    cells_of_step = np.searchsorted(first_of_cell, first_of_step)
    steps = step[first_of_step]
    counted = np.isfinite(cell_value)
    number = np.add.reduceat(counted.astype(np.int64), cells_of_step)
    mean = _mean(cell_value, counted, number, cells_of_step)
    least = np.minimum.reduceat(np.where(finite, value, np.inf), first_of_step)
    greatest = np.maximum.reduceat(np.where(finite, value, -np.inf), first_of_step)
    none = ~np.isfinite(least) & ~np.isfinite(greatest)
    least[none] = greatest[none] = np.nan
    latest = np.maximum.reduceat(cell_time, cells_of_step)
    return Folded(
        steps,
        latest,
        mean,
        least,
        greatest,
        _slowest(steps, cell_step, cell_rank, cell_time, cells_of_step, latest),
        np.diff(np.r_[cells_of_step, len(cell_rank)]),
    )


def _last_finite(value: Floats, finite: NDArray[np.bool_], first_of_cell: NDArray[np.intp]) -> Floats:
    """Per cell the last finite value; NaN where there is none."""
    place = np.where(finite, np.arange(len(value)), -1)
    last = np.maximum.reduceat(place, first_of_cell)
    return np.where(last >= first_of_cell, value[np.maximum(last, 0)], np.nan)


def _mean(values: Floats, counted: NDArray[np.bool_], number: Integers, starts: NDArray[np.intp]) -> Floats:
    """Means that do not overflow where the values do not: halves are added up when the plain sum would."""
    with np.errstate(over="ignore", invalid="ignore", divide="ignore"):
        mean = np.add.reduceat(np.where(counted, values, 0.0), starts) / number
        if not np.isfinite(mean[number > 0]).all():
            shares = np.where(counted, values, 0.0) / np.repeat(number, np.diff(np.r_[starts, len(values)]))
            mean = np.where(np.isfinite(mean), mean, np.add.reduceat(shares, starts))
    mean[number == 0] = np.nan
    return mean


def _slowest(
    steps: Integers,
    cell_step: Integers,
    cell_rank: NDArray[np.int64],
    cell_time: Floats,
    cells_of_step: NDArray[np.intp],
    latest: Floats,
) -> NDArray[np.int64]:
    """Per step the rank furthest behind, else the one that was there last."""
    is_last = cell_time == np.repeat(latest, np.diff(np.r_[cells_of_step, len(cell_rank)]))
    place = np.where(is_last, np.arange(len(cell_rank)), len(cell_rank))
    slowest = cell_rank[np.minimum.reduceat(place, cells_of_step)]  # cells of a step ascend by rank: ties to the lower
    ranks, number = np.unique(cell_rank, return_inverse=True)
    last_step = np.full(len(ranks), np.iinfo(np.int64).min)
    np.maximum.at(last_step, number, cell_step)
    behind = int(np.argmin(last_step))  # the first: ties to the lower rank
    slowest[steps > last_step[behind]] = ranks[behind]
    return slowest
