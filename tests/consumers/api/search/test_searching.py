"""GET /search/runs, /search/columns and /search/groups as a caller sees them."""

from __future__ import annotations

import json
from typing import Any

import pytest

from runfold_consumers.api.sql import roles
from runfold_schemas import events
from tests.consumers.api.conftest import WORKSPACE, Api, Ledger
from tests.consumers.api.saying import A, B, Saying


def search(api: Api, q: str = "", **query: Any) -> Any:
    answer = api.get("/search/runs", q=q, **query)
    assert answer.status == 200, answer.json
    return answer.json


def ids(api: Api, q: str = "", **query: Any) -> list[str]:
    return [run["run_id"] for run in search(api, q, **query)["runs"]]


@pytest.fixture
def family(ledger: Ledger) -> dict[str, Saying]:
    """r1 to r4, and c1 and c2 below r1; created in this order."""
    ones = {name: Saying(name) for name in ("r1", "r2", "r3", "r4", "c1", "c2")}
    for at, (name, one) in enumerate(ones.items()):
        parent = "r1" if name in ("c1", "c2") else None
        ledger.say(
            one.started("other" if name == "r4" else "digits", at, parent_run_id=parent, display_name=f"run {name}")
        )
    digits = Saying("digits", kind="experiment")
    ledger.say(*(digits.fact(events.RunEnrolled, run_id=name) for name in ("r1", "r2", "r3", "c1", "c2")))
    ledger.say(
        ones["r1"].tag("team", "vision"),
        ones["r2"].tag("team", "speech"),
        ones["r3"].tag("team", None),
        ones["c1"].tag("team", "vision"),
        ones["r1"].properties(**{"azureml.git.branch": "main"}),
        ones["r2"].status("Running"),
        ones["r1"].ended("Failed"),
        ones["r1"].logged("loss", 0.9, 0.5),
        ones["r2"].logged("loss", 0.2, 0.7),
        ones["c1"].logged("loss", 0.1),
    )
    return ones


FOUND = [
    ("", "r4 r3 r2 r1"),
    ("tag.team = vision", "r1"),
    ("tag.team != vision", "r2"),  # r3 has no value, r4 no tag: neither has another value
    ("not tag.team = vision", "r4 r3 r2"),
    ("tag.team exists", "r3 r2 r1"),
    ("not tag.team exists", "r4"),
    ("tag.team in (vision, speech)", "r2 r1"),
    ("tag.team not in (vision)", "r2"),
    ("tag.team ~ 'V*'", "r1"),
    ('property."azureml.git.branch" = main', "r1"),
    ("status = failed", "r1"),
    ("status = NotStarted", "r4 r3"),
    ("status != Failed", "r4 r3 r2"),
    ("experiment = other", "r4"),
    ("parent = r1", "c2 c1"),
    ("parent exists", "c2 c1"),
    ("parent = r1 and tag.team = vision", "c1"),
    ("run_id in (c1, r4)", "c1 r4"),
    ("name ~ '*R2'", "r2"),
    ("metric.loss < 0.6", "r1"),
    ("metric.loss.min <= 0.2", "r2"),
    ("metric.loss.max >= 0.9 or tag.team = speech", "r2 r1"),
    ("metric.loss.count = 2", "r2 r1"),
    ("not metric.loss exists", "r4 r3"),
    ("number >= 3 and experiment = digits", "r3"),
    ("created > -1s", ""),
    ("complete = open", "r4 r3 r2 r1"),
    ("archived = true", ""),
    ("tag.'none' exists or run_id = r2", "r2"),
]


@pytest.mark.usefixtures("family")
def test_runs_are_found_by_each_ref_and_operator(api: Api) -> None:
    for q, found in FOUND:
        assert ids(api, q) == found.split(), q
    assert ids(api, include_children=True) == ["c2", "c1", "r4", "r3", "r2", "r1"]
    assert ids(api, "tag.team = vision", include_children=True) == ["c1", "r1"]


@pytest.mark.usefixtures("family")
def test_orders_put_what_is_missing_last(api: Api) -> None:
    assert ids(api, sort="metric.loss") == ["r1", "r2", "r3", "r4"]
    assert ids(api, sort="-metric.loss") == ["r2", "r1", "r3", "r4"]
    assert ids(api, sort="-metric.loss.min,-created") == ["r1", "r2", "r4", "r3"]
    assert ids(api, sort="-tag.team") == ["r1", "r2", "r3", "r4"]
    assert ids(api, sort="experiment,-created") == ["r3", "r2", "r1", "r4"]


