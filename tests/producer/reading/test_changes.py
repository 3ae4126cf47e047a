"""Server-sent events: read however they are cut, and gone on with where a connection ended."""

from __future__ import annotations

import itertools
import json
import threading

import pytest
from hypothesis import given
from hypothesis import strategies as st

from runfold.exceptions import ServiceAwayError, ServiceException
from runfold.reading.changes import Change, Sent, change_of, parse
from tests.producer.reading.test_transport import client, error, scripted

STREAM = (
    b"retry: 1000\n\nid: w1.a\nevent: here\ndata: {}\n\n: still here\n\n"
    b'id: w1.b\r\nevent: changes\r\ndata: {"runs": {"r1":\r\ndata: ["points"]}}\r\n\r\nid: w1.c\nevent: changes\n'
)


@given(st.lists(st.integers(0, len(STREAM)), max_size=8))
def test_events_are_the_same_however_the_stream_is_cut(cuts: list[int]) -> None:
    places = [0, *sorted(cuts), len(STREAM)]
    pieces = [STREAM[first:last] for first, last in itertools.pairwise(places)]
    assert list(parse(pieces)) == [
        Sent("w1.a", "here", "{}"),
        Sent("w1.b", "changes", '{"runs": {"r1":\n["points"]}}'),
    ]


def test_what_an_event_tells_is_a_change_and_what_is_unknown_is_passed_over() -> None:
    assert change_of(Sent("w", "here", "{}")) == Change("w", {}, [], False)
    told = Sent("w", "changes", json.dumps({"runs": {"r": ["status"]}, "experiments": ["e"], "more": True}))
    assert change_of(told) == Change("w", {"r": ["status"]}, ["e"], True)
    assert change_of(Sent("w", "news", "x")) is None
    with pytest.raises(ValueError, match="JSON"):
        change_of(Sent("w", "changes", "[]"))


def stream(*events: tuple[str, str, object]) -> bytes:
    body = "".join(f"id: {at}\nevent: {event}\ndata: {json.dumps(data)}\n\n" for at, event, data in events)
    return b"HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\nConnection: close\r\n\r\n" + body.encode()


def test_a_stream_that_ends_is_gone_on_with_after_what_was_seen() -> None:
    first = stream(("w1.a", "here", {}), ("w1.b", "changes", {"runs": {"r": ["points"]}}))
    second = stream(("w1.c", "changes", {"runs": {"r": ["status"]}}))
    with scripted(first, second) as (address, heads):
        stop = threading.Event()
        seen = []
        for change in client(address).changes(run_ids=["r", "s"], stop=stop):
            seen.append(change.watermark)
            if len(seen) == 3:
                stop.set()
    assert seen == ["w1.a", "w1.b", "w1.c"]
    assert b"/changes?run_id=r&run_id=s " in heads[0]
    assert b"Last-Event-ID" not in heads[0]
    assert b"Last-Event-ID: w1.b" in heads[1]


def test_an_api_that_stays_away_is_told() -> None:
    with scripted(error(503, "unavailable")) as (address, heads), pytest.raises(ServiceAwayError):
        list(client(address).changes(timeout_s=0.3))
    assert len(heads) > 1


def test_what_no_api_would_send_is_told() -> None:
    broken = stream(("w1.a", "changes", [1]))
    with scripted(broken) as (address, _), pytest.raises(ServiceException, match="changes cannot be read"):
        list(client(address).changes(timeout_s=0.3))
