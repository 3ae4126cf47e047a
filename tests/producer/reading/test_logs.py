"""Reading a log by pieces: how it goes on, where it ends, and what no Runfold API would answer."""

from __future__ import annotations

import pytest

from runfold.exceptions import ServiceAwayError, ServiceException
from runfold.reading.client import LogPiece
from runfold.reading.records import LogRecord
from tests.producer.reading.test_transport import CUT, answer, client, scripted

WRITER = "a" * 32


def piece(data: bytes, following: int, end: int, lost: int = 0, length: int | None = None) -> bytes:
    told = answer(200, data, length)
    fields = {"Next": following, "End": end, "Lost": lost, "Attempt": 2, "Writer": WRITER}
    headers = "".join(f"Runfold-{name}: {value}\r\n" for name, value in fields.items())
    return told.replace(b"Connection: close\r\n", b"Connection: close\r\n" + headers.encode(), 1)


def test_a_piece_says_where_to_read_on() -> None:
    with scripted(piece(b"abc", 6, 9, lost=2)) as (address, heads):
        assert client(address).log_bytes("r ä", "logs/x y.txt", first=1, limit=3) == LogPiece(
            b"abc", 6, 9, 2, 2, WRITER
        )
    assert b"/runs/r%20%C3%A4/logs/content?name=logs%2Fx+y.txt&first=1&limit=3 " in heads[0]


def test_a_log_is_read_to_its_end_from_one_writer_and_attempt() -> None:
    with scripted(piece(b"ab", 3, 6), piece(b"cde", 6, 6)) as (address, heads):
        assert list(client(address).log_pieces("r1", "x")) == [b"ab", b"cde"]
    assert len(heads) == 2
    assert f"attempt=2&writer_id={WRITER}&first=3".encode() in heads[1]


def test_a_log_is_read_to_a_hole_and_no_further() -> None:
    with scripted(piece(b"ab", 3, 9), piece(b"", 3, 9)) as (address, heads):
        assert list(client(address).log_pieces("r1", "x")) == [b"ab"]
    assert len(heads) == 2


def test_a_piece_that_is_cut_is_asked_for_again() -> None:
    with scripted(CUT, piece(b"ab", 3, 3, length=9), piece(b"ab", 3, 3)) as (address, heads):
        assert client(address).log_bytes("r1", "x").data == b"ab"
    assert len(heads) == 3
    with scripted(piece(b"ab", 3, 3, length=9)) as (address, heads), pytest.raises(ServiceAwayError):
        client(address).log_bytes("r1", "x", timeout_s=0.2)


def test_what_no_api_would_answer_is_told_so() -> None:
    with scripted(answer(200, b"text")) as (address, _), pytest.raises(ServiceException, match="is not the API"):
        client(address).log_bytes("r1", "x")


def test_names_are_segments_of_a_path_whatever_they_hold() -> None:
    listed: list[LogRecord] = []
    with scripted(answer(200, {"logs": listed, "experiments": [{}]})) as (address, heads):
        api = client(address)
        api.logs("..")
        api.experiment("a/b?c")
        api.model("..", 3)
        api.asset("dataset", "ä %")
        api.snapshot("s#1")
    assert [head.split(b" ")[1].removeprefix(b"/v1/workspaces/team-a").decode() for head in heads] == [
        "/runs/%2E%2E/logs",
        "/experiments/a%2Fb%3Fc",
        "/models/%2E%2E?version=3&include_deleted=false",
        "/assets/dataset/%C3%A4%20%25?include_deleted=false",
        "/snapshots/s%231",
    ]
