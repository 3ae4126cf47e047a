"""Folded over ranks equals what one works out rank by rank and step by step."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from runfold_consumers.api.series.columns import Lane, Points
from runfold_consumers.api.series.ranks import over_ranks

ROW = st.tuples(
    st.integers(0, 3),  # lane
    st.integers(-3, 6),  # step
    st.integers(0, 20),  # time
    st.one_of(st.floats(-1e6, 1e6), st.sampled_from([math.nan, math.inf, -math.inf, 1.7e308, -1.7e308])),
)
LANES = [Lane("a" * 32, None), Lane("b" * 32, 0), Lane("c" * 32, 1), Lane("d" * 32, 1, 1)]


def points(rows: list[Any]) -> Points:
    lane, step, time, value = (np.array(column) for column in zip(*rows, strict=True))
    n = len(rows)
    times = time.astype(float)
    return Points(
        lane.astype(np.int32), np.arange(n), step.astype(np.int64), times, times, value.astype(float),
        np.zeros(n, np.uint8),
    )  # fmt: skip


def naive(rows: list[Any]) -> list[tuple[Any, ...]]:
    told = []
    of_rank: dict[int, list[Any]] = {}
    for lane, *row in rows:
        rank = LANES[lane].rank
        of_rank.setdefault(-1 if rank is None else rank, []).append(row)
    for step in sorted({row[1] for row in rows}):
        here = {rank: [row for row in of if row[0] == step] for rank, of in sorted(of_rank.items())}
        here = {rank: of for rank, of in here.items() if of}
        finite = {rank: [row[2] for row in of if math.isfinite(row[2])] for rank, of in here.items()}
        lasts = [of[-1] for of in finite.values() if of]
        everything = [value for of in finite.values() for value in of]
        mean = math.fsum(last / len(lasts) for last in lasts) if lasts else math.nan
        behind = sorted((max(row[0] for row in of), rank) for rank, of in of_rank.items())
        if behind[0][0] < step:
            slowest = behind[0][1]
        else:
            times = {rank: max(row[1] for row in of) for rank, of in here.items()}
            slowest = min(rank for rank in times if times[rank] == max(times.values()))
        time = max(row[1] for of in here.values() for row in of)
        least, greatest = min(everything, default=math.nan), max(everything, default=math.nan)
        told.append((step, time, mean, least, greatest, slowest, len(here)))
    return told


@settings(max_examples=60)
@given(st.lists(ROW, min_size=1, max_size=40))
def test_mean_band_and_slowest_are_those_of_a_plain_reading(rows: list[Any]) -> None:
    folded = over_ranks(points(rows), LANES)
    for found, expected in zip(zip(*folded, strict=True), naive(rows), strict=True):
        step, time, mean, least, greatest, slowest, ranks = found
        assert (step, time, slowest, ranks) == (expected[0], expected[1], expected[5], expected[6])
        assert np.array_equal([least, greatest], expected[3:5], equal_nan=True)
        assert math.isclose(mean, expected[2], rel_tol=1e-9, abs_tol=1e-6) or (
            math.isnan(mean) and math.isnan(expected[2])
        )


def test_the_rank_that_is_furthest_behind_is_named_where_it_is_missing() -> None:
    rows = [(1, step, step, 0.0) for step in range(5)] + [(2, step, 10 + step, 1.0) for step in range(3)]
    folded = over_ranks(points(rows), LANES)
    assert folded.slowest.tolist() == [1, 1, 1, 1, 1]  # rank 1 is late up to step 2, and behind from there on
    assert folded.mean.tolist() == [0.5, 0.5, 0.5, 0.0, 0.0]
    assert folded.ranks.tolist() == [2, 2, 2, 1, 1]


def test_means_of_great_values_do_not_overflow() -> None:
    folded = over_ranks(points([(1, 0, 0, 1.7e308), (2, 0, 0, 1.7e308)]), LANES)
    assert math.isclose(folded.mean[0], 1.7e308)
