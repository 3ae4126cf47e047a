"""Summaries of series equal a plain loop over the points, however these were cut into events, batched or repeated."""

from __future__ import annotations

import random
from collections.abc import Iterable
from functools import reduce
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from runfold_consumers.fold.admission import UnfitRecord, check_series
from runfold_consumers.fold.lanes import POINTS, LaneKey, Ranges
from runfold_consumers.fold.points import trim
from runfold_consumers.fold.records import Record
from runfold_consumers.fold.rows import SeriesRow
from runfold_consumers.fold.series import (
    LAST_TEXT_CHARACTERS_MAX,
    NUMBER_KINDS,
    SMALL,
    Part,
    merged,
    series_id,
    summarise,
)
from runfold_consumers.fold.telemetry import fold_telemetry
from runfold_schemas.codec import TEXT_KINDS, decode, encode
from runfold_schemas.events import MetricLogged, Series
from tests.consumers.state.points import bits, events, lanes

LANE = LaneKey("w", 0, "run", "r", "0" * 32, POINTS)


def plain(logged: Iterable[MetricLogged]) -> dict[tuple[str, str | None], tuple[Any, ...]]:
    """What a loop says of these points, which share no ordinal: in the order of SeriesRow, after the key."""
    points: dict[tuple[str, str | None], list[Any]] = {}
    for event in logged:
        for place, which in enumerate(event.index):
            series, value = event.series[int(which)], float(event.value[place])
            text = event.texts[int(value)][:LAST_TEXT_CHARACTERS_MAX] if series.kind in TEXT_KINDS else None
            text = text and text.replace("\0", "\N{REPLACEMENT CHARACTER}")
            point = (event.first_ordinal + place, series.kind, int(event.step[place]), float(event.time[place]),
                     value if series.kind in NUMBER_KINDS else None, text, series.axis)  # fmt: skip
            points.setdefault((series.name, series.column), []).append(point)
    found = {}
    for key, said in points.items():
        numbers = [point[4] for point in said if point[4] is not None]
        finite = [number for number in numbers if abs(number) < float("inf")]
        last = max(said, key=lambda point: point[0])
        found[key] = (
            ",".join(sorted({point[1] for point in said})), ",".join(sorted({point[6] for point in said})), len(said),
            len(numbers) - len(finite), min(finite, default=None), max(finite, default=None), *last[:6],
        )  # fmt: skip
    return found


def told(rows: Iterable[SeriesRow]) -> dict[tuple[str, str | None], tuple[Any, ...]]:
    return {(row.name, row.column_name): row[7:19] for row in rows}


def same(left: Any, right: Any) -> bool:
    """Equal, and of the last value to the bit; a NaN of a time is any NaN."""
    assert left.keys() == right.keys()
    for key in left:
        for place, (a, b) in enumerate(zip(left[key], right[key], strict=True)):
            exact = place == 10 and a is not None and b is not None
            assert bits(a) == bits(b) if exact else a == b or (a != a and b != b), (key, place, a, b)
    return True


def parts(logged: Iterable[MetricLogged]) -> list[Part]:
    found = []
    for number, event in enumerate(logged):
        read = decode(encode(event))
        assert isinstance(read, MetricLogged)
        found.append(Part("w", 0, 1_000 * number, read))
    return found


@given(lanes())
def test_a_summary_says_what_the_points_say(logged: list[MetricLogged]) -> None:
    assert same(told(summarise(parts(logged)).values()), plain(logged))


@given(lanes(), st.data())
def test_batches_fold_to_the_same_in_any_order(logged: list[MetricLogged], data: Any) -> None:
    of_events = data.draw(st.permutations([summarise([part]) for part in parts(logged)]))
    found: dict[Any, SeriesRow] = reduce(
        lambda known, new: known | {key: merged(known[key], row) if key in known else row for key, row in new.items()},
        of_events,
        {},
    )
    assert same(told(found.values()), plain(logged))
    assert {row.broker_time for row in found.values()} == {row.broker_time for row in summarise(parts(logged)).values()}
    for row in found.values():  # -0.0 equals 0.0: which of the two comes first must not show
        assert all(bits(edge) != bits(-0.0) for edge in (row.min, row.max) if edge is not None)


@given(lanes(), st.data())
def test_what_is_repeated_counts_once(logged: list[MetricLogged], data: Any) -> None:
    """Events cut anywhere, said again and in any order."""
    said = [*logged]
    for event in logged:
        first, after = event.first_ordinal, event.first_ordinal + len(event.index)
        lower = data.draw(st.integers(first, after - 1))
        said.append(trim(event, lower, data.draw(st.integers(lower + 1, after))))
    records = []
    for offset, event in enumerate(data.draw(st.permutations(said))):
        message = encode(event)
        records.append(Record("w", "telemetry", 0, offset, offset, b"", message, decode(message), LANE))
    cut = data.draw(st.integers(0, len(records)))
    first_half = fold_telemetry(records[:cut], {}, {})
    seen: dict[LaneKey, Ranges] = first_half.lanes
    second = fold_telemetry(records[cut:], seen, {})
    found = dict(first_half.series)
    for key, row in second.series.items():
        found[key] = merged(found[key], row) if key in found else row
    assert same(told(found.values()), plain(logged))


@given(events(most=SMALL + 40), st.integers(0, 2**32))
def test_small_and_large_events_are_summarised_alike(event: MetricLogged, seed: int) -> None:
    """Below SMALL points by a loop, above by numpy: the same event, and itself some times over."""
    chance = random.Random(seed)
    times = SMALL // len(event.index) + 1
    order = [chance.randrange(len(event.index)) for _ in range(times * len(event.index))]
    columns: dict[str, Any] = {
        name: [getattr(event, name)[place] for place in order] for name in ("index", "step", "time", "value")
    }
    large = event._replace(**columns)
    assert len(large.index) > SMALL
    assert same(told(summarise(parts([large])).values()), plain([large]))


def test_keys_come_sorted_and_names_have_their_own_ids() -> None:
    ids = [series_id("a", None), series_id("a", ""), series_id("a", "b"), series_id("ab", None), series_id("b", "a")]
    assert len(set(ids)) == len(ids)
    event = MetricLogged(
        "run", "r", "0" * 32, 1, series=tuple(Series(f"m{i}") for i in range(9)), index=list(range(9)), step=[0] * 9,
        time=[0.0] * 9, value=[0.0] * 9,
    )  # fmt: skip
    keys = list(summarise(parts([event])))
    assert keys == sorted(keys)


@pytest.mark.parametrize(
    "series",
    [
        Series("x" * 1025),
        Series("é" * 513),
        Series("a\0b"),
        Series("a", "\0"),
        Series("a", "y" * 1025),
        Series("a", None, "a,b"),
        Series("a", None, "double", "x" * 33),
    ],
)
def test_a_series_whose_names_no_index_takes_is_refused(series: Series) -> None:
    with pytest.raises(UnfitRecord):
        check_series(series)
