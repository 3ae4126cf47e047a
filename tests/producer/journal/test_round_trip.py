"""What was journaled is read back, exactly, by mapped memory and by system calls, wherever reads are cut."""

from __future__ import annotations

import math
import struct
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from runfold.journal.writer import Journal, TooLarge
from runfold_schemas.errors import EncodeError
from runfold_schemas.limits import MESSAGE_BYTES_MAX
from runfold_schemas.values import classify
from tests.producer.journal.held import Point, held, tag

TEXTS = st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\0"), max_size=60)
VALUES = st.one_of(
    st.floats(allow_nan=True),
    st.integers(-(2**53), 2**53),
    st.integers(-(2**80), 2**80),
    st.booleans(),
    st.none(),
    TEXTS,
    st.sampled_from(["x" * 5000, 0.0, -0.0, math.inf, 2**53, 2**53 + 1]),
)
NAMES = st.sampled_from(["loss", "accuracy", "ß/€", "n" * 1024])
RUNS = st.sampled_from(["one", "two", "three"])
STEPS = st.one_of(st.none(), st.integers(-(2**63), 2**63 - 1))
CALLS = st.one_of(
    st.tuples(st.just("log"), RUNS, NAMES, VALUES, STEPS),
    st.tuples(st.just("burst"), RUNS, NAMES, st.integers(1, 400)),
    st.tuples(st.just("list"), RUNS, NAMES, st.lists(VALUES, max_size=20)),
    st.tuples(st.just("rows"), RUNS, NAMES, st.lists(st.dictionaries(NAMES, VALUES, max_size=4), max_size=6)),
    st.tuples(st.just("fact"), RUNS, st.one_of(TEXTS, st.just("y" * 20_000))),
)


def bits(value: Any) -> Any:
    """Equal for equal values only: NaN is itself, -0.0 is not 0.0, True is not 1."""
    return (type(value), struct.pack("<d", value) if isinstance(value, float) else value)


class Expectation:
    """What a journal must hold, in plain Python."""

    def __init__(self) -> None:
        self.points: dict[str, list[Point]] = {}
        self.facts: dict[str, list[str]] = {}

    def add(self, run: str, name: str, column: str | None, value: Any, axis: str, step: int | None) -> None:
        points = self.points.setdefault(run, [])
        points.append(Point(name, column, classify(value)[0], axis, len(points) + 1 if step is None else step, value))


def perform(journal: Journal, expected: Expectation, call: tuple[Any, ...]) -> None:
    kind, run, *rest = call
    lane = journal.points(run)
    if kind == "log":
        name, value, step = rest
        lane.log(name, value, step)
        expected.add(run, name, None, value, "ordinal" if step is None else "step", step)
    elif kind == "burst":
        name, count = rest
        for step in range(count):
            lane.log(name, step / 7, step)
            expected.add(run, name, None, step / 7, "step", step)
    elif kind == "list":
        name, values = rest
        lane.log_list(name, [classify(value) for value in values])
        for value in values:
            expected.add(run, name, None, value, "ordinal", None)
    elif kind == "rows":
        name, rows = rest
        lane.log_rows(name, [{column: classify(value) for column, value in row.items()} for row in rows])
        for row in rows:
            first = len(expected.points.get(run, [])) + 1
            for column, value in (row or {None: None}).items():
                expected.add(run, name, column, value, "row", first)
    else:
        (value,) = rest
        facts = expected.facts.setdefault(run, [])
        facts.append(value)
        assert journal.fact("run", run, lambda ordinal: tag(ordinal, journal.writer_id, run, value)) == len(facts)


def check(journal: Journal, expected: Expectation, **reading: Any) -> None:
    found = held(journal.folder, **reading)
    assert not found.losses
    for run, points in expected.points.items():
        got = list(found.points(run).values())
        assert [point[:5] for point in got] == [point[:5] for point in points]
        assert [bits(point.value) for point in got] == [bits(point.value) for point in points]
    assert sum(map(len, found.records.values())) == sum(map(len, expected.points.values())) + sum(
        map(len, expected.facts.values())
    )
    for run, values in expected.facts.items():
        assert [(fact.ordinal, fact.value) for fact in found.facts(run).values()] == list(enumerate(values, 1))


@pytest.mark.parametrize("mapped", [True, False])
@settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    calls=st.lists(CALLS, max_size=25),
    first_segment_bytes=st.sampled_from([12288, 16384, 65536]),
    max_bytes=st.sampled_from([1, 4096, 20_000, 1 << 20]),
    resume=st.booleans(),
)
def test_everything_comes_back_exactly(
    tmp_path: Path,
    mapped: bool,
    calls: list[tuple[Any, ...]],
    first_segment_bytes: int,
    max_bytes: int,
    resume: bool,
) -> None:
    journal = Journal.create(
        tmp_path, workspace="w", mapped=mapped, first_segment_bytes=first_segment_bytes, segment_bytes_max=1 << 17
    )
    expected = Expectation()
    for call in calls:
        perform(journal, expected, call)
    check(journal, expected, final=False, max_bytes=max_bytes, resume=resume)
    ends = {lane: last for lane, last in journal.ends().items() if last}
    journal.close()
    check(journal, expected, max_bytes=max_bytes, resume=resume)
    assert held(journal.folder).ends == ends


