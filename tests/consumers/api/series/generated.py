"""Runs with several writers, attempts, ranks and kinds, as events and as columns of the same points."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from hypothesis import strategies as st

from runfold.reading.metrics import RunMetadata, Writer
from runfold_consumers.api.points import SeriesColumns
from runfold_consumers.api.series.building import RunPoints
from runfold_consumers.api.series.columns import Lane, Points, Slot
from runfold_consumers.api.series.gathering import _clocked, _slots, running
from runfold_schemas.events import MetricLogged, Series
from runfold_schemas.values import classify

RUN = "r1"
SERIES = [
    Series("loss", None, "double", "step"),
    Series("loss", None, "long", "step"),
    Series("count", None, "long", "ordinal"),
    Series("note", None, "string", "ordinal"),
    Series("big", None, "bigint", "ordinal"),
    Series("odd", None, "double", "step"),
    Series("none", None, "null", "step"),
    Series("flag", None, "bool", "step"),
]
VALUES: dict[str, st.SearchStrategy[Any]] = {
    "double": st.floats(width=32),
    "long": st.integers(-(2**53), 2**53),
    "string": st.text(st.characters(exclude_categories=("Cs",), exclude_characters="\0"), max_size=4),
    "bigint": st.sampled_from([2**60, -(10**30)]),
    "null": st.none(),
    "bool": st.booleans(),
}


@st.composite
def writers(draw: st.DrawFn) -> dict[str, Writer]:
    """A few writers of a few ranks and attempts."""
    ranks, attempts = st.sampled_from([None, 0, 1, 2]), st.integers(0, 2)
    names = [f"{digit:x}" * 32 for digit in range(draw(st.integers(1, 5)))]
    return {name: Writer(draw(ranks), draw(attempts)) for name in names}


@st.composite
def events(draw: st.DrawFn, of: dict[str, Writer], only: Sequence[Series] = SERIES) -> list[MetricLogged]:
    """What each writer logged, its clock going back now and then."""
    said = []
    for name in of:
        first = 1
        for _ in range(draw(st.integers(0, 3))):
            rows = draw(
                st.lists(
                    st.tuples(st.integers(0, len(only) - 1), st.integers(0, 5), st.integers(0, 9)),
                    min_size=1,
                    max_size=8,
                )
            )
            said.append(_event(draw, name, first, rows, only))
            first += len(rows)
    return draw(st.permutations(said))


def _event(draw: st.DrawFn, writer: str, first: int, rows: list[tuple[int, int, int]], only: Any) -> MetricLogged:
    texts: list[str] = []
    value = []
    for series, _, _ in rows:
        _, number, text = classify(draw(VALUES[only[series].kind]))
        if text is not None:
            texts.append(text)
            number = float(len(texts) - 1)
        value.append(number)
    return MetricLogged(
        aggregate_id=RUN,
        writer_id=writer,
        first_ordinal=first,
        series=tuple(only),
        texts=tuple(texts),
        index=[series for series, _, _ in rows],
        step=[step if only[series].axis == "step" else first + i for i, (series, step, _) in enumerate(rows)],
        time=[1.77e9 + time for _, _, time in rows],
        value=value,
    )


def steady(event: MetricLogged) -> MetricLogged:
    """The same by a clock that never goes back."""
    ticks = 1 + int(event.writer_id[0], 16) % 3
    times = [1.77e9 + ticks * (event.first_ordinal + place) for place in range(len(event.index))]
    return event._replace(time=times)


def metadata(of: dict[str, Writer]) -> RunMetadata:
    return RunMetadata(of)


def columns(said: Sequence[MetricLogged], of: dict[str, Writer]) -> RunPoints:
    """The same points as `gathering` makes them of what the reader yields."""
    lanes = sorted(
        (Lane(name, writer.rank, writer.attempt) for name, writer in of.items()),
        key=lambda lane: (-1 if lane.rank is None else lane.rank, lane.writer_id),
    )
    place = {lane.writer_id: number for number, lane in enumerate(lanes)}
    read, clocks = [], {}
    for writer in of:
        lane = sorted((event for event in said if event.writer_id == writer), key=lambda event: event.first_ordinal)
        points = [
            (event.series[s], event.first_ordinal + i, event.step[i], event.time[i], event.value[i], event.texts)
            for event in lane
            for i, s in enumerate(event.index)
        ]
        if points:
            clocks[writer] = (np.array([p[1] for p in points]), running(np.array([p[3] for p in points])))
        for series in dict.fromkeys(p[0] for p in points):
            mine = [p for p in points if p[0] == series]
            textual = series.kind in ("string", "bigint")
            read.append(
                SeriesColumns(
                    RUN,
                    writer,
                    *series,
                    np.array([p[1] for p in mine], np.int64),
                    np.array([p[2] for p in mine], np.int64),
                    np.array([p[3] for p in mine]),
                    np.zeros(len(mine)) if textual else np.array([p[4] for p in mine]),
                    [p[5][int(p[4])] for p in mine] if textual else None,
                )
            )
    slots: dict[Slot, Points] = {slot: _clocked(p, clocks, place) for slot, p in _slots(read, place).items()}
    return RunPoints(RUN, 1.77e9, lanes, slots)
