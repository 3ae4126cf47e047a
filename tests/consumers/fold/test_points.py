"""Of a MetricLogged exactly the new ordinals are kept (P7), and every point of it comes back as it was."""

from __future__ import annotations

from itertools import pairwise
from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from runfold_consumers.fold.lanes import POINTS, LaneKey, canonical
from runfold_consumers.fold.points import fold_points, trim
from runfold_consumers.fold.records import Record
from runfold_consumers.state.checksum import lane_digest
from runfold_schemas import codec
from runfold_schemas.events import MetricLogged, Series
from tests.model.agreement import logical_points

SERIES = (
    Series("a", None, "double", "step"),
    Series("b", "c", "string", "row"),
    Series("n", None, "bigint", "ordinal"),
)
WRITER = "0" * 32
VALUE = st.one_of(st.floats(), st.text(st.characters(exclude_categories=("Cs",)), max_size=3))


@st.composite
def events(draw: Any) -> MetricLogged:
    said = draw(st.lists(VALUE, min_size=1, max_size=12))
    texts = [value for value in said if isinstance(value, str)]
    place = iter(range(len(texts)))
    index = [draw(st.integers(1, 2)) if isinstance(value, str) else 0 for value in said]
    value = [float(next(place)) if isinstance(one, str) else one for one in said]
    step = draw(st.lists(st.integers(-(2**63), 2**63 - 1), min_size=len(said), max_size=len(said)))
    first = draw(st.integers(1, 9))
    return MetricLogged(
        "run",
        "r",
        WRITER,
        first,
        0,
        None,
        None,
        SERIES,
        texts,
        index,
        step,
        [float(i) for i in range(len(said))],
        value,
    )


def record(event: MetricLogged) -> Record:
    message = codec.encode(event)
    lane = LaneKey("w", 0, event.aggregate_kind, event.aggregate_id, event.writer_id, POINTS)
    return Record("w", "telemetry", 0, 0, 0, b"", message, codec.decode(message), lane)


def points(*messages: bytes) -> dict[Any, Any]:
    return logical_points(("lane", message) for message in messages)


@given(events(), st.sets(st.integers(1, 25)))
def test_exactly_the_new_ordinals_are_kept(event: MetricLogged, before: set[int]) -> None:
    one = record(event)
    seen = canonical((ordinal, ordinal + 1) for ordinal in before)
    rows, lanes, _ = fold_points([one], {one.lane: seen})
    whole = points(one.message)
    kept = points(*(row.message for row in rows))
    assert kept == {key: value for key, value in whole.items() if key[-1] not in before}
    now = before | {key[-1] for key in whole}
    assert lanes.get(one.lane, seen) == canonical((ordinal, ordinal + 1) for ordinal in now)


@given(events())
def test_what_is_wholly_new_is_kept_as_it_came(event: MetricLogged) -> None:
    one = record(event)
    rows, _, _ = fold_points([one, one], {})
    assert [row.message for row in rows] == [one.message]


@given(events(), st.data())
def test_a_lanes_digest_does_not_depend_on_how_it_was_cut(event: MetricLogged, data: Any) -> None:
    whole = record(event).event
    assert isinstance(whole, MetricLogged)
    first, after = whole.first_ordinal, whole.first_ordinal + len(whole.index)
    cuts = sorted(data.draw(st.sets(st.integers(first + 1, after))) | {first, after})
    parts = [codec.encode(trim(whole, lower, upper)) for lower, upper in pairwise(cuts)]
    assert lane_digest(parts) == lane_digest([codec.encode(event)])
    other = event._replace(time=[*event.time[:-1], event.time[-1] + 1])
    assert lane_digest([codec.encode(other)]) != lane_digest([codec.encode(event)])
