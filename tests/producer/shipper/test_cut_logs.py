"""Log text cut into events: joined where pieces follow each other, never above a message, ahead of the writer's end."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from runfold.journal.batches import Batch, Closed, LogText, Loss
from runfold.shipper import counting
from runfold.shipper.batching import LOG_BYTES, Cutter
from runfold_schemas.codec import decode
from runfold_schemas.events import Event, LogAppended, LossDeclared, WriterClosed
from runfold_schemas.limits import MESSAGE_BYTES_MAX
from runfold_schemas.watermark import Lane

WRITER = "a" * 32
LANE = Lane("log/user_logs/std_log.txt", "run", "r", WRITER)
OTHER = LANE._replace(stream="log/other")


def cut(*batches: Batch) -> list[Event]:
    messages = Cutter().cut(batches, 5)
    assert all(len(message.value) <= MESSAGE_BYTES_MAX for message in messages)
    return [decode(message.value) for message in messages]


def test_pieces_that_follow_each_other_are_one_event_whatever_lies_between_them() -> None:
    pieces = [LogText(LANE, 1, b"abc", 1.5, 2), LogText(OTHER, 1, b"x", 1.0), LogText(LANE, 4, b"de", 2.0, 2)]
    assert cut(*pieces, Closed({LANE: 5})) == [
        LogAppended("run", "r", WRITER, 1, 1_500_000, name="user_logs/std_log.txt", attempt=2, data=b"abcde"),
        LogAppended("run", "r", WRITER, 1, 1_000_000, name="other", data=b"x"),
        WriterClosed("run", "r", WRITER, 5, ((LANE.stream, 5),)),
    ]
    (message,) = Cutter().cut(pieces[:1], 5)
    assert (message.topic, message.key) == ("telemetry", f"run/r/{WRITER}".encode())


def test_a_loss_another_attempt_and_the_size_of_an_event_part_pieces() -> None:
    lost, *texts = cut(LogText(LANE, 1, b"ab", 1.0), Loss(LANE, 3, 10, "disk_full"), LogText(LANE, 11, b"cd", 1.0))
    assert isinstance(lost, LossDeclared)
    assert [text.first_ordinal for text in texts] == [1, 11]  # type: ignore[union-attr]
    assert len(cut(LogText(LANE, 1, b"ab", 1.0, 0), LogText(LANE, 3, b"cd", 1.0, 1))) == 2
    half = bytes(LOG_BYTES // 2 + 1)
    assert len(cut(LogText(LANE, 1, half, 1.0), LogText(LANE, 1 + len(half), half, 1.0))) == 2


@given(sizes=st.lists(st.sampled_from([1, 7, 16_384, 200_000, 3_000_000]), min_size=1, max_size=8))
def test_any_pieces_come_back_whole(sizes: list[int]) -> None:
    whole = bytes(range(256)) * (sum(sizes) // 256 + 1)
    pieces, at = [], 0
    for size in sizes:
        pieces.append(LogText(LANE, at + 1, whole[at : at + size], 1.0))
        at += size
    found = b""
    for event in cut(*pieces):
        assert isinstance(event, LogAppended)
        assert event.first_ordinal == len(found) + 1
        found += event.data
    assert found == whole[:at]


def test_what_is_left_is_told_in_words() -> None:
    facts, points = LANE._replace(stream="facts"), LANE._replace(stream="points")
    assert counting.left({facts: 3, points: 5, LANE: 1000, OTHER: 9}, {facts: 1, LANE: 10, OTHER: 9}) == 2 + 5 + 1
    assert counting.told({facts: 3, points: 5}) == "3 facts and 5 points"
    assert counting.told({facts: 3, LANE: 1000, OTHER: 9}) == "3 facts and 0 points and 1009 bytes of logs"
