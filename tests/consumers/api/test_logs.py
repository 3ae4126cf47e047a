"""Logs of a run as text that grows, and per writer whether all has arrived."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest

from runfold.exceptions import RunNotFoundError, ServiceException
from runfold.reading.client import ApiClient
from runfold_consumers.api.routes import logs
from runfold_schemas.events import LaneEnd, LossDeclared, OrdinalRange
from runfold_schemas.watermark import Lane, Watermark
from tests.consumers.api.conftest import Api, Ledger
from tests.consumers.api.saying import NOW_US, A, B, C, Saying

STD = "user_logs/std_log.txt"


def lost(writer_id: str, stream: str, first: int, last: int) -> LossDeclared:
    return LossDeclared("run", "r1", writer_id, NOW_US, stream, [OrdinalRange(first, last)], "disk_full")


def test_a_log_is_followed_from_piece_to_piece_and_waited_for(ledger: Ledger, client: ApiClient) -> None:
    said = Saying("r1")
    ledger.say(said.started(), said.log(STD, b"one\n"), said.log(STD, "zwölf\n".encode()))
    piece = client.log_bytes("r1", STD, limit=6)
    assert (piece.data, piece.next, piece.end, piece.lost) == (b"one\nzw", 7, 12, 0)
    assert (piece.attempt, piece.writer_id) == (0, A)
    piece = client.log_bytes("r1", STD, first=piece.next)
    assert (piece.data, piece.next, piece.end) == ("ölf\n".encode(), 12, 12)
    assert client.log_bytes("r1", STD, first=12).data == b""
    wanted = str(Watermark(ordinals={Lane(f"log/{STD}", "run", "r1", A): 15}))
    with ThreadPoolExecutor() as pool:
        waiting = pool.submit(client.log_bytes, "r1", STD, first=12, not_before=wanted)
        ledger.say(said.log(STD, b"end\n"))
        assert waiting.result(10).data == b"end\n"
    assert b"".join(client.log_pieces("r1", STD)) == "one\nzwölf\nend\n".encode()


def test_a_hole_stops_a_reader_until_it_is_filled_or_declared_lost(ledger: Ledger, client: ApiClient) -> None:
    said = Saying("r1")
    first, second, third, fourth = (said.log(STD, data) for data in (b"aa", b"bb", b"cc", b"dd"))
    ledger.say(said.started(), first, third)
    piece = client.log_bytes("r1", STD)
    assert (piece.data, piece.next, piece.end) == (b"aa", 3, 7)
    assert client.log_bytes("r1", STD, first=3)[:3] == (b"", 3, 7)
    assert b"".join(client.log_pieces("r1", STD)) == b"aa"
    ledger.say(second, third)
    assert client.log_bytes("r1", STD).data == b"aabbcc"
    ledger.say(said.log(STD, b"ee"), lost(A, f"log/{STD}", 7, 8))
    piece = client.log_bytes("r1", STD)
    assert (piece.data, piece.next, piece.end, piece.lost) == (b"aabbccee", 11, 11, 2)
    ledger.say(fourth)  # a late one is never dropped
    assert client.log_bytes("r1", STD)[:4] == (b"aabbccddee", 11, 11, 0)


def test_a_name_means_the_latest_attempt_and_the_lowest_rank_unless_told_otherwise(
    ledger: Ledger, client: ApiClient
) -> None:
    old, low, high = Saying("r1", A), Saying("r1", B), Saying("r1", C)
    ledger.say(old.opened(rank=0), old.started(), old.log(STD, b"old"))
    ledger.say(high.opened(rank=1, attempt=1), high.log(STD, b"high", 1), high.log("logs/x.txt", b"x", 1))
    ledger.say(low.opened(rank=0, attempt=1), low.log(STD, b"low", 1), low.closed())
    assert client.log_bytes("r1", STD).data == b"low"
    assert client.log_bytes("r1", STD, attempt=0).data == b"old"
    assert client.log_bytes("r1", STD, writer_id=C).data == b"high"
    with pytest.raises(ServiceException) as raised:
        client.log_bytes("r1", STD, attempt=0, writer_id=C)
    assert raised.value.status_code == 404
    listed = client.logs("r1")
    assert [(e["name"], e["attempt"], e["rank"], e["bytes"], e["complete"]) for e in listed] == [
        ("logs/x.txt", 1, 1, 1, False),
        (STD, 0, 0, 3, False),
        (STD, 1, 0, 3, True),
        (STD, 1, 1, 4, False),
    ]
    assert listed[0]["updated_at"].startswith("2026-")


def test_an_outsiders_log_is_not_the_runs(ledger: Ledger, client: ApiClient) -> None:
    said, stranger = Saying("r1"), Saying("r1", B)
    ledger.say(said.started(), stranger.started("elsewhere"), stranger.log(STD, b"x"))
    assert client.logs("r1") == []
    with pytest.raises(ServiceException):
        client.log_bytes("r1", STD)


def test_a_log_or_run_that_is_not_there_is_told_so(ledger: Ledger, client: ApiClient, api: Api) -> None:
    ledger.say(Saying("r1").started())
    assert client.logs("r1") == []
    with pytest.raises(ServiceException, match="no log 'x'"):
        client.log_bytes("r1", "x")
    for ask in (client.logs, client.completeness, lambda run_id: client.log_bytes(run_id, "x")):
        with pytest.raises(RunNotFoundError):
            ask("r0")
    wrongs: list[dict[str, Any]] = [
        {"first": 0},
        {"limit": 0},
        {"limit": (4 << 20) + 1},
        {"attempt": -1},
        {"first": "x"},
    ]
    for wrong in wrongs:
        told = api.get("/runs/r1/logs/content", **{"name": "x", **wrong})
        assert (told.status, told.code) == (400, "invalid")
    assert api.get("/runs/r1/logs/content").status == 400


def test_an_answer_holds_so_many_bytes_and_rows_and_the_next_goes_on(
    ledger: Ledger, client: ApiClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    said = Saying("r1")
    lines = [b"%d\n" % n for n in range(1000)]
    ledger.say(said.started(), *(said.log(STD, line) for line in lines))
    assert client.log_bytes("r1", STD, limit=1000).data == b"".join(lines)[:1000]
    monkeypatch.setattr(logs, "_ROWS_MAX", 7)
    assert client.log_bytes("r1", STD, first=2).data == b"".join(lines[:7])[1:]
    assert b"".join(client.log_pieces("r1", STD)) == b"".join(lines)


def test_a_listing_that_is_cut_says_so(ledger: Ledger, api: Api, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(logs, "LOGS_MAX", 2)
    said = Saying("r1")
    ledger.say(said.started(), said.log("a", b"x"), said.log("b", b"x"))
    assert api.get("/runs/r1/logs").json["more"] is False
    ledger.say(said.log("c", b"x"))
    told = api.get("/runs/r1/logs").json
    assert ([log["name"] for log in told["logs"]], told["more"]) == (["a", "b"], True)


def test_completeness_tells_per_writer_what_was_sent_and_what_is_here(ledger: Ledger, client: ApiClient) -> None:
    said, silent, stranger = Saying("r1", A), Saying("r1", B), Saying("r1", C)
    ledger.say(said.opened(rank=0), said.started(), silent.opened(rank=1, attempt=2, host="far", pid=9))
    points = [said.logged("m", float(n)) for n in range(5)]
    ledger.say(points[0], points[3], said.log(STD, b"abc"))
    ledger.say(silent.alive(lanes=[LaneEnd("points", 4), LaneEnd("facts", 1)]), stranger.started("elsewhere"))
    ledger.say(lost(A, "points", 2, 2))
    told = client.completeness("r1")
    assert told["complete"] == "open"
    first, second, third = told["writers"][1:] + told["writers"][:1]
    assert (first["writer_id"], second["writer_id"], third["writer_id"]) == (A, B, C)
    assert [w["outsider"] for w in (first, second, third)] == [False, False, True]
    assert (second["rank"], second["attempt"], second["host"], second["pid"]) == (1, 2, "far", 9)
    assert [tuple(lane.values()) for lane in first["lanes"]] == [
        ("facts", 2, 2, 0, []),
        (f"log/{STD}", 3, 3, 0, []),
        ("points", 4, 2, 1, [[3, 3]]),
    ]
    assert [tuple(lane.values()) for lane in second["lanes"]] == [
        ("facts", 1, 1, 0, []),
        ("points", 4, 0, 0, [[1, 4]]),
    ]
    run = client.run("r1")
    assert run["complete"] == "open"
    assert {(m["writer_id"], m["stream"]) for m in run["missing"]} == {(A, "points"), (B, "points")}

    ledger.say(*points, *(silent.logged("m", float(n)) for n in range(4)), said.closed(), silent.closed())
    assert client.completeness("r1")["complete"] == client.run("r1")["complete"] == "complete"
