"""get_metrics shapes (run_api section 8.2) and the reading order of design section 7."""

from __future__ import annotations

import math
import time
from collections.abc import Sequence
from itertools import pairwise
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from runfold import validation
from runfold.reading.metrics import Chart, RunMetadata, Writer, by_run, of_run
from runfold_schemas.events import MetricLogged, Series

RUN, A, B = "r1", "a" * 32, "b" * 32
Point = tuple[Series, int | None, float, Any]  # series, step (None: the point's ordinal), time, value


def series_of(name: str, value: Any, axis: str = "ordinal", column: str | None = None) -> Series:
    if isinstance(value, bool):
        kind = "bool"
    elif isinstance(value, int):
        kind = "long" if abs(value) <= 2**53 else "bigint"
    else:
        kind = {float: "double", str: "string", type(None): "null"}[type(value)]
    return Series(name, column, kind, axis)


def event(points: Sequence[Point], *, writer: str = A, first: int = 1, run_id: str = RUN) -> MetricLogged:
    """One MetricLogged of the points, as a shipper would cut it."""
    dictionary: list[Series] = []
    texts: list[str] = []
    index, steps, times, values = [], [], [], []
    for place, (series, step, at, value) in enumerate(points):
        if series not in dictionary:
            dictionary.append(series)
        index.append(dictionary.index(series))
        steps.append(first + place if step is None else step)
        times.append(at)
        if series.kind in ("string", "bigint"):
            values.append(float(len(texts)))
            texts.append(str(value))
        else:
            values.append(0.0 if value is None else float(value))
    return MetricLogged(
        aggregate_id=run_id,
        writer_id=writer,
        first_ordinal=first,
        series=tuple(dictionary),
        texts=tuple(texts),
        index=index,
        step=steps,
        time=times,
        value=values,
    )


def logged(name: str, *values: Any, at: float = 1.0) -> list[Point]:
    """`log` once per value: each has a time stamp of its own."""
    return [(series_of(name, value), None, at + i * 0.001, value) for i, value in enumerate(values)]


def listed(name: str, *values: Any, at: float = 1.0) -> list[Point]:
    """One `log_list` call: one time stamp."""
    return [(series_of(name, value), None, at, value) for value in validation.floats(list(values))]


def rows(name: str, *cells: dict[str, Any], first: int = 1, at: float = 1.0) -> list[Point]:
    points: list[Point] = []
    for row in cells:
        step = first + len(points)
        if not row:
            points.append((Series(name, None, "null", "row"), step, at, None))
        points += [(series_of(name, value, "row", column), step, at, value) for column, value in row.items()]
    return points


def read(points: Sequence[Point]) -> Any:
    return of_run(RUN, [event(points)]).get("m")


@pytest.mark.parametrize(
    ("points", "shown"),
    [
        (logged("m", 0.5), 0.5),
        (logged("m", 7), 7),
        (logged("m", "text"), "text"),
        (logged("m", True), True),
        (logged("m", None), None),
        (logged("m", 2**80), 2**80),
        (logged("m", 1, 2, 3), [1, 2, 3]),
        (listed("m", 9), 9),
        (listed("m", 1, 2, 3), [1, 2, 3]),
        (listed("m", 1, 2) + listed("m", 3, 4, at=2.0), [1, 2, 3, 4]),
        (logged("m", math.inf, -math.inf, -0.0), [math.inf, -math.inf, -0.0]),
        (logged("m", 0.5, 1, True, 2**60), [0.5, 1.0, 1.0, float(2**60)]),
        (logged("m", 0.5, None, "x"), [0.5, None, "x"]),
        (logged("m", 1, 2.5), [1, 2.5]),
        (listed("m", 1, 2.5), [1.0, 2.5]),
        (listed("m", 1, 2.5, None), [1.0, 2.5, None]),
        (logged("m", 1) + listed("m", 2, 2.5, at=2.0), [1, 2.0, 2.5]),
        (listed("m", 1, "a"), [1, "a"]),
        (logged("m", 0.5, 10**400), [0.5, 10**400]),
        (rows("m", {"x": 1, "y": "a"}), {"x": 1, "y": "a"}),
        (rows("m", {"x": 1}, {"x": 2}), {"x": [1, 2]}),
        (rows("m", {"x": 1}, {"y": 2}), {"x": [1, None], "y": [None, 2]}),
        (rows("m", {"x": 0.5}, {"x": 2}), {"x": [0.5, 2.0]}),
        (rows("m", {"x": 1}, {"x": 2.5}), {"x": [1, 2.5]}),
        (rows("m", {}), {}),
        (rows("m", {}, {"x": 1}), {"x": [None, 1]}),
        (logged("m", 1) + rows("m", {"x": 2}, first=2), {"m": [1, None], "x": [None, 2]}),
    ],
)
def test_a_logged_value_reads_as_the_reference_says(points: list[Point], shown: Any) -> None:
    found = read(points)
    assert repr(found) == repr(shown)  # repr tells 1 from 1.0 and from True, and -0.0 from 0.0