@pytest.mark.usefixtures("family")
def test_a_page_tells_what_was_asked_for(api: Api) -> None:
    columns = "tag.team,metric.loss,metric.loss.last,metric.loss.max,metric.none,status,created,complete,archived"
    answer = search(api, "experiment = digits", columns=columns, limit=2, sort="created")
    one, two = answer["runs"]
    assert (answer["n"], answer["of"], answer["of_is_exact"]) == (2, 3, True)
    assert answer["watermark"].startswith("w1.")
    assert (one["run_id"], one["name"], one["number"], one["children"], one["status"]) == (
        "r1",
        "run r1",
        1,
        2,
        "Failed",
    )
    assert one["values"] == {
        "tag.team": "vision",
        "metric.loss": 0.5,
        "metric.loss.last": 0.5,
        "metric.loss.max": 0.9,
        "metric.none": None,
        "status": "Failed",
        "created": one["created_at"],
        "complete": "open",
        "archived": "false",
    }
    assert two["values"]["tag.team"] == "speech"
    assert search(api, count=False)["of"] is None


def test_long_texts_are_cut_and_say_so(ledger: Ledger, api: Api) -> None:
    run = Saying("r1")
    ledger.say(run.started(), run.tag("long", "ü" * 2_000), run.tag("short", "x" * 1_024))
    values = search(api, f"tag.long = '{'ü' * 2_000}'", columns="tag.long,tag.short")["runs"][0]["values"]
    assert values == {"tag.long": "ü" * 1_024 + "…", "tag.short": "x" * 1_024}
    assert ids(api, f"tag.long = '{'ü' * 1_999}'") == []


@pytest.mark.parametrize("sort", ["-created", "metric.loss,-created", "-tag.team", "name"])
def test_pages_follow_each_other_without_gap_or_repeat_while_runs_are_added(
    ledger: Ledger, api: Api, family: dict[str, Saying], sort: str
) -> None:
    whole = ids(api, include_children=True, sort=sort)
    seen: list[str] = []
    query: dict[str, Any] = {"include_children": True, "sort": sort, "limit": 2}
    while True:
        page = search(api, **query)
        seen += [run["run_id"] for run in page["runs"] if not run["run_id"].startswith("new")]
        if page["next_cursor"] is None:
            break
        query["cursor"] = page["next_cursor"]
        added = Saying(f"new{len(seen)}")
        ledger.say(added.started(at=99), added.tag("team", "m"), added.logged("loss", 0.55))
    assert seen == whole
    assert sorted(seen) == sorted(family)


@pytest.mark.parametrize("sort", ["-created", "metric.loss,-created", "-tag.team"])
@pytest.mark.usefixtures("family")
def test_a_page_far_down_is_had_without_those_before_it(api: Api, sort: str) -> None:
    whole = ids(api, sort=sort)
    for skip in range(len(whole) + 2):
        assert ids(api, sort=sort, limit=2, skip=skip) == whole[skip : skip + 2]
    page = search(api, sort=sort, limit=1, skip=1)
    assert ids(api, sort=sort, cursor=page["next_cursor"]) == whole[2:]
    assert ids(api, sort=sort, cursor=page["next_cursor"], skip=1) == whole[3:]
    assert api.get("/search/runs", skip=-1).status == 400


@pytest.mark.usefixtures("family")
def test_a_cursor_goes_on_with_its_own_question_alone(api: Api) -> None:
    cursor = search(api, "not tag.x exists", limit=2)["next_cursor"]
    assert ids(api, "not   tag.x EXISTS", limit=2, cursor=cursor) == ["r2", "r1"]
    for query in ({"q": "not tag.y exists"}, {"q": "not tag.x exists", "sort": "created"}, {"q": ""}):
        refused = api.get("/search/runs", cursor=cursor, **query)
        assert (refused.status, refused.code) == (400, "invalid")
        assert "very same" in refused.json["error"]["message"]
    assert api.get("/search/runs", q="not tag.x exists", cursor=cursor, include_children=True).status == 400
    assert api.get("/search/runs", cursor="nonsense").status == 400
    assert api.get("/search/groups", q="not tag.x exists", by="status", cursor=cursor).status == 400


