"""Postgres away, an unexpected error, nonsense from callers: an answer in JSON each time, and back by itself."""

from __future__ import annotations

import logging
import threading
from collections.abc import Iterator

import psycopg
import pytest

from runfold_consumers.api.access import create_access_token
from runfold_consumers.api.database import Snapshot
from runfold_consumers.artifacts.objects import Objects
from tests.consumers.api.conftest import Api, Ledger, serving
from tests.consumers.api.proxy import Wire
from tests.consumers.api.saying import Saying
from tests.consumers.api.test_permissions import CLOSED, filled
from tests.consumers.api.test_waiting import facts_lane
from tests.waiting import until


@pytest.fixture
def wire(database: str) -> Iterator[Wire]:
    with psycopg.connect(database) as connection:
        host, port = connection.info.host, connection.info.port
    with Wire(host, port) as wire:
        yield wire


def test_postgres_away_is_told_by_name_and_passes_by_itself(
    database: str, objects: Objects, ledger: Ledger, wire: Wire
) -> None:
    said = Saying("r1")
    ledger.say(said.started())
    access_token = create_access_token(database, principal="ann", workspaces=["*"], scopes=["read"])
    over_wire = psycopg.conninfo.make_conninfo(database, host="127.0.0.1", port=wire.port)
    with serving(over_wire, objects) as address:
        api = Api(address, access_token)
        assert api.get("/runs/r1").status == 200
        answers: list[int] = []
        waiting = threading.Thread(
            target=lambda: answers.append(api.get("", not_before=facts_lane(2), wait_s=25).status)
        )
        waiting.start()
        wire.cut()
        for path in ("/v1/workspaces/team-a/runs/r1", "/readyz"):
            told = api.ask("GET", path)
            assert (told.status, told.code, told.json["error"]["service"]) == (503, "unavailable", "postgres")
            assert told.headers["Retry-After"] == "1"
        assert api.ask("GET", "/livez").status == 200
        wire.heal()
        until(lambda: api.ask("GET", "/readyz").status == 200, 10, "the API to come back")
        assert api.get("/runs/r1").status == 200
        ledger.say(said.tag("k", "v"))
        waiting.join(20)
        assert answers in ([200], [503])  # it waited through, or was told at once
        assert api.get("/runs/r1", not_before=facts_lane(2), wait_s=5).json["tags"] == {"k": "v"}


def test_the_api_starts_while_postgres_is_away(database: str, objects: Objects, wire: Wire) -> None:
    wire.cut()
    access_token = create_access_token(database, principal="ann", workspaces=["*"], scopes=["read"])
    over_wire = psycopg.conninfo.make_conninfo(database, host="127.0.0.1", port=wire.port)
    with serving(over_wire, objects) as address:
        api = Api(address, access_token)
        assert api.get("").status == 503
        wire.heal()
        until(lambda: api.get("").status == 200, 10, "the API to find Postgres")


def test_a_database_without_tables_is_not_ready(empty_database: str, objects: Objects) -> None:
    with serving(empty_database, objects) as address:
        assert Api(address).ask("GET", "/readyz").status == 503


def test_an_unexpected_error_is_told_without_its_insides_and_logged(
    api: Api, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    async def broken(self: Snapshot) -> str:
        raise ZeroDivisionError("inner secret")

    monkeypatch.setattr(Snapshot, "watermark", broken)
    with caplog.at_level(logging.ERROR):
        told = api.get("")
    assert (told.status, told.code) == (500, "internal")
    assert b"secret" not in told.data
    assert any(record.exc_info and record.exc_info[0] is ZeroDivisionError for record in caplog.records)


def test_half_an_answer_is_never_taken_for_a_whole_one(
    ledger: Ledger, api: Api, monkeypatch: pytest.MonkeyPatch
) -> None:
    import urllib3

    from runfold_consumers.api.container import ContainerWriter

    said = Saying("r1")
    ledger.say(said.started(), *(said.logged("m", *([0.5] * 20_000)) for _ in range(8)))
    block, blocks = ContainerWriter.block, iter(range(8))

    def breaks(self: ContainerWriter, message: bytes) -> bytes:
        if next(blocks) == 6:
            raise ZeroDivisionError
        return block(self, message)

    monkeypatch.setattr(ContainerWriter, "block", breaks)
    with pytest.raises(urllib3.exceptions.HTTPError):
        api.get("/runs/r1/metrics")
    monkeypatch.undo()
    assert api.get("/runs/r1/metrics").status == 200  # and the connection to Postgres was given back


BODY_AT_WILL = ("/cancel", "/retry")


def test_no_body_makes_the_api_fail(fuzzed: Api) -> None:
    for method, path in CLOSED:
        if method == "POST" and not path.endswith(BODY_AT_WILL):
            for body in (
                b"",
                b"{",
                b"\xff\xfe",
                b"null",
                b'"' + b"a" * 1000,
                b'{"not_before": "\\ud800"}',
                b"[" * 100_000,
            ):
                assert fuzzed.ask("POST", filled(path), raw=body).status == 400, (path, body[:20])
