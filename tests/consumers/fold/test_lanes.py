"""Sets of ordinals as ranges behave as the sets they stand for."""

from __future__ import annotations

from itertools import pairwise

from hypothesis import given
from hypothesis import strategies as st

from runfold_consumers.fold import lanes
from runfold_consumers.fold.lanes import Ranges
from runfold_consumers.state.arrays import multirange, ranges_of

SETS = st.sets(st.integers(1, 30))


def ranges(of: set[int]) -> Ranges:
    return lanes.canonical((ordinal, ordinal + 1) for ordinal in of)


def members(of: Ranges) -> set[int]:
    return {ordinal for lower, upper in of for ordinal in range(lower, upper)}


def assert_canonical(found: Ranges) -> None:
    assert all(lower < upper for lower, upper in found)
    assert all(left[1] < right[0] for left, right in pairwise(found))


@given(SETS, SETS)
def test_union_and_subtract_are_those_of_sets(left: set[int], right: set[int]) -> None:
    for found, wanted in (
        (lanes.union(ranges(left), ranges(right)), left | right),
        (lanes.subtract(ranges(left), ranges(right)), left - right),
    ):
        assert_canonical(found)
        assert members(found) == wanted


@given(SETS, st.integers(1, 30), st.integers(1, 10))
def test_add_puts_a_range_in_wherever_it_comes(of: set[int], lower: int, length: int) -> None:
    found = lanes.add(ranges(of), lower, lower + length)
    assert_canonical(found)
    assert members(found) == of | set(range(lower, lower + length))


@given(SETS, st.integers(0, 32))
def test_contains_end_and_gaps(of: set[int], ordinal: int) -> None:
    found = ranges(of)
    assert lanes.contains(found, ordinal) == (ordinal in of)
    assert lanes.end(found) == max(of, default=0)
    assert members(lanes.gaps(found)) == set(range(1, max(of, default=0))) - of


@given(SETS)
def test_a_multirange_comes_back_from_its_text(of: set[int]) -> None:
    assert ranges_of(multirange(ranges(of))) == ranges(of)
