"""Increments, put together, are the whole: whatever came in whichever order, folded or not."""

from __future__ import annotations

import itertools
from typing import Any

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from runfold_consumers.api.series.asking import Ask
from runfold_consumers.api.series.building import RunPoints, Series, increments_of, series_of
from runfold_consumers.api.series.columns import Points
from runfold_consumers.api.series.ranks import Folded
from tests.consumers.api.series import generated

NAMES = ["loss", "count", "note", "big", "odd", "none", "flag"]
Key = tuple[Any, ...]


@st.composite
def histories(draw: st.DrawFn, *, steady: bool = True) -> tuple[dict[str, Any], list[list[Any]]]:
    """What came, in two to four batches. By clocks that are set back: of one metric."""
    writers = draw(generated.writers())
    said = draw(generated.events(writers, generated.SERIES if steady else generated.SERIES[:2]))
    said = [generated.steady(event) for event in said] if steady else said
    cuts = sorted(draw(st.lists(st.integers(0, len(said)), min_size=1, max_size=3)))
    bounds = [0, *cuts, len(said)]
    return writers, [said[: bounds[i + 1]] for i in range(len(bounds) - 1)]


def key(series: Series, ask: Ask) -> Key:
    return (series.slot, series.rank, series.attempt if ask.attempt == "all" else None)


def rows(series: Series) -> dict[Key, str]:
    """Rows by what tells them apart, comparable where NaN equals NaN."""
    if isinstance(series.rows, Folded):
        told = zip(*(column.tolist() for column in series.rows), strict=True)
        return {(row[0],): repr(row) for row in told}
    points = series.rows
    columns = zip(points.lane.tolist(), points.ordinal.tolist(), points.step.tolist(), points.values(), strict=True)
    return {row[:2]: repr(row) for row in columns}


def new_in(now: RunPoints, before: RunPoints) -> dict[Any, Any]:
    """As `gathering.new_points` tells them."""
    new = {}
    changed = set()
    for slot, points in now.slots.items():
        old = before.slots.get(slot)
        mask = np.ones(len(points), bool)
        if old is not None:
            had = set(zip(old.lane.tolist(), old.ordinal.tolist(), strict=True))
            pairs = zip(points.lane.tolist(), points.ordinal.tolist(), strict=True)
            mask = np.array([pair not in had for pair in pairs])
        new[slot] = mask
        if mask.any():
            changed.add(slot.name)
    return {slot: mask for slot, mask in new.items() if slot.name in changed}


@settings(max_examples=100, deadline=None)
@given(
    st.booleans().flatmap(lambda steady: histories(steady=steady)),
    st.sampled_from(["none", "ranks"]),
    st.sampled_from([None, "all", 1]),
)
def test_increments_put_together_are_the_whole(history: Any, fold: Any, attempt: Any) -> None:
    writers, stages = history
    ask = Ask(run_id=["r1"], metric=NAMES, fold=fold, attempt=attempt)
    runs = [generated.columns(stage, writers) for stage in stages]
    held = {key(series, ask): rows(series) for series in series_of(runs[0], ask)}
    for before, now in itertools.pairwise(runs):
        new = new_in(now, before)
        for series in increments_of(now._replace(slots={slot: now.slots[slot] for slot in new}), ask, new):
            if series.change == "whole":
                held[key(series, ask)] = rows(series)
            else:
                held[key(series, ask)] |= rows(series)
    assert held == {key(series, ask): rows(series) for series in series_of(runs[-1], ask)}


@given(histories())
def test_without_news_there_is_no_increment(history: Any) -> None:
    writers, stages = history
    run = generated.columns(stages[-1], writers)
    nothing = {slot: np.zeros(len(points), bool) for slot, points in run.slots.items()}
    assert list(increments_of(run, Ask(run_id=["r1"], metric=NAMES), nothing)) == []


def test_a_point_more_comes_alone() -> None:
    said = generated.columns([], {})
    assert said.slots == {}
    lanes = [generated.Lane("a" * 32)]
    n = 1000
    points = Points(
        np.zeros(n, np.int32), np.arange(n), np.arange(n), np.arange(float(n)), np.arange(float(n)),
        np.arange(float(n)), np.zeros(n, np.uint8),
    )  # fmt: skip
    slot = generated.Slot("loss", None, "step")
    run = RunPoints("r1", 0.0, lanes, {slot: points})
    new = {slot: np.arange(n) == n - 1}
    (series,) = increments_of(run, Ask(run_id=["r1"], metric=["loss"]), new)
    assert (series.change, series.x.tolist(), series.of) == ("points", [999.0], 1)


def test_a_late_point_that_moves_others_makes_a_fold_whole() -> None:
    """Two writers of a rank at one step. The first one's clock was ahead before it was set back: as soon as that is
    known, its later point counts as the last one."""
    points = Points(
        np.array([0, 0, 1], np.int32), np.array([1, 2, 1]), np.array([7, 0, 0]), np.array([9.0, 1.0, 5.0]),
        np.array([9.0, 9.0, 5.0]), np.array([0.5, 1.0, 2.0]), np.zeros(3, np.uint8),
    )  # fmt: skip
    slot = generated.Slot("loss", None, "step")
    run = RunPoints("r1", 0.0, [generated.Lane("a" * 32, 0), generated.Lane("b" * 32, 0)], {slot: points})
    (series,) = increments_of(
        run, Ask(run_id=["r1"], metric=["loss"], fold="ranks"), {slot: np.array([True, False, False])}
    )
    assert (series.change, series.x.tolist()) == ("whole", [0.0, 7.0])
    assert isinstance(series.rows, Folded)
    assert series.rows.mean.tolist() == [1.0, 0.5]
