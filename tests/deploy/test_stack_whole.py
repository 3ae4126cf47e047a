"""The whole local stack: engines, projectors, node shipper and API, left where the next script finds them."""

from __future__ import annotations

import os
import signal
from collections.abc import Iterator
from pathlib import Path

import psutil
import pytest
import urllib3

from tests.deploy.stacks import ENGINES, OWN, LocalStack, local_stack
from tests.waiting import until

pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def whole(jars: Path) -> Iterator[LocalStack]:
    with local_stack(jars) as own:
        own.run("up")
        yield own


def answer(stack: LocalStack, access_token: str | None) -> int:
    settings = stack.settings()
    headers = {"Authorization": f"Bearer {access_token}"} if access_token else {}
    url = f"{settings['api']}/v1/workspaces/{settings['workspace']}"
    return urllib3.request("GET", url, headers=headers, retries=False).status


def test_all_seven_are_ready_in_the_order_of_their_start(whole: LocalStack) -> None:
    assert [(one["name"], one["health"]) for one in whole.status()] == [(name, "ready") for name in (*ENGINES, *OWN)]


def test_own_services_run_without_a_wrapper(whole: LocalStack) -> None:
    for name in OWN:
        process = psutil.Process(whole.pids()[name])
        assert "runfold_deploy.command" in process.cmdline()
        assert os.getsid(process.pid) == process.pid


def test_the_api_opens_to_the_access_token_in_stack_json_alone(whole: LocalStack) -> None:
    assert answer(whole, whole.settings()["access_token"]) == 200
    assert answer(whole, None) == 401
    assert answer(whole, "somebody else's") == 401


def test_the_next_script_needs_no_configuration(whole: LocalStack) -> None:
    """stack.json has every setting that a client takes from it, and no experiment: that is the script's to say."""
    expected = {"kafka", "topic_prefix", "workspace", "api", "access_token", "postgres"}
    expected |= {"s3_address", "s3_key", "s3_secret", "s3_bucket", "secrets_directory"}
    assert whole.settings().keys() == expected


def test_a_second_up_is_harmless_and_quick(whole: LocalStack) -> None:
    before, settings = whole.pids(), whole.settings()
    said = whole.run("up").stderr
    assert whole.pids() == before
    assert whole.settings() == settings
    assert "starting" not in said
    assert "laying" not in said


@pytest.mark.parametrize("name", OWN)
def test_an_own_service_that_was_killed_is_told_and_started_again(whole: LocalStack, name: str) -> None:
    before = whole.pids()
    os.kill(before[name], signal.SIGKILL)
    until(lambda: whole.health(ends=1)[name] == "crashed", 5, f"{name} to be told as crashed")
    whole.run("up")
    after = whole.pids()
    assert {one for one in after if after[one] != before[one]} == {name}


def test_a_frozen_projector_is_told_and_goes_on(whole: LocalStack) -> None:
    pid = whole.pids()["projector-state"]
    os.kill(pid, signal.SIGSTOP)
    try:
        assert whole.health(ends=1)["projector-state"] == "frozen"
        assert f"kill -CONT {pid}" in whole.run("up", ends=1).stderr
    finally:
        os.kill(pid, signal.SIGCONT)
    until(lambda: whole.begin("status").wait() == 0, 20, "all to be ready again")
    assert whole.pids()["projector-state"] == pid


def test_up_restarts_what_was_started_from_other_code(whole: LocalStack) -> None:
    before = whole.pids()

    def older(body: dict[str, list[dict[str, str]]]) -> None:
        body["services"][-1]["fingerprint"] = "another version"

    whole.edit("services.json", older)
    assert "api runs other code" in whole.run("up").stderr
    after = whole.pids()
    assert {one for one in after if after[one] != before[one]} == {"api"}


def test_everything_killed_comes_back_and_the_access_token_holds(whole: LocalStack) -> None:
    token = whole.settings()["access_token"]
    for pid in whole.pids().values():
        os.kill(pid, signal.SIGKILL)
    until(lambda: set(whole.health(ends=1).values()) == {"crashed"}, 10, "all to be told as crashed")
    whole.run("up")
    assert set(whole.health().values()) == {"ready"}
    assert whole.settings()["access_token"] == token
    assert answer(whole, token) == 200
