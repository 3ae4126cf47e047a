"""Runs as the API shows them: one, and lists of them by every filter."""

from __future__ import annotations

import json
from typing import Any

import pytest

from runfold_consumers.api.access import create_access_token
from runfold_consumers.artifacts.objects import Objects
from runfold_schemas import events
from tests.consumers.api.conftest import WORKSPACE, Api, Ledger, serving
from tests.consumers.api.saying import A, B, Saying


def ids(api: Api, **query: Any) -> list[str]:
    told = api.get("/runs", **query)
    assert told.status == 200, told.data
    assert told.json["n"] == len(told.json["runs"])
    return [run["run_id"] for run in told.json["runs"]]


def test_the_ends_of_time_are_shown_wherever_the_database_lives(
    ledger: Ledger, database: str, objects: Objects
) -> None:
    ledger.execute(
        "DO $$ BEGIN EXECUTE format('ALTER DATABASE %%I SET timezone = %%L', current_database(), 'Asia/Tokyo'); END $$"
    )
    last, first = 253_402_300_799_999_999, -62_135_596_800_000_000
    opened, started, logged = (Saying("r1").opened(), Saying("r1").started(), Saying("r1").artifact("a"))
    assert isinstance(opened, events.WriterOpened)
    assert isinstance(started, events.RunStarted)
    assert isinstance(logged, events.ArtifactLogged)
    ledger.say(
        opened._replace(occurred_at=last),
        started._replace(occurred_at=first, ordinal=2),
        logged._replace(occurred_at=last, ordinal=3),
    )
    token = create_access_token(database, principal="ann", workspaces=["*"], scopes=["read"])
    with serving(database, objects) as address:
        api = Api(address, token)
        assert ids(api) == ["r1"]
        (writer,) = api.get("/runs/r1").json["writers"]
        assert writer["opened_at"] == "9999-12-31T23:59:59.999999Z"
        assert api.get("/runs/r1/artifacts").json["artifacts"][0]["created_at"] == "9999-12-31T23:59:59.999999Z"
        assert api.get("/runs/r1/events").status == 200
        assert api.get("/runs/r1/metrics").status == 200


def test_a_run_is_shown_whole(ledger: Ledger, api: Api) -> None:
    said = Saying("r1")
    ledger.say(
        said.opened(rank=3, world_size=4),
        said.started(run_type="azureml.scriptrun", target="local", display_name="first", outputs="./outputs"),
        events.RunEnrolled("experiment", "digits", A, 1, 0, "r1"),
        said.tag("a", "1"),
        said.tag("b", None),
        said.properties(p="1", q=None),
        said.status("Running"),
        said.error("broke"),
        said.described(display_name="renamed", description="what it is"),
    )
    run = api.get("/runs/r1").json
    expected: dict[str, Any] = {
        "run_id": "r1",
        "experiment": "digits",
        "parent_run_id": None,
        "run_type": "azureml.scriptrun",
        "target": "local",
        "display_name": "renamed",
        "description": "what it is",
        "number": 1,
        "attempt": 0,
        "status": "Running",
        "tags": {"a": "1", "b": None},
        "properties": {"p": "1", "q": None},
        "error": {"code": "UserError", "message": "broke", "details_uri": None},
        "complete": "open",
        "missing": [],
        "declared": [],
        "outputs": "./outputs",
        "snapshot_directory": None,
        "ended_at": None,
    }
    assert {name: run[name] for name in expected} == expected
    assert run["created_at"].endswith("Z")
    assert len(run["created_at"]) == len("2026-01-01T00:00:00.000000Z")
    (writer,) = run["writers"]
    assert (writer["writer_id"], writer["actor"], writer["rank"], writer["outsider"]) == (A, "ann", 3, False)


