"""Statuses of run_api section 6: which of them are waited for, and which may follow which."""

from __future__ import annotations

import itertools

import pytest

from runfold_schemas import statuses

RUNNING = ["NotStarted", "Queued", "Preparing", "Provisioning", "Starting", "Running"]
RUNNING += ["Unapproved", "NotResponding", "Pausing", "Paused"]
POST_PROCESSING = ["CancelRequested", "Finalizing"]
TERMINAL = ["Completed", "Failed", "Canceled"]


def test_there_are_the_originals_and_no_others() -> None:
    assert sorted(statuses.STATUSES) == sorted([*RUNNING, *POST_PROCESSING, *TERMINAL])
    assert sorted(statuses.TERMINAL) == sorted(TERMINAL)


def test_the_running_set_and_a_status_that_nobody_knows_are_waited_for() -> None:
    assert [status for status in statuses.STATUSES if statuses.is_running(status)] == [
        status for status in statuses.STATUSES if status in RUNNING
    ]
    assert statuses.is_running("Hibernating")


@pytest.mark.parametrize(("before", "after"), list(itertools.product([None, *statuses.STATUSES], statuses.STATUSES)))
def test_an_attempt_never_goes_back_and_ends_once(before: str | None, after: str) -> None:
    phases = (["NotStarted", "Unapproved"], ["Starting", "Provisioning", "Preparing", "Queued"],
              ["Running", "Pausing", "Paused", "NotResponding"], POST_PROCESSING, TERMINAL)  # fmt: skip
    place = {status: number for number, phase in enumerate(phases) for status in phase}
    if before is None or before == after:
        expected = True
    elif before in TERMINAL:
        expected = False
    else:
        expected = "NotResponding" in (before, after) or place[after] >= place[before]
    assert statuses.is_legal(before, after) is expected
