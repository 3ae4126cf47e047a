"""Where a journal is cut does not matter: the same points under the same ordinals, in messages that fit."""

from __future__ import annotations

import math
from array import array
from collections.abc import Mapping
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from runfold.journal.batches import Batch, Closed, Fact, Loss, Points
from runfold.shipper.batching import Cutter, Outgoing
from runfold_schemas import events
from runfold_schemas.codec import decode, encode
from runfold_schemas.events import LaneEnd, MetricLogged, OrdinalRange, Series
from runfold_schemas.limits import MESSAGE_BYTES_MAX, TEXT_POINT_BYTES_MAX
from runfold_schemas.watermark import Lane

WRITER = "0123456789abcdef" * 2
RUN = "6e1c1d5e-9b0a-4c58-8f0e-3c9d7a9f2b10"
LANE = Lane("points", "run", RUN, WRITER)
NOW_US = 1_790_000_000_000_000

Point = tuple[str, str | None, str, str, int, float, object]  # name, column, kind, axis, step, time, value

doubles = st.floats(width=64)
names = st.text("abc/é", min_size=1, max_size=6)
kinds_and_values = st.one_of(
    doubles.map(lambda v: ("double", v)),
    st.integers(-(2**53), 2**53).map(lambda v: ("long", float(v))),
    st.text(max_size=20).map(lambda v: ("string", v)),
    st.integers(2**60, 2**70).map(lambda v: ("bigint", str(v))),
    st.just(("null", 0.0)),
)


@st.composite
def points_of_a_lane(draw: st.DrawFn) -> tuple[int, list[Point]]:
    first = draw(st.integers(1, 2**40))
    made: list[Point] = []
    for place in range(draw(st.integers(1, 60))):
        kind, value = draw(kinds_and_values)
        axis = draw(st.sampled_from(("step", "ordinal", "row")))
        step = draw(st.integers(-(2**63), 2**63 - 1)) if axis == "step" else first + place
        column = draw(st.one_of(st.none(), names)) if axis == "row" else None
        made.append((draw(names), column, kind, axis, step, draw(st.floats(0, 4e9)), value))
    return first, made


def as_batch(first: int, points: list[Point]) -> Points:
    """As the journal's reader gives them: ids of the journal, which are neither dense nor in order."""
    ids: dict[Series, int] = {}
    texts: list[str] = []
    columns: tuple[array[int], array[int], array[float], array[float]] = (
        array("I"),
        array("q"),
        array("d"),
        array("d"),
    )
    for name, column, kind, axis, step, time, value in points:
        series = Series(name, column, kind, axis)
        columns[0].append(ids.setdefault(series, 7 * len(ids) + 3))
        columns[1].append(step)
        columns[2].append(time)
        if isinstance(value, str):
            columns[3].append(len(texts))
            texts.append(value)
        else:
            columns[3].append(value)  # type: ignore[arg-type]
    return Points(LANE, first, columns[0], {id: series for series, id in ids.items()}, *columns[1:], tuple(texts))


def points_of(messages: list[Outgoing]) -> dict[int, Point]:
    """What a reader of the topic finds, by ordinal."""
    found: dict[int, Point] = {}
    for message in messages:
        event = decode(message.value)
        assert isinstance(event, MetricLogged)
        assert message.topic == "telemetry"
        assert message.key == f"run/{event.aggregate_id}/{event.writer_id}".encode()
        assert len(message.value) <= MESSAGE_BYTES_MAX
        for place, which in enumerate(event.index):
            series = event.series[which]
            value: Any = float(event.value[place])
            if series.kind in ("string", "bigint"):
                value = event.texts[int(value)]
            step, time = int(event.step[place]), float(event.time[place])
            assert event.first_ordinal + place not in found
            found[event.first_ordinal + place] = (
                series.name,
                series.column,
                series.kind,
                series.axis,
                step,
                time,
                value,
            )
    return found


def same(a: Mapping[int, Point], b: Mapping[int, Point]) -> bool:
    return repr(sorted(a.items())) == repr(sorted(b.items()))  # repr: NaN is itself, -0.0 is not 0.0


@settings(deadline=None)  # the first example pays for imports
@given(points_of_a_lane(), st.data())
def test_any_cut_gives_every_point_under_its_ordinal_once(made: tuple[int, list[Point]], data: st.DataObject) -> None:
    first, points = made
    cuts = sorted(data.draw(st.sets(st.integers(1, len(points)))) | {len(points)})
    messages: list[Outgoing] = []
    begin = 0
    for end in cuts:
        messages += Cutter().cut([as_batch(first + begin, points[begin:end])], NOW_US)
        begin = end
    assert same(points_of(messages), {first + place: point for place, point in enumerate(points)})


