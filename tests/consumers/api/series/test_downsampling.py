"""Fewer points that still hold every extreme, in order, whatever the points are."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from runfold_consumers.api.series.downsampling import bounds_of, every, sampled

NUMBERS = st.floats(allow_nan=False, allow_infinity=False)
Columns = tuple[np.ndarray, np.ndarray]
COLUMNS = st.lists(st.tuples(NUMBERS, NUMBERS), min_size=1, max_size=300).map(
    lambda rows: (np.sort(np.array([x for x, _ in rows])), np.array([value for _, value in rows]))
)


def bucket_of(x: np.ndarray, buckets: int) -> np.ndarray:
    bounds = bounds_of(x, buckets)
    assert (len(bounds), bounds[0], bounds[-1]) == (buckets + 1, 0, len(x))
    return np.repeat(np.arange(buckets), np.diff(bounds))


BUCKETS = st.one_of(st.integers(1, 12), st.integers(13, 10_000))


@given(COLUMNS, BUCKETS)
def test_the_least_and_the_greatest_of_every_bucket_survive(columns: Columns, buckets: int) -> None:
    x, value = columns
    places, _ = sampled(x, value, buckets)
    bucket = bucket_of(x, buckets)
    for number in np.unique(bucket):
        all_of_it, kept = value[bucket == number], value[places[bucket[places] == number]]
        assert kept.min() == all_of_it.min()
        assert kept.max() == all_of_it.max()


@given(COLUMNS, BUCKETS)
def test_points_stay_in_order_with_the_first_and_the_last(columns: Columns, buckets: int) -> None:
    x, value = columns
    places, _ = sampled(x, value, buckets)
    assert (np.diff(places) > 0).all()
    assert places[0] == 0
    assert places[-1] == len(x) - 1
    assert len(places) <= 2 * buckets + 2
    if len(x) <= 2 * buckets:
        assert len(places) == len(x)


@given(COLUMNS, BUCKETS)
def test_the_band_holds_all_points_of_its_bucket_and_no_more(columns: Columns, buckets: int) -> None:
    x, value = columns
    _, band = sampled(x, value, buckets)
    if band is None:
        return
    bucket = bucket_of(x, buckets)
    numbers = np.unique(bucket)
    assert band.x.tolist() == [x[bucket == number][0] for number in numbers]
    assert band.least.tolist() == [value[bucket == number].min() for number in numbers]
    assert band.greatest.tolist() == [value[bucket == number].max() for number in numbers]


def test_buckets_are_of_equal_width() -> None:
    assert bounds_of(np.array([0.0, 0.5, 0.9, 2.0, 3.9, 4.0]), 4).tolist() == [0, 3, 3, 4, 6]
    assert np.diff(bounds_of(np.array([-1.7e308, 0.0, 1.7e308]), 2)).tolist() == [1, 2]


def test_one_peak_in_a_million_points_is_kept() -> None:
    value = np.zeros(1_000_000)
    value[654_321], value[123_456] = 1e9, -1e9
    places, _ = sampled(np.arange(1_000_000.0), value, 100)
    assert {654_321, 123_456} <= set(places.tolist())


@pytest.mark.parametrize(("n", "buckets"), [(0, 3), (1, 1), (6, 3), (7, 3), (10_000, 3)])
def test_what_has_no_size_is_taken_evenly_with_both_ends(n: int, buckets: int) -> None:
    places = every(n, buckets)
    assert len(places) == min(n, 2 * buckets)
    assert places.tolist() == sorted(set(places.tolist()))
    assert not n or (places[0], places[-1]) == (0, n - 1)
