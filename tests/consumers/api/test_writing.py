"""Changes through the API are events: stated as the principal's word, decided by the rules, on record."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from functools import partial
from pathlib import Path
from typing import Any

import psycopg
import pytest
import urllib3

from runfold.journal.writer import Journal
from runfold.shipper.sending import Cluster, Parcel
from runfold_consumers.api import stating
from runfold_consumers.api.access import create_access_token
from runfold_consumers.api.errors import ApiError
from runfold_consumers.artifacts.objects import Objects
from runfold_schemas import codec, topics
from runfold_schemas.events import TagSet
from runfold_schemas.settings import Settings
from tests.consumers.api.conftest import Api, Told, serving
from tests.consumers.api.saying import A, Saying
from tests.services import Services, own_workspace
from tests.waiting import until

WORKSPACE = "local"


class Site:
    """The API with a broker behind it, and a projector."""

    def __init__(self, address: str, database: str, settings: Settings) -> None:
        self.settings, self.database = settings, database
        self.api = self.known_as("ann")
        self.address = address
        self.api.address = address

    def known_as(self, principal: str, *scopes: str) -> Api:
        token = create_access_token(
            self.database, principal=principal, workspaces=[WORKSPACE], scopes=scopes or ["read", "write", "admin"]
        )
        return Api(getattr(self, "address", ""), token)

    def get(self, below: str, **query: Any) -> Any:
        return self.api.get(below, WORKSPACE, **query).json

    def ask(self, method: str, below: str, body: object = None, by: Api | None = None, **query: Any) -> Told:
        return (by or self.api).ask(method, f"/v1/workspaces/{WORKSPACE}{below}", body, **query)


@pytest.fixture(scope="module")
def site(services: Services, shared_database: str, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Site]:
    database, journals = shared_database, tmp_path_factory.mktemp("journals")
    with own_workspace(services) as workspace:
        prefix = workspace.prefix
        settings = Settings.load(kafka=services.kafka, topic_prefix=prefix, postgres=database, journal=journals)
        env = {
            **os.environ,
            "RUNFOLD_KAFKA": services.kafka,
            "RUNFOLD_TOPIC_PREFIX": prefix,
            "RUNFOLD_POSTGRES": database,
        }
        command = [sys.executable, "-c", "from runfold_consumers.command import app; app()", "project", "state"]
        projector = subprocess.Popen(command, env=env, stderr=subprocess.DEVNULL)
        objects = Objects(services.s3_address, services.s3_key, services.s3_secret, "test-api")
        try:
            with serving(database, objects, settings) as address:
                yield Site(address, database, settings)
        finally:
            projector.kill()
            projector.wait()


def test_a_run_lives_through_the_api(site: Site) -> None:
    begun = site.ask("POST", "/runs", {"experiment": "digits", "display_name": "one", "tags": {"team": "a"},
                                       "properties": {"seed": "1"}}, decide_s=30)  # fmt: skip
    assert begun.status == 201, begun.json
    run_id = begun.json["run_id"]
    assert {fact["verdict"] for fact in begun.json["facts"]} == {"accepted"}
    run = site.get(f"/runs/{run_id}", not_before=begun.json["not_before"])
    assert (run["experiment"], run["display_name"], run["number"], run["submitted_by"]) == ("digits", "one", 1, "ann")
    assert (run["tags"], run["properties"], run["status"]) == ({"team": "a"}, {"seed": "1"}, "NotStarted")

    assert site.ask("POST", f"/runs/{run_id}/status", {"status": "Running"}).status == 200
    changed = site.ask("PATCH", f"/runs/{run_id}", {"description": "d", "tags": {"team": None, "x": "y"}})
    assert [fact["event"] for fact in changed.json["facts"]] == ["RunDescribed", "TagRemoved", "TagSet"]
    bob = site.known_as("bob")
    correction = {"key": "seed", "value": "2", "reason": "typed wrongly"}
    assert site.ask("POST", f"/runs/{run_id}/corrections", correction, by=bob).status == 200
    assert site.ask("POST", f"/runs/{run_id}/cancel", {"reason": "enough"}).status == 200
    failed = {"status": "Failed", "error": {"message": "no memory"}}
    assert site.ask("POST", f"/runs/{run_id}/status", failed).status == 200
    run = site.get(f"/runs/{run_id}")
    assert (run["status"], run["description"], run["tags"]) == ("Failed", "d", {"x": "y"})
    assert run["error"]["message"] == "no memory"
    assert (run["corrections"][0]["value"], run["corrections"][0]["actor"]) == ("2", "bob")
    assert {happening["actor"] for happening in site.get(f"/runs/{run_id}/events")["timeline"]} == {"ann", "bob"}
    until(lambda: site.get(f"/runs/{run_id}")["complete"] == "complete", 20, "all writers to have closed their lanes")
    until(lambda: not list(site.settings.journals().iterdir()), 20, "journals that are sent to be gone")

    refused = site.ask("POST", f"/runs/{run_id}/properties", {"seed": "3", "other": "4"})
    assert (refused.status, refused.code) == (409, "refused")
    error = refused.json["error"]
    assert (error["rule"], error["key"], error["kept"], error["refused"]) == ("property", "seed", "1", "3")
    assert "other" not in site.get(f"/runs/{run_id}")["properties"]
    assert (
        site.ask("POST", f"/runs/{run_id}/status", {"status": "Completed"}).json["error"]["rule"] == "terminal_status"
    )

    archived = site.ask("PATCH", "/experiments/digits", {"archived": True, "tags": {"a": "b"}})
    assert archived.status == 200
    (experiment,) = site.get("/experiments/digits")["experiments"]
    assert (experiment["archived"], experiment["tags"]) == (True, {"a": "b"})
    assert site.ask("PATCH", f"/runs/{run_id}", {}).json == {
        "verdict": "accepted", "run_id": run_id, "writer_id": None, "facts": [], "not_before": None, "watermark": None,
    }  # fmt: skip

    _repeats(site)


def _repeats(site: Site) -> None:
    """The same request again states nothing again."""
    headers = {"Idempotency-Key": "k1"}
    first, second = (_keyed(site, "POST", "/runs", {"experiment": "digits"}, headers) for _ in range(2))
    assert (first.status, second.status) == (201, 201)
    assert first.json["run_id"] == second.json["run_id"]
    assert first.json["facts"] == second.json["facts"]
    events_ = site.get(f"/runs/{first.json['run_id']}/events")["timeline"]
    assert sum(happening["event"] == "RunStarted" for happening in events_) == 1
    other = _keyed(site, "POST", "/runs", {"experiment": "letters"}, headers)
    assert (other.status, other.code) == (409, "key_taken")
    for _ in range(2):
        assert site.ask("POST", "/runs", {"experiment": "digits", "run_id": "mine"}).status == 201
    assert site.ask("POST", "/runs", {"experiment": "letters", "run_id": "mine"}).json["error"]["rule"] == "run_started"


def _keyed(site: Site, method: str, below: str, body: object, headers: dict[str, str]) -> Told:
    answer = urllib3.request(
        method, f"{site.api.address}/v1/workspaces/{WORKSPACE}{below}", body=json.dumps(body),
        headers={"Authorization": f"Bearer {site.api.access_token}", "Content-Type": "application/json", **headers},
    )  # fmt: skip
    return Told(answer.status, answer.headers, answer.data)


def test_a_dead_letter_is_sent_again_and_nothing_is_rewritten(site: Site) -> None:
    """One record under a wrong key is poison: sent again under the right one it is folded."""
    said = Saying("r1")
    site_topics = topics.topics_of(site.settings.topic_prefix, WORKSPACE)
    cluster = Cluster(site.settings.need("kafka"), site.settings.topic_prefix)
    try:
        connection, done = cluster.connection(), threading.Event()
        connection.route(WORKSPACE, site.settings.topic_prefix)
        started, tagged = codec.encode(said.started()), codec.encode(said.tag("a", "b"))
        place = topics.partition(b"run/r1", 4)
        parcel = Parcel(site_topics.facts, place, [(b"run/r1", started), (b"run/r2", tagged), (b"run/r1", b"nonsense")])
        connection.send(parcel, done.set)
        assert done.wait(20)
    finally:
        cluster.close()
    until(lambda: len(site.get("/deadletters")["dead_letters"]) == 2, 40, "two dead letters")
    assert site.get("/runs/r1")["tags"] == {}
    health = site.get("/health")
    assert (health["dead_letters"]["poison"], health["dead_letters"]["open"]) == (2, 2)
    offset, unreadable = sorted(letter["offset"] for letter in site.get("/deadletters")["dead_letters"])
    letter = f"/deadletters/{site_topics.facts}/{place}/{offset}"
    assert site.get(letter)["reason"]
    assert site.ask("POST", f"{letter}/retry", by=site.known_as("eve", "read", "write")).status == 403
    retried = site.ask("POST", f"{letter}/retry", {"reason": "the key was wrong"})
    assert retried.status == 200, retried.json
    assert (retried.json["event"], retried.json["aggregate_id"]) == ("TagSet", "r1")
    until(lambda: site.get("/runs/r1")["tags"] == {"a": "b"}, 20, "the tag")
    timeline = site.get("/runs/r1/events")["timeline"]
    about = [h for h in timeline if h["event"] == "RecordRetried"]
    told = about[0]["body"]
    assert (told["offset"], told["reason"], about[0]["actor"]) == (offset, "the key was wrong", "ann")
    assert [h["writer_id"] for h in timeline if h["event"] == "TagSet"] == [A]
    with psycopg.connect(site.database) as connection_:
        asked = 'SELECT verdict FROM state.facts WHERE partition = %s AND "offset" = %s'
        skipped = connection_.execute(asked, [place, offset])
        assert skipped.fetchone() == ("skipped",), "what was decided stays"
    assert (site.get(letter)["retried_by"], site.get("/health")["dead_letters"]["open"]) == ("ann", 1)
    assert site.ask("POST", f"{letter}/retry").code == "retried"
    refused = site.ask("POST", f"/deadletters/{site_topics.facts}/{place}/{unreadable}/retry")
    assert (refused.status, refused.code) == (409, "unreadable")
    assert site.ask("POST", f"/deadletters/{site_topics.facts}/{place}/99/retry").status == 404


CHANGES: list[tuple[str, str, Any]] = [
    ("POST", "/runs", {"experiment": "e"}),
    ("POST", "/runs/r1/status", {"status": "Running"}),
    ("POST", "/runs/r1/cancel", {}),
    ("PATCH", "/runs/r1", {"tags": {"a": "b"}}),
    ("POST", "/runs/r1/properties", {"a": "b"}),
    ("POST", "/runs/r1/corrections", {"key": "a", "value": "b", "reason": "c"}),
    ("PATCH", "/experiments/e", {"archived": True}),
]


NO_CHANGES: list[tuple[str, str, Any]] = [
    ("POST", "/runs", {}),
    ("POST", "/runs", {"experiment": "with space"}),
    ("POST", "/runs", {"experiment": "e", "run_id": "a/b"}),
    ("POST", "/runs", {"experiment": "e", "run_id": "x" * 257}),
    ("POST", "/runs", {"experiment": "e", "unknown": 1}),
    ("POST", "/runs", {"experiment": "e", "tags": {"a\0": "b"}}),
    ("POST", "/runs", {"experiment": "e", "tags": {"a": "\ud800"}}),
    ("POST", "/runs", {"experiment": "e", "properties": {"k" * 1025: "b"}}),
    ("POST", "/runs/r1/status", {"status": "Nonsense"}),
    ("POST", "/runs/r1/properties", {"a": {"b": 1}}),
    ("POST", "/runs/r1/corrections", {"key": "a", "value": "b", "reason": ""}),
    ("POST", "/runs/r1/corrections", {"key": "a", "reason": "c"}),
    ("PATCH", "/runs/r1", {"display_name": "x" * 1025}),
    ("PATCH", "/runs/r1", []),
]


def test_without_a_broker_a_change_names_the_setting(own_api: Api) -> None:
    for method, below, body in CHANGES:
        told = own_api.ask(method, f"/v1/workspaces/{own_api.workspace}{below}", body)
        assert (told.status, told.code, told.json["error"]["setting"]) == (503, "unavailable", "RUNFOLD_KAFKA"), below


def test_what_no_client_may_say_is_refused_at_once(own_api: Api) -> None:
    for method, below, body in NO_CHANGES:
        told = own_api.ask(method, f"/v1/workspaces/{own_api.workspace}{below}", body)
        assert (told.status, told.code) == (400, "invalid"), (below, body, told.json)


def test_what_finds_no_room_in_the_journal_is_not_said_to_be_stated(
    shared_database: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A journal that is full drops, as on a full disk."""
    monkeypatch.setattr(stating.Journal, "create", partial(Journal.create, budget_bytes=0))
    speaker = stating.Speaker(Settings.load(kafka="127.0.0.1:1", postgres=shared_database, journal=tmp_path))
    try:
        with pytest.raises(ApiError, match="RUNFOLD_JOURNAL") as told:
            speaker.state("local", "ann", [stating.Fact("run", "r1", TagSet, {"key": "a", "value": "b"})])
        assert told.value.status == 503
    finally:
        speaker.close(time.monotonic())


def test_what_the_broker_does_not_take_is_open_and_stays_in_its_journal(
    shared_database: str, objects: Objects, tmp_path: Path
) -> None:
    settings = Settings.load(kafka="127.0.0.1:1", topic_prefix="none", postgres=shared_database, journal=tmp_path)
    with serving(shared_database, objects, settings) as address:
        token = create_access_token(shared_database, principal="ann", workspaces=["local"], scopes=["write", "read"])
        told = Api(address, token).ask("POST", "/v1/workspaces/local/runs", {"experiment": "e"}, decide_s=0.2)
        assert (told.status, told.json["verdict"]) == (202, "open")
        assert told.json["not_before"].startswith("w1.")
    assert [folder.name for folder in tmp_path.iterdir()] == [told.json["writer_id"]]