@settings(deadline=None)
@given(points_of_a_lane())
def test_the_same_batches_give_the_same_messages(made: tuple[int, list[Point]]) -> None:
    batch = as_batch(*made)
    assert Cutter().cut([batch], NOW_US) == Cutter().cut([batch], NOW_US)


def test_messages_fit_where_names_and_texts_are_as_long_as_they_may_be() -> None:
    points: list[Point] = []
    for place in range(700):
        name = f"{place:04}" + "ü" * 510
        points.append((name, "c" * 1024, "double", "row", 1, 1.0, float(place)))
        points.append(
            ("text", None, "string", "step", place, 2.0, f"{place:04}" + "€" * (TEXT_POINT_BYTES_MAX // 3 - 4))
        )
    messages = Cutter().cut([as_batch(1, points)], NOW_US)
    assert same(points_of(messages), dict(enumerate(points, 1)))
    assert sum(len(message.value) for message in messages) / len(messages) > MESSAGE_BYTES_MAX / 4


def test_a_message_takes_sixteen_thousand_points() -> None:
    points: list[Point] = [("loss", None, "double", "step", 2**62, 1.7e9, math.pi)] * 40_000
    messages = Cutter().cut([as_batch(5, points)], NOW_US)
    assert [len(points_of([m])) for m in messages] == [16_000, 16_000, 8_000]


def test_a_fact_goes_out_as_it_was_journaled() -> None:
    event = events.TagSet("run", RUN, WRITER, 4, NOW_US, "team", "blue")
    message = encode(event)
    lane = Lane("facts", "run", RUN, WRITER)
    assert Cutter().cut([Fact(lane, 4, message)], 0) == [Outgoing("facts", f"run/{RUN}".encode(), message)]


def test_a_binding_names_the_experiment_wherever_an_offline_journal_could_not() -> None:
    started = events.RunStarted("run", RUN, WRITER, 2, NOW_US, experiment="", target="local")
    opened = events.WriterOpened("experiment", "", WRITER, 1, NOW_US, host="h")
    enrolled = events.RunEnrolled("experiment", "", WRITER, 2, NOW_US, RUN)
    tag = events.TagSet("run", RUN, WRITER, 3, NOW_US, "a", "b")
    of_run, of_experiment = Lane("facts", "run", RUN, WRITER), Lane("facts", "experiment", "", WRITER)
    batches: list[Batch] = [
        Fact(of_run, 2, encode(started)),
        Fact(of_experiment, 1, encode(opened)),
        Fact(of_experiment, 2, encode(enrolled)),
        Fact(of_run, 3, encode(tag)),
        Closed({of_run: 3, of_experiment: 2, LANE: 9}),
    ]
    messages = Cutter("digits").cut(batches, NOW_US)
    assert [decode(message.value) for message in messages] == [
        started._replace(experiment="digits"),
        opened._replace(aggregate_id="digits"),
        enrolled._replace(aggregate_id="digits"),
        tag,
        events.WriterClosed("experiment", "digits", WRITER, NOW_US, (LaneEnd("facts", 2),)),
        events.WriterClosed("run", RUN, WRITER, NOW_US, (LaneEnd("facts", 3), LaneEnd("points", 9))),
    ]
    keys = [b"run/" + RUN.encode(), b"experiment/digits"]
    assert [message.key for message in messages] == [keys[0], keys[1], keys[1], keys[0], keys[1], keys[0]]


def test_a_named_experiment_is_never_renamed_by_a_binding() -> None:
    started = events.RunStarted("run", RUN, WRITER, 1, NOW_US, experiment="mine")
    (message,) = Cutter("other").cut([Fact(Lane("facts", "run", RUN, WRITER), 1, encode(started))], NOW_US)
    assert decode(message.value) == started


@pytest.mark.parametrize("reason", ["disk_full", "damaged", "interrupted"])
def test_a_loss_is_declared_in_the_facts_of_its_aggregate(reason: str) -> None:
    (message,) = Cutter().cut([Loss(LANE, 10, 12, reason)], NOW_US)
    assert (message.topic, message.key) == ("facts", f"run/{RUN}".encode())
    assert decode(message.value) == events.LossDeclared(
        "run", RUN, WRITER, NOW_US, "points", (OrdinalRange(10, 12),), reason
    )