def test_a_run_tells_of_its_job_code_data_and_warnings(ledger: Ledger, api: Api) -> None:
    said, other = Saying("r1"), Saying("r1", B)
    ledger.say(said.started(), Saying("r2").started())
    nothing = api.get("/runs/r2").json
    assert [nothing[name] for name in ("warnings", "snapshot_id", "definition", "job_folder", "datasets")] == [
        [],
        None,
        None,
        None,
        [],
    ]
    assert (nothing["heartbeat_at"], nothing["cancel_requested_at"]) == (None, None)
    snapshot = {"sha256": "0" * 64, "size": 1, "files": 1, "content_bytes": 1}
    link = {"dataset_id": "digits:1", "dataset_name": "digits", "dataset_version": 1, "definition": '{"kind": "file"}'}
    ledger.say(
        said.fact(events.RunSubmitted, target="local", definition='{"script": "old.py"}', job_folder="/old"),
        said.fact(events.RunSubmitted, target="local", definition='{"script": "train.py"}', job_folder="/jobs/r1"),
        said.fact(events.SnapshotTaken, attempt=0, snapshot_id="s0", **snapshot),
        other.fact(events.SnapshotTaken, attempt=1, snapshot_id="s1", **snapshot),
        *(said.fact(events.WarningRecorded, source="loss", message=f"not a number {n}") for n in range(101)),
        said.fact(events.DatasetLinked, direction="output", name="out", dataset_id="x", definition="{}"),
        said.fact(events.DatasetLinked, direction="input", name="in", mechanism="Direct", **link),
        said.alive(),
        said.fact(events.CancelRequested, reason="enough"),
    )
    run = api.get("/runs/r1").json
    assert run == {**api.get("/runs").json["runs"][0], "watermark": run["watermark"]}
    assert (run["definition"], run["job_folder"], run["snapshot_id"]) == ({"script": "train.py"}, "/jobs/r1", "s1")
    assert len(run["warnings"]) == 100
    assert run["warnings"][-1] == {"source": "loss", "message": "not a number 100", "attempt": 0}
    assert run["heartbeat_at"].startswith("2026-")
    assert run["cancel_requested_at"] == "2026-02-02T02:40:00.000000Z"
    assert run["datasets"] == [
        {
            "direction": "input",
            "name": "in",
            "dataset_id": "digits:1",
            "dataset_name": "digits",
            "dataset_version": 1,
            "mechanism": "Direct",
            "path_on_compute": None,
            "definition": {"kind": "file"},
        },
        {
            "direction": "output",
            "name": "out",
            "dataset_id": "x",
            "dataset_name": None,
            "dataset_version": None,
            "mechanism": None,
            "path_on_compute": None,
            "definition": {},
        },
    ]


def test_a_cancel_is_about_the_attempt_that_it_found(ledger: Ledger, api: Api) -> None:
    said = Saying("r1")
    ledger.say(
        said.opened(), said.started(), said.status("Running"), said.fact(events.CancelRequested), said.ended("Canceled")
    )
    assert api.get("/runs/r1").json["cancel_requested_at"] is not None
    ledger.say(said.status("Preparing", attempt=1))
    again = api.get("/runs/r1").json
    assert (again["attempt"], again["status"], again["cancel_requested_at"]) == (1, "Preparing", None)
    ledger.say(said.fact(events.CancelRequested))
    assert api.get("/runs/r1").json["cancel_requested_at"] is not None


def test_a_run_is_complete_when_all_that_was_said_has_arrived(ledger: Ledger, api: Api) -> None:
    said = Saying("r1")
    opened, started, points = said.opened(), said.started(), said.logged("m", 1.0, 2.0, 3.0)
    late = said.logged("m", 4.0, 5.0)
    ended = said.ended()
    ledger.say(opened, started, points, ended)
    run = api.get("/runs/r1").json
    assert (run["status"], run["complete"]) == ("Completed", "open")
    assert run["missing"] == [{"stream": "points", "writer_id": A, "ranges": [[4, 5]]}]
    ledger.say(events.LossDeclared("run", "r1", A, 0, "points", [events.OrdinalRange(4, 4)], "damaged"))
    ledger.say(late._replace(first_ordinal=5, index=[0], step=[5], time=[1.0], value=[5.0]))
    run = api.get("/runs/r1").json
    assert (run["complete"], run["missing"]) == ("complete_with_declared_loss", [])
    assert run["declared"] == [{"stream": "points", "writer_id": A, "ranges": [[4, 4]]}]