@pytest.mark.parametrize("mapped", [True, False])
@settings(max_examples=25, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(calls=st.lists(CALLS, min_size=1, max_size=25))
def test_a_reader_that_follows_the_writer_call_by_call_misses_nothing(
    tmp_path: Path, mapped: bool, calls: list[tuple[Any, ...]]
) -> None:
    from runfold.journal.reader import JournalReader
    from tests.producer.journal.held import gathered

    journal = Journal.create(tmp_path, workspace="w", mapped=mapped, first_segment_bytes=12288)
    reader = JournalReader(journal.folder)
    expected = Expectation()
    batches = []
    for call in calls:
        perform(journal, expected, call)
        while found := reader.read():
            batches += found
        assert gathered(batches).records.keys() == {lane for lane, last in journal.ends().items() if last}
        for lane, records in gathered(batches).records.items():
            assert len(records) == journal.ends()[lane]
    journal.close()
    assert reader.read()
    assert reader.finished
    reader.close()


def test_a_list_larger_than_a_record_keeps_one_time_and_consecutive_ordinals(tmp_path: Path) -> None:
    journal = Journal.create(tmp_path, workspace="w")
    journal.points("one").log_list("l", [("double", float(value), None) for value in range(50_000)])
    points = held(journal.folder, final=False).points("one")
    assert [(ordinal, point.step, point.value) for ordinal, point in points.items()] == [
        (ordinal, ordinal, ordinal - 1.0) for ordinal in range(1, 50_001)
    ]
    journal.close()


def test_the_largest_fact_fits_and_a_larger_one_is_refused_before_it_is_numbered(tmp_path: Path) -> None:
    journal = Journal.create(tmp_path, workspace="w")
    envelope = 200
    assert journal.fact("run", "one", lambda ordinal: tag(ordinal, value="v" * (MESSAGE_BYTES_MAX - envelope))) == 1
    with pytest.raises(TooLarge) as caught:
        journal.fact("run", "one", lambda ordinal: tag(ordinal, value="v" * MESSAGE_BYTES_MAX))
    assert caught.value.size > caught.value.allowed == MESSAGE_BYTES_MAX
    with pytest.raises(EncodeError):
        journal.fact("run", "one", lambda ordinal: tag(ordinal, value=7))  # type: ignore[arg-type]
    assert journal.fact("run", "one", lambda ordinal: tag(ordinal, value="small")) == 2
    journal.close()
    found = held(journal.folder, max_bytes=4096)
    assert {ordinal: len(fact.value) for ordinal, fact in found.facts("one").items()} == {
        1: MESSAGE_BYTES_MAX - envelope,
        2: 5,
    }
    assert not found.losses


@pytest.mark.parametrize(
    ("name", "value", "step", "error"),
    [
        ("loss", [1.0], None, TypeError),
        ("loss", object(), None, TypeError),
        ("loss", 1.0, 1.5, TypeError),
        ("loss", 1.0, "1", TypeError),
        ("loss", 1.0, 2**63, ValueError),
        ("loss", 1, -(2**63) - 1, ValueError),
        ("", 1.0, None, ValueError),
        ("n" * 1025, 1.0, None, ValueError),
        ("nul\0", 1.0, None, ValueError),
        ("lone\ud800", 1.0, None, ValueError),
        (["list"], 1.0, None, TypeError),
        (7, 1.0, None, TypeError),
        ("loss", "nul\0", None, ValueError),
        ("loss", "lone\ud800", None, ValueError),
        ("loss", "x" * (64 * 1024 + 1), None, ValueError),
    ],
)
def test_bad_input_is_refused_and_nothing_is_journaled(
    tmp_path: Path, name: Any, value: Any, step: Any, error: type[Exception]
) -> None:
    journal = Journal.create(tmp_path, workspace="w")
    lane = journal.points("one")
    lane.log("loss", 0.5)
    with pytest.raises(error):
        lane.log(name, value, step)
    lane.log("loss", 0.25)
    assert [point.value for point in held(journal.folder, final=False).points("one").values()] == [0.5, 0.25]
    journal.close()


def test_numpy_scalars_are_values_and_steps(tmp_path: Path) -> None:
    numpy = pytest.importorskip("numpy")
    journal = Journal.create(tmp_path, workspace="w")
    lane = journal.points("one")
    for value in (numpy.float32(0.5), numpy.int64(7), numpy.bool_(True), numpy.float64(2.5)):
        lane.log("loss", value, numpy.int64(3))
    points = held(journal.folder, final=False).points("one").values()
    assert [(point.kind, point.step, point.value) for point in points] == [
        ("double", 3, 0.5),
        ("long", 3, 7),
        ("bool", 3, True),
        ("double", 3, 2.5),
    ]
    journal.close()


def test_a_metric_with_and_without_steps_is_two_series_and_is_told_once(tmp_path: Path) -> None:
    journal = Journal.create(tmp_path, workspace="w")
    lane = journal.points("one")
    told: list[str] = []
    lane.on_mixed = told.append
    for step in (None, 7, None, 8):
        lane.log("loss", 0.5, step)
        lane.log("clean", 0.5, 1)
    assert told == ["loss"]
    axes = [(point.axis, point.step) for point in held(journal.folder, final=False).points("one").values()]
    assert axes[::2] == [("ordinal", 1), ("step", 7), ("ordinal", 5), ("step", 8)]
    journal.close()


def test_series_beyond_the_limit_share_the_overflow_series_and_one_warning(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    journal = Journal.create(tmp_path, workspace="w", series_max=3)
    lane = journal.points("one")
    for number in range(6):
        lane.log(f"m{number}", number / 2)
    names = [point.name for point in held(journal.folder, final=False).points("one").values()]
    assert names == ["m0", "m1", "m2", "runfold.overflow", "runfold.overflow", "runfold.overflow"]
    assert len([record for record in caplog.records if "overflow" in record.getMessage()]) == 1
    journal.close()
