"""What happened to a run and how it was decided."""

from __future__ import annotations

from typing import Any

import pytest

from runfold_consumers.api.routes import history, workspaces
from runfold_schemas import events
from runfold_schemas.watermark import Lane, Watermark
from tests.consumers.api.conftest import WORKSPACE, Api, Ledger
from tests.consumers.api.saying import A, B, Saying


def test_the_timeline_tells_every_fact_in_order_with_its_decision(ledger: Ledger, api: Api) -> None:
    said = Saying("r1")
    facts = [said.opened(), said.started(), said.properties(p="1"), said.properties(p="2", q="3")]
    ledger.say(*facts, facts[2])
    said_again = api.get("/runs/r1/events").json["timeline"]
    assert [(h["event"].rpartition(".")[2], h["verdict"]) for h in said_again] == [
        ("WriterOpened", "accepted"),
        ("RunStarted", "accepted"),
        ("PropertyAdded", "accepted"),
        ("PropertyAdded", "refused"),
        ("PropertyAdded", "repeated"),
    ]
    refused = said_again[3]
    assert (refused["refusals"][0]["key"], refused["refusals"][0]["kept"], refused["refusals"][0]["refused"]) == (
        "p",
        "1",
        "2",
    )
    assert refused["body"]["properties"] == {"p": "2", "q": "3"}
    assert said_again[4]["body"] is None
    pages: list[dict[str, Any]] = []
    cursor: dict[str, Any] = {}
    while True:
        page = api.get("/runs/r1/events", limit=2, **cursor).json
        pages += page["timeline"]
        if page["next_cursor"] is None:
            break
        cursor = {"cursor": page["next_cursor"]}
    assert pages == said_again


def test_a_timeline_holds_no_bytes(ledger: Ledger, api: Api) -> None:
    said = Saying("r1")
    ledger.say(said.artifact("x", body=b"abc"), events.WriterClosed("run", "r1", A, 0, [events.LaneEnd("facts", 1)]))
    first, second = api.get("/runs/r1/events").json["timeline"]
    assert first["body"]["body"] == {"bytes": 3}
    assert second["body"]["lanes"] == [{"stream": "facts", "last_ordinal": 1}]
    assert second["ordinal"] is None


def test_a_decision_is_empty_until_it_is_folded_and_final_then(ledger: Ledger, api: Api) -> None:
    first, second = Saying("r1"), Saying("r1", B)
    ledger.say(first.started(), first.properties(p="1"))
    refused = second.properties(p="2")
    assert api.get("/runs/r1/decisions", writer_id=B, ordinal=1).json["decisions"] == []
    ledger.say(refused, refused)
    lane = str(Watermark(ordinals={Lane("facts", "run", "r1", B): 1}))
    (decision,) = api.get("/runs/r1/decisions", writer_id=B, ordinal=1, not_before=lane, wait_s=5).json["decisions"]
    assert (decision["verdict"], decision["offset"], decision["ordinal"]) == ("refused", 2, 1)
    assert decision["refusals"][0]["kept"] == "1"
    (accepted,) = api.get("/runs/r1/decisions", writer_id=A, ordinal=2).json["decisions"]
    assert (accepted["verdict"], accepted["refusals"]) == ("accepted", [])
    told = api.get("/runs/r1/decisions").json["decisions"]
    assert [d["verdict"] for d in told] == ["refused", "repeated"]
    assert api.get("/runs/r1/decisions", writer_id=A).json["decisions"] == []


def test_an_ordinal_without_its_writer_is_refused(api: Api) -> None:
    assert api.get("/runs/r1/decisions", ordinal=1).status == 400


def test_pages_with_large_bodies_are_shorter_and_follow_each_other(
    ledger: Ledger, api: Api, monkeypatch: pytest.MonkeyPatch
) -> None:
    for module in (history, workspaces):
        monkeypatch.setattr(module, "PAGE_BYTES_MAX", 2_500)
    said = Saying("r1")
    ledger.say(said.started(), *(said.tag(f"k{number}", "x" * 1_000) for number in range(7)))
    for offset in range(7):
        ledger.execute(
            "INSERT INTO observed.dead_letters VALUES (%s, 't', 0, %s, 'poison', 'r', NULL, %s, now(), now())",
            WORKSPACE, offset, b"x" * 1_000,
        )  # fmt: skip
    for path, rows, count in (("/runs/r1/events", "timeline", 8), ("/deadletters", "dead_letters", 7)):
        pages = [api.get(path).json]
        while pages[-1]["next_cursor"] is not None:
            pages.append(api.get(path, cursor=pages[-1]["next_cursor"]).json)
        assert all(1 <= len(page[rows]) <= 4 for page in pages)
        assert len(pages) > 1
        offsets = [row["offset"] for page in pages for row in page[rows]]
        assert sorted(offsets) == sorted(set(offsets))
        assert len(offsets) == count