def test_an_unknown_run_is_told_so(ledger: Ledger, api: Api) -> None:
    for below in ("/runs/r0", "/runs/r0/metrics", "/runs/r0/artifacts", "/runs/r0/artifacts/content?path=x"):
        told = api.ask("GET", f"/v1/workspaces/{WORKSPACE}{below}")
        assert (told.status, told.code, told.json["error"]["kind"]) == (404, "not_found", "run")
    assert api.get("/experiments/none").status == 404


def test_run_ids_of_any_printable_text_are_addressed_percent_encoded(ledger: Ledger, api: Api) -> None:
    from urllib.parse import quote

    odd = ["a b", "100%", "ä?&#", "..", "%2F", "'; DROP TABLE runs; --"]
    ledger.say(*(Saying(run_id).started() for run_id in odd))
    for run_id in odd:
        path = quote(run_id, safe="") if run_id != ".." else "%2E%2E"
        assert api.get(f"/runs/{path}").json["run_id"] == run_id


def test_workspaces_do_not_see_each_other(ledger: Ledger, api: Api, database: str) -> None:
    Ledger(database, "team-b").say(Saying("r1").started(experiment="theirs"), Saying("r2").started())
    ledger.say(Saying("r1").started(experiment="ours"))
    assert ids(api) == ["r1"]
    assert api.get("/runs/r1").json["experiment"] == "ours"
    assert [e["name"] for e in api.get("/experiments").json["experiments"]] == ["ours"]
    assert api.get("/runs/r2").status == 404


@pytest.fixture
def family(ledger: Ledger) -> None:
    """r1 to r4 and, below r1, c1 and c2, and below c1, g1; created in this order."""
    ones = {name: Saying(name) for name in ("r1", "r2", "r3", "r4", "c1", "c2", "g1")}
    parents = {"c1": "r1", "c2": "r1", "g1": "c1"}
    types = {"r1": "azureml.scriptrun", "c1": "azureml.scriptrun"}
    targets = {"r1": "local", "r4": "gpu", "c2": "gpu"}
    for at, (name, one) in enumerate(ones.items()):
        experiment = "other" if name == "r4" else "digits"
        ledger.say(
            one.started(
                experiment, at, parent_run_id=parents.get(name), run_type=types.get(name), target=targets.get(name)
            )
        )
    ledger.say(ones["r2"].properties(**{"azureml.runsource": "azureml.scriptrun", "n": "1"}))
    ledger.say(ones["c2"].properties(**{"azureml.runsource": "azureml.scriptrun"}))
    ledger.say(
        ones["r1"].tag("k", "1"), ones["r2"].tag("k", None), ones["r3"].tag("k", "True"), ones["r3"].tag("l", "x")
    )
    ledger.say(ones["r1"].status("Running"), ones["r2"].status("Running"), ones["r2"].status("Completed"))


FOUND_BY: list[tuple[dict[str, Any], str]] = [
    ({}, "r4 r3 r2 r1"),
    ({"include_children": True}, "g1 c2 c1 r4 r3 r2 r1"),
    ({"experiment": "digits"}, "r3 r2 r1"),
    ({"experiment": "none"}, ""),
    ({"parent": "r1"}, "c2 c1"),
    ({"parent": "r1", "recursive": True}, "g1 c2 c1"),
    ({"parent": "r9"}, ""),
    ({"type": "azureml.scriptrun"}, "r1"),
    ({"type": "azureml.scriptrun", "experiment": "digits"}, "r2 r1"),
    ({"type": "azureml.scriptrun", "experiment": "digits", "include_children": True}, "c2 c1 r2 r1"),
    ({"parent": "r1", "type": "azureml.scriptrun", "experiment": "digits"}, "c1"),
    ({"target": "gpu"}, "r4"),
    ({"target": "gpu", "include_children": True}, "c2 r4"),
    ({"target": "local", "status": "Running"}, "r1"),
    ({"target": "none"}, ""),
    ({"parent": "r1", "type": "azureml.scriptrun"}, "c1"),
    ({"status": "Running"}, "r1"),
    ({"status": "Completed"}, "r2"),
    ({"status": "NotStarted"}, "r4 r3"),
    ({"tags": '"k"'}, "r3 r2 r1"),
    ({"tags": '{"k": null}'}, "r2"),
    ({"tags": '{"k": 1}'}, "r1"),
    ({"tags": '{"k": true}'}, "r3"),
    ({"tags": '{"k": "True", "l": "x"}'}, "r3"),
    ({"tags": '{"k": "True", "l": "y"}'}, ""),
    ({"tags": "{}"}, "r4 r3 r2 r1"),
    ({"tags": "[]"}, "r4 r3 r2 r1"),
    ({"tags": '["k", {"l": "x"}]'}, "r3"),
    ({"properties": '"n"'}, "r2"),
    ({"properties": '{"n": 1}', "tags": '"k"', "experiment": "digits", "status": "Completed"}, "r2"),
]