def test_nan_reads_as_nan() -> None:
    assert math.isnan(read(logged("m", math.nan)))


def test_an_unknown_name_is_absent_and_a_run_without_metrics_is_left_out() -> None:
    assert of_run(RUN, [event(logged("m", 1))], name="x") == {}
    assert by_run([event(logged("m", 1))], {"r0": RunMetadata(), RUN: RunMetadata()}) == {RUN: {"m": 1}}


def test_names_are_kept_verbatim() -> None:
    names = ["Label:0", "[Training Step] accuracy", "a/b", "trailing "]
    found = of_run(RUN, [event([point for name in names for point in logged(name, 1)])])
    assert list(found) == names


def test_a_chart_reads_as_the_address_of_the_first_one() -> None:
    charts = [
        Chart("cm", "cm@9", 0, "2026-01-01T00:00:02Z", A, 9),
        Chart("cm", "cm", 0, "2026-01-01T00:00:01Z", A, 3),
    ]
    found = of_run(RUN, [], RunMetadata({A: Writer()}, charts))
    assert found == {"cm": f"aml://artifactId/ExperimentRun/dcid.{RUN}/cm"}


def test_writers_are_merged_by_running_time_and_ties_go_to_rank() -> None:
    # B's clock steps back: its second point is not older than its first.
    a = event(logged("m", 10, at=5.0) + logged("m", 11, at=7.0), writer=A)
    b = event(logged("m", 20, at=5.0) + logged("m", 21, at=1.0) + logged("m", 22, at=6.0), writer=B)
    metadata = RunMetadata({A: Writer(rank=1), B: Writer(rank=0)})
    assert of_run(RUN, [a, b], metadata) == {"m": [20, 21, 10, 22, 11]}


def test_the_latest_attempt_wins_per_step_and_hides_nothing_else() -> None:
    def stepped(values: dict[int, int], at: float) -> list[Point]:
        return [(series_of("m", v, "step"), step, at + step, v) for step, v in values.items()]

    first = event([*stepped({0: 1, 1: 2, 2: 3}, 0.0), *logged("free", 5)], writer=A)
    again = event([*stepped({2: 30}, 100.0), *stepped({2: 31, 3: 40}, 101.0), *logged("free", 6, at=200.0)], writer=B)
    metadata = RunMetadata({A: Writer(0, attempt=0), B: Writer(0, attempt=1)})
    assert of_run(RUN, [first, again], metadata) == {"m": [1, 2, 30, 31, 40], "free": [5, 6]}
    assert of_run(RUN, [first, again], metadata, attempt=0) == {"m": [1, 2, 3], "free": 5}
    other_rank = RunMetadata({A: Writer(0, attempt=0), B: Writer(1, attempt=1)})
    assert of_run(RUN, [first, again], other_rank)["m"] == [1, 2, 3, 30, 31, 40]
    assert of_run(RUN, [first, again], other_rank, rank=1)["m"] == [30, 31, 40]


def test_an_event_of_the_future_is_told_by_its_kind() -> None:
    strange = event(logged("m", 0.5))._replace(series=(Series("m", None, "complex", "ordinal"),))
    with pytest.raises(ValueError, match="complex"):
        of_run(RUN, [strange])


scalars = st.one_of(st.integers(-(2**70), 2**70), st.floats(), st.text(max_size=5), st.booleans(), st.none())


def as_column(values: list[Any]) -> list[Any]:
    """The rule of run_api 8.2, said again without any cleverness."""
    if type(values[0]) is float:
        return [float(v) if isinstance(v, (int, float)) else v for v in values]
    return values


