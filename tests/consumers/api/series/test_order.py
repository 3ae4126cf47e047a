"""Order and attempts are those of `runfold.reading.metrics`, which specifies them: both agree on the same points."""

from __future__ import annotations

from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st

from runfold.reading import metrics
from runfold_consumers.api.series.asking import Ask
from runfold_consumers.api.series.building import series_of
from runfold_consumers.api.series.columns import Points
from tests.consumers.api.series import generated

NAMES = ["loss", "count", "note", "big", "odd", "none", "flag"]


@st.composite
def runs(draw: st.DrawFn) -> tuple[dict[str, metrics.Writer], list[Any]]:
    writers = draw(generated.writers())
    return writers, draw(generated.events(writers))


def alike(values: Any) -> str:
    """Comparable where NaN equals NaN, and 1 is not 1.0."""
    return repr(values)


def as_numbers(values: list[Any]) -> list[Any]:
    """As the façade reads a column whose first value is a float."""
    if values and type(values[0]) is float:
        return [float(value) if type(value) is int else value for value in values]
    return values


@settings(max_examples=60, deadline=None)
@given(runs(), st.sampled_from([None, 0, 1, 2]))
def test_each_rank_reads_as_the_facade_reads_it(run: Any, attempt: int | None) -> None:
    writers, said = run
    points = generated.columns(said, writers)
    ask = Ask(run_id=["r1"], metric=NAMES, attempt=attempt)
    for series in series_of(points, ask):
        if series.rank is None:
            continue  # the façade has no word for 'of no rank'
        read = metrics.of_run("r1", said, generated.metadata(writers), rank=series.rank, attempt=attempt)
        expected = read[series.slot.name]
        assert isinstance(series.rows, Points)
        found = as_numbers(series.rows.values())
        assert alike(found if len(found) > 1 else found[0]) == alike(expected)


@settings(max_examples=60, deadline=None)
@given(runs())
def test_of_one_rank_nothing_that_the_facade_shows_is_missing(run: Any) -> None:
    writers, said = run
    writers = {name: writer._replace(rank=3) for name, writer in writers.items()}
    read = metrics.of_run("r1", said, generated.metadata(writers))
    found = {s.slot.name: s for s in series_of(generated.columns(said, writers), Ask(run_id=["r1"], metric=NAMES))}
    assert sorted(found) == sorted(read)
    for name, series in found.items():
        assert isinstance(series.rows, Points)
        values = as_numbers(series.rows.values())
        assert alike(values if len(values) > 1 else values[0]) == alike(read[name])
