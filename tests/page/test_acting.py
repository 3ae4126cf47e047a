"""What a person changes by clicks: a dead letter that is sent again, an experiment that is archived and found again."""

from __future__ import annotations

import json
import re

import pytest
from kafka import KafkaProducer
from playwright.sync_api import expect

from runfold_schemas import codec, topics
from tests.consumers.api.saying import Saying
from tests.page.conftest import Filled, Open
from tests.page.run_data import get
from tests.waiting import until

WORKSPACE, PARTITIONS = "acting", 4
RUN = "letter-1"


@pytest.fixture(scope="module")
def filled(filled: Filled) -> Filled:
    """A workspace of these tests alone, in which `opened` is an administrator."""
    filled.stack.run("topics", "create", "--workspace", WORKSPACE)
    scopes = [word for scope in ("read", "write", "admin") for word in ("--scope", scope)]
    made = filled.stack.run("access-tokens", "create", "keeper", *scopes, "--for", WORKSPACE, "--json")
    return filled._replace(workspace=WORKSPACE, access_token=json.loads(made.stdout)["access_token"])


@pytest.fixture(scope="module")
def spoiled(filled: Filled) -> Filled:
    """A run, and a word about it that came under the key of another: a dead letter, which can be read."""
    environment, said = filled.stack.environment, Saying(RUN, "d" * 32)
    facts = topics.topics_of(environment["RUNFOLD_TOPIC_PREFIX"], WORKSPACE).facts
    key = f"run/{RUN}".encode()
    partition = topics.partition(key, PARTITIONS)  # both in one, so that the run is there when the letter is
    producer = KafkaProducer(bootstrap_servers=environment["RUNFOLD_KAFKA"], acks="all")
    for name, event in ((key, said.started("kept")), (b"run/another", said.tag("late", "yes"))):
        producer.send(facts, codec.encode(event), name, partition=partition).get(timeout=10)
    producer.close()
    until(lambda: get(filled, "health")["dead_letters"]["open"] == 1, 40, "the dead letter")
    return filled


def test_a_dead_letter_is_sent_again_by_a_click_and_says_so(opened: Open, spoiled: Filled) -> None:
    one = opened()
    page = one.go("health")
    letters = page.locator("section", has=page.get_by_role("heading", name="Dead letters")).last
    expect(letters).to_contain_text("1 poison (broken records), 0 parked")
    expect(letters).to_contain_text("0 of them sent again")
    expect(letters.get_by_role("row").nth(1)).to_contain_text("run/another")
    tile = page.locator(".tile").filter(has_text="Dead letters")
    expect(tile).to_have_class(re.compile("bad"))
    assert get(spoiled, f"runs/{RUN}")["tags"] == {}
    one.accessible()
    letters.get_by_role("button", name=re.compile(r"^Retry offset \d+ of partition \d$")).click()
    expect(page.get_by_text(re.compile(r"A new event refers to offset \d+"))).to_be_visible()
    expect(letters).to_contain_text("sent again by keeper")
    expect(letters.get_by_role("button")).to_have_count(0)
    expect(tile).to_have_class(re.compile("good"))
    expect(tile.locator(".figure")).to_have_text("0")
    until(lambda: get(spoiled, f"runs/{RUN}")["tags"] == {"late": "yes"}, 20, "the tag")
    one.accessible()


def test_an_experiment_is_archived_by_a_click_and_found_again(opened: Open, spoiled: Filled) -> None:
    page = opened().go("experiments")
    grid = page.get_by_role("grid", name="Experiments")
    row = grid.locator(".rows").get_by_role("row").filter(has_text="kept")
    row.get_by_role("button", name="Archive kept").click()
    expect(row).to_have_count(0)
    expect(page.get_by_role("status").filter(has_text="experiments")).to_have_text("0 of 1 experiments")
    page.get_by_role("button", name="Archived too").click()
    page.wait_for_url(re.compile("archived=shown"))
    expect(row).to_contain_text("archived")
    page.get_by_role("searchbox", name="Name contains").fill("none such")
    expect(row).to_have_count(0)
    page.get_by_role("searchbox", name="Name contains").fill("KEP")
    row.get_by_role("button", name="Bring back kept").click()
    expect(row.get_by_role("button", name="Archive kept")).to_be_visible()
    page.get_by_role("button", name="Archived too").click()
    expect(row).to_be_visible()
    assert [one["name"] for one in get(spoiled, "experiments")["experiments"]] == ["kept"]