@pytest.mark.usefixtures("family")
def test_runs_are_found_by_each_filter_and_by_several(api: Api) -> None:
    for query, found in FOUND_BY:
        assert ids(api, **query) == found.split(), query


@pytest.mark.usefixtures("family")
def test_pages_follow_each_other_without_gap_or_repeat_while_runs_are_added(ledger: Ledger, api: Api) -> None:
    seen: list[str] = []
    cursor: dict[str, Any] = {}
    while True:
        page = api.get("/runs", include_children=True, limit=2, **cursor).json
        seen += [run["run_id"] for run in page["runs"]]
        if page["next_cursor"] is None:
            break
        cursor = {"cursor": page["next_cursor"]}
        ledger.say(Saying(f"new{len(seen)}").started(at=99))
    assert seen == ["g1", "c2", "c1", "r4", "r3", "r2", "r1"]


def test_filters_look_at_what_is_visible(ledger: Ledger, api: Api) -> None:
    one, other = Saying("r1", A), Saying("r1", B)

    def found(**filters: str) -> list[str]:
        return [run["run_id"] for run in api.get("/runs", **filters).json["runs"]]

    ledger.say(one.tag("k", "1"))
    assert found(status="NotStarted") == found(tags='{"k": 1}') == ["r1"]
    ledger.say(other.tag("k", "2"), one.status("Running"), one.status("Preparing", attempt=1))
    assert found(tags='{"k": 1}') == found(status="Running") == found(status="NotStarted") == []
    assert found(tags='["k", {"k": 2}]') == found(status="Preparing") == ["r1"]
    ledger.say(one.fact(events.TagRemoved, key="k"), other.ended(attempt=0))
    assert found(tags='"k"') == found(status="Completed") == []
    assert found(status="Preparing") == ["r1"]


def test_a_circle_of_parents_ends(ledger: Ledger, api: Api) -> None:
    ledger.say(Saying("a").started(parent_run_id="b"), Saying("b").started(parent_run_id="a"))
    assert ids(api, parent="a", recursive=True) == ["b"]
    assert api.get("/runs/a/metrics", recursive=True).status == 200


IMPOSSIBLE: list[dict[str, Any]] = [
    {"tags": "k"},
    {"tags": "[1]"},
    {"tags": '{"k": [1]}'},
    {"tags": '"\\u0000"'},
    {"tags": '{"\\ud800": 1}'},
    {"properties": "1"},
    {"properties": "[[]]"},
    {"target": "x" * 5000},
    {"tags": json.dumps({str(i): "" for i in range(101)})},
    {"cursor": "x"},
    {"cursor": "WzFd"},
    {"limit": 0},
    {"limit": 1001},
    {"recursive": "perhaps"},
    {"wait_s": "nan"},
    {"wait_s": 31},
    {"experiment": "a\0b"},
]


def test_a_parameter_that_cannot_be_is_refused_with_what_is_allowed(api: Api) -> None:
    for query in IMPOSSIBLE:
        told = api.get("/runs", **query)
        assert (told.status, told.code) == (400, "invalid"), query