def test_visible_is_the_last_word_and_the_latest_attempt(ledger: Ledger, api: Api) -> None:
    one, other = Saying("r1", A), Saying("r1", B)
    ledger.say(one.started(), one.tag("k", "1"), one.status("Running"))
    assert ids(api, "tag.k = 1 and status = Running") == ["r1"]
    ledger.say(other.tag("k", "2"), one.status("Preparing", attempt=1))
    assert ids(api, "tag.k = 1") == ids(api, "status = Running") == []
    assert ids(api, "tag.k = 2 and status = Preparing") == ["r1"]
    ledger.say(one.fact(events.TagRemoved, key="k"))
    assert ids(api, "tag.k exists") == []
    assert search(api, columns="tag.k")["runs"][0]["values"] == {"tag.k": None}


def test_a_metric_is_all_that_its_writers_logged_but_outsiders(ledger: Ledger, api: Api) -> None:
    first, second, outsider = Saying("r1", A), Saying("r1", B), Saying("r1", "f" * 32)
    ledger.say(first.opened(attempt=0, rank=0), first.started(), second.opened(attempt=1, rank=0))
    ledger.say(outsider.started("elsewhere"))
    ledger.say(first.logged("loss", 1.0, 0.1, 0.4), second.logged("loss", 0.8), outsider.logged("loss", -5.0))
    assert ids(api, "metric.loss.last = 0.8 and metric.loss.min = 0.1 and metric.loss.count = 4") == ["r1"]
    assert ids(api, "metric.loss.min < 0 or metric.loss.last = 0.4") == []
    values = search(api, columns="metric.loss,metric.loss.min,metric.loss.max,metric.loss.count")["runs"][0]["values"]
    assert list(values.values()) == [0.8, 0.1, 1.0, 4]


def test_everywhere_the_last_value_is_that_of_the_latest_attempt(ledger: Ledger, api: Api, database: str) -> None:
    first, again = Saying("r1", A), Saying("r1", B)
    late = first.logged("loss", 0.5, 0.4)  # the first attempt's clock is ahead
    ledger.say(first.opened(attempt=0, rank=0), first.started(), again.opened(attempt=1, rank=0))
    ledger.say(again.logged("loss", 0.8), late)
    assert ids(api, "metric.loss = 0.8") == ["r1"]
    assert search(api, columns="metric.loss")["runs"][0]["values"] == {"metric.loss": 0.8}
    assert [m["last"] for m in api.get("/runs/r1/metrics/summary").json["metrics"]] == [0.8]
    exported = api.get("/export", what="runs", format="ndjson")
    assert [m["last"] for m in json.loads(exported.data)["metrics"]] == [0.8]
    try:
        asked = api.ask("POST", f"/v1/workspaces/{WORKSPACE}/sql", {"query": "select last from metrics"})
        assert asked.json["rows"] == [[0.8]]
    finally:
        roles.forget(database, WORKSPACE)


def test_workspaces_do_not_see_each_other(ledger: Ledger, api: Api, database: str) -> None:
    theirs = Saying("r1")
    Ledger(database, "team-b").say(theirs.started(), theirs.tag("k", "x"), theirs.logged("loss", 1.0))
    ledger.say(Saying("r1").started())
    assert ids(api, "tag.k exists or metric.loss exists") == []
    assert ids(api, sort="metric.loss") == ["r1"]
    assert [c for c in api.get("/search/columns").json["columns"] if c["kind"] != "field"] == []


@pytest.mark.parametrize(
    ("query", "code"),
    [
        ({"q": "loss < 1"}, "filter"),
        ({"q": "metric.loss < 'a'"}, "filter"),
        ({"q": "("}, "filter"),
        ({"q": "tag.x = " + "a" * 9_000}, "filter"),
        ({"q": "tag.x = 'a\0'"}, "filter"),
        ({"sort": ""}, "filter"),
        ({"sort": "loss"}, "filter"),
        ({"sort": "tag.a,tag.b,tag.c,tag.d,tag.e"}, "invalid"),
        ({"columns": "tag.a,,"}, "filter"),
        ({"columns": ",".join(["tag.a"] * 101)}, "invalid"),
        ({"limit": 1_001}, "invalid"),
    ],
)
def test_what_cannot_be_asked_is_refused_at_its_place(api: Api, query: dict[str, Any], code: str) -> None:
    refused = api.get("/search/runs", **query)
    assert (refused.status, refused.code) == (400, code)
    if code == "filter":
        error = refused.json["error"]
        assert isinstance(error["position"], int)
        assert error["expected"]
        assert error["text"] == query[error["parameter"]][:8_192]


