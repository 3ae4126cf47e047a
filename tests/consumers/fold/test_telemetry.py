"""Text of logs is kept byte by byte, once (P7); signs of life fold by maximum; and telemetry commutes."""

from __future__ import annotations

import json
from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from runfold_consumers.fold.admission import admit
from runfold_consumers.fold.lanes import canonical
from runfold_consumers.fold.records import RawRecord, Record
from runfold_consumers.fold.telemetry import fold_telemetry
from runfold_consumers.state.checksum import log_digest
from runfold_schemas import codec, topics
from runfold_schemas.events import HeartbeatSent, LaneEnd, LogAppended, MetricLogged, Series
from tests.model.agreement import logical_log

WRITER = "0" * 32
TEXT = bytes(range(40))
POINT = MetricLogged("run", "r", WRITER, 1, series=(Series("loss"),), index=[0], step=[1], time=[0.0], value=[0.0])
PIECES = st.lists(st.tuples(st.integers(1, 40), st.integers(1, 12)), min_size=1, max_size=8)


def record(event: Any, broker_time_us: int = 0) -> Record:
    key, message = topics.key_of(event), codec.encode(event)
    raw = RawRecord("w", "telemetry", "p.w.telemetry", topics.partition(key, 8), 0, broker_time_us, key, message)
    return admit(raw, codec.decode(message), 8)


def piece(first: int, length: int) -> Record:
    data = TEXT[first - 1 : first - 1 + length]
    return record(LogAppended("run", "r", WRITER, first, 7, name="out", attempt=1, data=data))


def beat(broker_time_us: int, ttl_s: float, **ends: int) -> Record:
    lanes = tuple(LaneEnd(stream, last) for stream, last in ends.items())
    return record(HeartbeatSent("run", "r", WRITER, broker_time_us, ttl_s=ttl_s, lanes=lanes), broker_time_us)


@given(PIECES, st.sets(st.integers(1, 50)))
def test_of_a_logs_text_exactly_the_new_bytes_are_kept(pieces: list[tuple[int, int]], before: set[int]) -> None:
    records = [piece(*one) for one in pieces]
    lane = records[0].lane
    seen = canonical((ordinal, ordinal + 1) for ordinal in before)
    found = fold_telemetry(records, {lane: seen}, {})
    said = {o for first, length in pieces for o in range(first, min(first + length, len(TEXT) + 1))}
    assert {key[-1]: byte for key, byte in logical_log(found.logs).items()} == {
        ordinal: (TEXT[ordinal - 1], 1) for ordinal in said - before
    }
    assert found.lanes.get(lane, seen) == canonical((ordinal, ordinal + 1) for ordinal in said | before)


def test_what_is_wholly_new_is_kept_as_it_came() -> None:
    one = piece(5, 6)
    (row,) = fold_telemetry([one, one], {}, {}).logs
    assert (row.name, row.first_ordinal, row.last_ordinal, row.attempt, row.occurred_at) == ("out", 5, 10, 1, 7)
    assert row.data == TEXT[4:10]


@given(PIECES, st.integers(0, 3))
def test_a_logs_digest_does_not_depend_on_how_it_was_cut(pieces: list[tuple[int, int]], attempt: int) -> None:
    rows = fold_telemetry([piece(*one) for one in pieces], {}, {}).logs
    said = sorted((row.first_ordinal, attempt, row.data) for row in rows)
    single = [(first + i, attempt, data[i : i + 1]) for first, _, data in said for i in range(len(data))]
    assert log_digest(said) == log_digest(single)
    assert log_digest([*single[:-1], (single[-1][0], attempt, b"\xff")]) != log_digest(single)
    assert log_digest([*single[:-1], (single[-1][0], attempt + 1, single[-1][2])]) != log_digest(single)
    assert log_digest([*single[:-1], (single[-1][0] + 1, attempt, single[-1][2])]) != log_digest(single)


def test_a_logs_digest_tells_which_attempt_said_what() -> None:
    said = [(1, 0, b"a"), (2, 0, b"b"), (3, 0, b"c")]
    assert log_digest([said[0], (2, 1, b"b"), said[2]]) != log_digest(said)


def test_the_last_sign_of_life_counts_and_marks_never_go_back() -> None:
    records = [beat(5, 10.0, points=7, facts=2), beat(9, 20.0, points=9), beat(7, 30.0, points=8, facts=3)]
    (row,) = fold_telemetry(records, {}, {}).heartbeats.values()
    assert (row.broker_time, row.occurred_at, row.ttl_s) == (9, 9, 20.0)
    assert json.loads(row.ends) == {"points": 9, "facts": 3}


def test_of_signs_of_life_of_one_moment_the_later_counts() -> None:
    (row,) = fold_telemetry([beat(5, 10.0), beat(5, 20.0)], {}, {}).heartbeats.values()
    assert row.ttl_s == 20.0


def test_a_repeated_sign_of_life_changes_nothing() -> None:
    records = [beat(5, 10.0, points=7), beat(9, 20.0, points=9)]
    once = fold_telemetry(records, {}, {}).heartbeats
    assert fold_telemetry(records, {}, once).heartbeats == once


def test_a_batch_may_hold_all_kinds_mixed() -> None:
    records = [beat(1, 1.0, points=1), record(POINT), piece(1, 2), record(POINT), piece(2, 2), beat(2, 1.0)]
    found = fold_telemetry(records, {}, {})
    assert [row.first_ordinal for row in found.points] == [1]
    assert [(row.first_ordinal, row.data) for row in found.logs] == [(1, TEXT[:2]), (3, TEXT[2:3])]
    assert {lane.stream: seen for lane, seen in found.lanes.items()} == {"points": ((1, 2),), "log/out": ((1, 4),)}
    assert len(found.heartbeats) == 1