def test_a_list_of_many_runs_takes_as_many_statements_as_one(
    ledger: Ledger, api: Api, monkeypatch: pytest.MonkeyPatch
) -> None:
    from runfold_consumers.api.database import Snapshot

    ledger.say(*(event for i in range(50) for event in (lambda s: (s.started(), s.tag("k", "v")))(Saying(f"r{i}"))))
    asked: list[str] = []
    rows = Snapshot.rows

    async def noticed(self: Snapshot, name: str, *how: Any, **further: Any) -> Any:
        asked.append(name)
        return await rows(self, name, *how, **further)

    monkeypatch.setattr(Snapshot, "rows", noticed)
    assert len(ids(api, limit=50)) == 50
    assert asked.count("access_token") <= 1
    assert [name for name in asked if name != "access_token"] == ["runs_found", "runs", "lanes", "positions"]


def test_experiments_count_their_runs(ledger: Ledger, api: Api) -> None:
    ledger.say(Saying("r1").started("a"), Saying("r2").started("a"), Saying("r3").started("b"))
    found = api.get("/experiments").json["experiments"]
    assert [(e["name"], e["run_count"]) for e in found] == [("a", 2), ("b", 1)]
    assert api.get("/experiments/b").json["experiments"][0]["run_count"] == 1


def test_experiments_tell_statuses_and_when_something_last_happened(ledger: Ledger, api: Api) -> None:
    done, silent, alive = Saying("r1"), Saying("r2"), Saying("r3")
    ledger.say(
        Saying("e", kind="experiment").fact(events.RunEnrolled, run_id="r9"), done.started("a"), done.ended("Failed")
    )
    ledger.say(silent.started("a", at=5), alive.started("b"), alive.status("Running"), alive.alive())
    by_name = {e["name"]: e for e in api.get("/experiments").json["experiments"]}
    assert by_name["a"]["statuses"] == {"Failed": 1, "NotStarted": 1}
    assert by_name["a"]["last_activity_at"] == api.get("/runs/r2").json["created_at"]
    assert by_name["b"]["statuses"] == {"Running": 1}
    assert by_name["b"]["last_activity_at"] == api.get("/runs/r3").json["heartbeat_at"]
    assert (by_name["e"]["statuses"], by_name["e"]["last_activity_at"]) == ({}, None)


def test_lag_is_told_by_projector_and_partition(ledger: Ledger, api: Api) -> None:
    ledger.say(Saying("r1").started())
    topic = f"test.{WORKSPACE}.facts"
    partition = next(iter(ledger._next))[1]
    ledger.execute(
        "INSERT INTO observed.lag SELECT 'state', %s, %s, p, 0, e, now() - interval '7 s', at FROM (VALUES"
        " (%s, 1, now()), (10, 5, now()), (11, 0, now()), (12, 0, now() - interval '1 minute')) AS v(p, e, at)",
        WORKSPACE,
        topic,
        partition,
    )
    lag = {each["partition"]: each for each in api.get("/lag").json["lag"]}
    assert (lag[partition]["next_offset"], lag[partition]["lag_s"]) == (
        1,
        0.0,
    )  # the position row is ahead of the report
    assert 6 < lag[10]["lag_s"] < 30
    assert lag[11]["lag_s"] == 0.0
    assert 59 < lag[12]["lag_s"] < 90  # it has not reported for long


def test_dead_letters_are_listed_newest_first_with_their_bytes(ledger: Ledger, api: Api) -> None:
    for offset in range(5):
        ledger.execute(
            "INSERT INTO observed.dead_letters VALUES (%s, 't', 0, %s, 'poison', 'no event', NULL, 'ab', now())",
            WORKSPACE,
            offset,
        )
    first = api.get("/deadletters", limit=3).json
    rest = api.get("/deadletters", limit=3, cursor=first["next_cursor"]).json
    assert [d["offset"] for d in first["dead_letters"] + rest["dead_letters"]] == [4, 3, 2, 1, 0]
    assert (first["dead_letters"][0]["value"], first["dead_letters"][0]["key"]) == ("YWI=", None)
    assert rest["next_cursor"] is None


def test_an_outsiders_lanes_do_not_keep_a_run_open(ledger: Ledger, api: Api) -> None:
    said, other = Saying("r1"), Saying("r1", B)
    ledger.say(said.opened(), said.started("digits"), other.opened(), other.started("elsewhere"), said.ended())
    run = api.get("/runs/r1").json
    assert {w["writer_id"]: w["outsider"] for w in run["writers"]} == {A: False, B: True}
    assert run["complete"] == "complete"
