"""What `up` does about a service, and what `status` calls it: every case of the two pure functions."""

from __future__ import annotations

from pathlib import Path

import pytest

from runfold_deploy.stack.process import Identity, State
from runfold_deploy.stack.service import Launch, Service, Started, fingerprint, health, judge

SERVICE = Service("kafka", "127.0.0.1:1", (1,), "now", lambda: Launch((), {}, Path("/")))
STARTED = Started("kafka", Identity(1, "mark", "boot"), "127.0.0.1:1", "log", "now", True, 15, 1.0)


@pytest.mark.parametrize(
    ("started", "state", "verdict"),
    [
        (None, "gone", "start"),
        (STARTED, "gone", "crashed"),
        (STARTED, "running", "keep"),
        (STARTED._replace(fingerprint="before"), "running", "outdated"),
        (STARTED._replace(address="127.0.0.1:2"), "running", "outdated"),
        (STARTED, "frozen", "frozen"),
        (STARTED._replace(fingerprint="before"), "frozen", "frozen"),  # told, never killed
    ],
)
def test_up_decides_from_what_was_written_down_and_what_is_found(
    started: Started | None, state: State, verdict: str
) -> None:
    assert judge(SERVICE, started, state) == verdict


@pytest.mark.parametrize(
    ("was_ready", "state", "ready", "told"),
    [
        (True, "gone", False, "crashed"),
        (True, "frozen", False, "frozen"),
        (False, "running", False, "starting"),
        (True, "running", False, "unready"),
        (False, "running", True, "ready"),
    ],
)
def test_health_has_a_word_for_every_case(was_ready: bool, state: State, ready: bool, told: str) -> None:
    assert health(STARTED._replace(was_ready=was_ready), state, ready) == told


def test_what_is_written_down_comes_back() -> None:
    assert Started.from_json(STARTED.to_json()) == STARTED


def test_a_fingerprint_tells_its_parts_apart() -> None:
    assert fingerprint("ab", "c") != fingerprint("a", "bc")