@given(st.lists(st.tuples(st.sampled_from("pqr"), scalars), min_size=1, max_size=40), st.data())
def test_every_value_comes_back_in_logging_order_however_the_journal_was_cut(
    calls: list[tuple[str, Any]], data: st.DataObject
) -> None:
    points = [point for i, (name, value) in enumerate(calls) for point in logged(name, value, at=float(i))]
    cuts = sorted({0, len(points), *data.draw(st.lists(st.integers(0, len(points)), max_size=4))})
    events = [event(points[i:j], first=i + 1) for i, j in pairwise(cuts)]
    found = of_run(RUN, data.draw(st.permutations(events)))
    expected = {}
    for name in {name for name, _ in calls}:
        values = as_column([value for n, value in calls if n == name])
        expected[name] = values[0] if len(values) == 1 else values
    assert {name: repr(value) for name, value in found.items()} == {n: repr(v) for n, v in expected.items()}


@given(st.lists(st.dictionaries(st.sampled_from("xyz"), scalars), min_size=1, max_size=12), st.data())
def test_ragged_rows_come_back_as_columns_however_the_journal_was_cut(
    table: list[dict[str, Any]], data: st.DataObject
) -> None:
    points = rows("m", *table)
    cuts = sorted({0, len(points), *data.draw(st.lists(st.integers(0, len(points)), max_size=4))})
    events = [event(points[i:j], first=i + 1) for i, j in pairwise(cuts)]
    found: Any = of_run(RUN, events)["m"]
    columns = {column for row in table for column in row}
    assert set(found) == columns
    for column in columns:
        cells = [row.get(column) for row in table]
        if len(table) == 1:
            assert repr(found[column]) == repr(cells[0])
            continue
        first = next(row[column] for row in table if column in row)
        assert repr(found[column]) == repr(as_column([first, *cells])[1:])


@given(
    st.lists(
        st.lists(st.tuples(st.floats(0, 10), st.integers(0, 99)), min_size=1, max_size=10), min_size=1, max_size=4
    ),
    st.permutations(range(4)),
)
def test_writers_keep_their_own_order_and_two_metrics_stay_aligned(
    lanes: list[list[tuple[float, int]]], ranks: list[int]
) -> None:
    events, writers = [], {}
    for w, lane in enumerate(lanes):
        writer = f"{w:032x}"
        writers[writer] = Writer(ranks[w])
        points = [
            (series_of(name, "x"), None, at, f"{w}:{i}:{v}") for i, (at, v) in enumerate(lane) for name in ("m", "n")
        ]
        events.append(event(points, writer=writer))
    found: Any = of_run(RUN, events, RunMetadata(writers))
    order = found["m"] if isinstance(found["m"], list) else [found["m"]]
    assert found["m"] == found["n"]
    for w, lane in enumerate(lanes):
        assert [p for p in order if p.startswith(f"{w}:")] == [f"{w}:{i}:{v}" for i, (_, v) in enumerate(lane)]
    latest = {w: [max(at for at, _ in lane[: i + 1]) for i in range(len(lane))] for w, lane in enumerate(lanes)}
    keys = [(latest[int(p.split(":")[0])][int(p.split(":")[1])], ranks[int(p.split(":")[0])]) for p in order]
    assert keys == sorted(keys)


@pytest.mark.parametrize("writers", [1, 4])
def test_a_million_points_read_in_two_seconds_without_numpy(writers: int) -> None:
    dictionary = tuple(Series(f"m{i}", None, "double", "step") for i in range(20))
    n = 2000
    events = [
        MetricLogged(
            aggregate_id=RUN,
            writer_id=f"{w:032x}",
            first_ordinal=1 + k * n,
            series=dictionary,
            index=[i % 20 for i in range(n)],
            step=[k * n + i // 20 for i in range(n)],
            time=[float(k * n + i) for i in range(n)],
            value=[0.5] * n,
        )
        for w in range(writers)
        for k in range(500 // writers)
    ]
    begin = time.process_time()
    found: Any = of_run(RUN, events, RunMetadata({f"{w:032x}": Writer(w) for w in range(writers)}))
    assert time.process_time() - begin < 2
    assert sum(len(values) for values in found.values()) == 1_000_000
