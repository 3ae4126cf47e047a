"""Postgres away, an unexpected error, nonsense from callers: an answer in JSON each time, and back by itself."""

from __future__ import annotations

import logging
import threading
from collections.abc import Iterator
from typing import Any

import psycopg
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from runfold_consumers.api.access import create_access_token
from runfold_consumers.api.database import Snapshot
from runfold_consumers.artifacts.objects import Objects
from tests.consumers.api.conftest import WORKSPACE, Api, Ledger, serving
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


TEXT = st.one_of(
    st.text(st.characters(exclude_categories=["Cs"]), max_size=12),
    st.sampled_from(
        ["", "\0", "%", "null", "[]", "{}", '{"a": null}', '"\\ud800"', "1e999", "-1", "9" * 40, "w1.eJw", "../x"]
    ),
)
NAMES = (
    "cursor",
    "limit",
    "tags",
    "properties",
    "experiment",
    "type",
    "status",
    "parent",
    "recursive",
    "prefix",
    "path",
    "include_children",
    "not_before",
    "wait_s",
    "writer_id",
    "ordinal",
    "run_type",
    "attempt",
    "target",
    "name",
    "first",
    "latest",
    "include_deleted",
    "version",
    "view",
)


def test_no_parameter_makes_the_api_fail(ledger: Ledger, api: Api) -> None:
    """Every GET route, with whatever in path and query: never a 5xx but for waits that were in vain."""
    said = Saying("r1")
    ledger.say(said.started(), said.log("r1", b"text"))
    gets = [path for method, path in CLOSED if method == "GET"]

    @settings(max_examples=150, deadline=None, suppress_health_check=list(HealthCheck))
    @given(st.sampled_from(gets), st.dictionaries(st.sampled_from(NAMES), TEXT, max_size=4), TEXT)
    def fuzz(path: str, query: dict[str, Any], part: str) -> None:
        from urllib.parse import quote

        name = quote(part, safe="") or "r1"
        parts = ("run_id", "experiment", "name", "aggregate_id", "snapshot_id", "version")
        names = dict.fromkeys(parts, name if part != ".." else "r1")
        path = path.format(workspace=WORKSPACE, kind=query.get("kind", "dataset"), **names)
        told = api.ask("GET", path, **{"wait_s": 0, **query})
        assert told.status < 500 or told.code == "not_yet", (path, query, told.data)
        if told.status >= 400:
            assert told.json["error"]["message"]

    fuzz()


def test_no_body_makes_the_api_fail(api: Api) -> None:
    for method, path in CLOSED:
        if method == "POST":
            for body in (
                b"",
                b"{",
                b"\xff\xfe",
                b"null",
                b'"' + b"a" * 1000,
                b'{"not_before": "\\ud800"}',
                b"[" * 100_000,
            ):
                assert api.ask("POST", filled(path), raw=body).status == 400, (path, body[:20])