@pytest.mark.usefixtures("family")
def test_columns_are_all_that_runs_have(ledger: Ledger, api: Api, family: dict[str, Saying]) -> None:
    run = family["r4"]
    ledger.say(
        run.tag("team b", "x"),
        events.MetricLogged(
            aggregate_id="r4", writer_id="d" * 32, first_ordinal=1, occurred_at=0,
            series=(events.Series("rows", "x y", "double", "row"), events.Series("rows", "z", "double", "row")),
            index=[0, 1], step=[1, 1], time=[1.0, 1.0], value=[1.0, 2.0],
        ),
    )  # fmt: skip

    def refs(**query: Any) -> list[str]:
        found = api.get("/search/columns", **query).json["columns"]
        return [column["ref"] for column in found if column["kind"] != "field"]

    everything = [
        "tag.team", 'tag."team b"', 'property."azureml.git.branch"', "metric.loss.last",
        'metric.rows."x y".last', 'metric.rows."z".last',
    ]  # fmt: skip
    assert refs() == everything
    assert refs(prefix="te") == refs(prefix="tag.te") == everything[:2]
    assert refs(prefix="metric.") == everything[3:]
    assert refs(experiment="other") == [everything[1], *everything[4:]]
    assert [c["ref"] for c in api.get("/search/columns", prefix="st").json["columns"]] == ["status", "started"]
    one = api.get("/search/columns", limit=1, prefix="tag.").json
    assert ([c["ref"] for c in one["columns"]], one["more"]) == (["tag.team"], True)
    for ref in everything:
        assert api.get("/search/runs", q=f"{ref} exists", columns=ref).status == 200


@pytest.mark.usefixtures("family")
def test_groups_count_statuses_and_spread_metrics(api: Api) -> None:
    answer = api.get("/search/groups", by="tag.team", values="metric.loss,metric.loss.min", include_children=True).json
    assert answer["of"] == answer["n"] == 3
    speech, vision, nothing = answer["groups"]
    assert (speech["value"], speech["runs"], speech["statuses"]) == ("speech", 1, {"Running": 1})
    assert (vision["value"], vision["statuses"]) == ("vision", {"Failed": 1, "NotStarted": 1})
    assert vision["values"]["metric.loss"] == {"mean": 0.3, "min": 0.1, "max": 0.5, "n": 2}
    assert (nothing["value"], nothing["runs"]) == (None, 3)
    assert nothing["values"]["metric.loss"] == {"mean": None, "min": None, "max": None, "n": 0}
    parents = api.get("/search/groups", by="parent").json["groups"]
    assert [(group["value"], group["runs"]) for group in parents] == [("r1", 2), (None, 4)]
    seen, cursor = [], {}
    while True:
        page = api.get("/search/groups", by="tag.team", limit=1, include_children=True, **cursor).json
        seen += [group["value"] for group in page["groups"]]
        if page["next_cursor"] is None:
            break
        cursor = {"cursor": page["next_cursor"]}
    assert seen == ["speech", "vision", None]
    assert api.get("/search/groups", by="tag.a,tag.b").code == "invalid"
    assert api.get("/search/groups", by="tag.team", values="tag.x").code == "invalid"
    assert api.get("/search/groups").code == "invalid"


def test_the_mean_of_vast_numbers_is_told(api: Api, ledger: Ledger) -> None:
    most, inf = 1.7976931348623157e308, float("inf")
    for name, value in (("a", most), ("b", most), ("c", 1.0), ("d", inf), ("e", -most)):
        one = Saying(name)
        ledger.say(
            one.started("digits"), one.tag("set", "endless" if name == "d" else "vast"), one.logged("loss", value)
        )
    answer = api.get("/search/groups", by="tag.set", values="metric.loss").json
    assert [(group["value"], group["values"]["metric.loss"]["mean"]) for group in answer["groups"]] == [
        ("endless", "Infinity"),
        ("vast", most / 4),
    ]
