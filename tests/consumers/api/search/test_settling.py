"""Series that came to rest are indexed by value; the statement that folds the next point takes them out again."""

from __future__ import annotations

from typing import Any

import psycopg
import pytest

from runfold_consumers.state import settling
from runfold_consumers.state.settling import settle
from tests.consumers.api.conftest import Api, Ledger
from tests.consumers.api.saying import Saying


def settled(conninfo: str) -> list[tuple[Any, ...]]:
    with psycopg.connect(conninfo) as connection:
        return connection.execute("SELECT settled, settled_last, settled_min, settled_max FROM state.series").fetchall()


def found(api: Api, q: str) -> list[str]:
    return [run["run_id"] for run in api.get("/search/runs", q=q).json["runs"]]


def test_what_is_found_does_not_depend_on_settling(
    ledger: Ledger, api: Api, database: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    run = Saying("r1")
    ledger.say(run.started(), run.logged("loss", 0.5, 0.25))
    assert [row[0] for row in settled(database)] == [False]
    assert found(api, "metric.loss = 0.25") == found(api, "metric.loss.max >= 0.5") == ["r1"]
    with psycopg.connect(database, autocommit=True) as connection:
        assert settle(connection) == 1  # broker times of the tests are long past
        assert settle(connection) == 0
    assert settled(database) == [(True, 0.25, 0.25, 0.5)]
    assert found(api, "metric.loss = 0.25") == found(api, "metric.loss.max >= 0.5") == ["r1"]
    ledger.say(run.logged("loss", float("nan"), 4.0))
    assert settled(database)[0][0] is False
    assert found(api, "metric.loss = 0.25") == []
    assert found(api, "metric.loss = 4") == found(api, "metric.loss.max > 1") == ["r1"]
    ledger.say(run.logged("loss", float("nan")))
    monkeypatch.setattr(settling, "REST_S", 0.0)
    with psycopg.connect(database, autocommit=True) as connection:
        assert settle(connection) == 1
    assert settled(database) == [(True, None, 0.25, 4.0)]
    assert found(api, "metric.loss = NaN") == found(api, "metric.loss.max = 4") == ["r1"]
    assert found(api, "metric.loss > 0") == found(api, "metric.loss < 0") == []


def test_what_moves_stays_unsettled(ledger: Ledger, database: str) -> None:
    run = Saying("r1")
    ledger.say(run.started(), run.logged("loss", 0.5))
    ledger.execute("UPDATE state.series SET broker_time = now()")
    with psycopg.connect(database, autocommit=True) as connection:
        assert settle(connection) == 0
