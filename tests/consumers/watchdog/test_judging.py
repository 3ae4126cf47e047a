"""What a watchdog states, as a table of what it may see. Times are seconds."""

from __future__ import annotations

import pytest

from runfold_consumers.watchdog.judging import BREAK_S, Candidate, Continuity, Submission, Writer, judge

A, B = Writer("a" * 32, 100.0, 10.0, False), Writer("b" * 32, 105.0, 10.0, False)
RUNNING = Candidate("r", 2, "Running", "Running", (A, B))
GONE = RUNNING._replace(status="NotResponding", before="Finalizing")
ASKED = Submission(50.0, 30.0, False)


def said(candidate: Candidate, until: float) -> list[str]:
    return [statement.status for statement in judge([candidate], until)]


@pytest.mark.parametrize(
    ("candidate", "until", "stated"),
    [
        (RUNNING, 114.9, []),
        (RUNNING, 115.0, []),
        (RUNNING, 115.1, ["NotResponding"]),
        (RUNNING._replace(writers=()), 1e9, []),
        (RUNNING._replace(logged_at=110.0), 120.0, []),
        (RUNNING._replace(logged_at=110.0), 120.1, ["NotResponding"]),
        # Who has closed is not waited for, unless there is nobody else.
        (RUNNING._replace(writers=(A, B._replace(closed=True))), 110.1, ["NotResponding"]),
        (RUNNING._replace(writers=(A._replace(closed=True), B)), 110.1, []),
        (RUNNING._replace(writers=(A._replace(closed=True),)), 110.0, []),
        (RUNNING._replace(writers=(A._replace(closed=True),)), 110.1, ["NotResponding"]),
        (GONE, 115.1, []),
        (GONE, 115.0, ["Finalizing"]),
        (GONE._replace(before="CancelRequested"), 115.0, ["CancelRequested"]),
        (GONE._replace(writers=()), 1e9, ["Finalizing"]),
        # A submission is answered first; its submitter is no writer here.
        (RUNNING._replace(writers=(), submission=ASKED), 80.0, []),
        (RUNNING._replace(writers=(), submission=ASKED), 80.1, ["NotResponding"]),
        # Who answered, and was gone before a heartbeat of it was sent, is silent too.
        (RUNNING._replace(writers=(), submission=ASKED._replace(answered=True)), 80.0, []),
        (RUNNING._replace(writers=(), submission=ASKED._replace(answered=True)), 80.1, ["NotResponding"]),
        (RUNNING._replace(submission=ASKED._replace(answered=True)), 115.1, ["NotResponding"]),
        (GONE._replace(writers=(), submission=ASKED), 80.1, []),
        (GONE._replace(writers=(), submission=ASKED._replace(answered=True)), 80.1, []),
    ],
)
def test_what_is_stated_follows_from_what_is_projected(candidate: Candidate, until: float, stated: list[str]) -> None:
    assert said(candidate, until) == stated


def test_a_statement_names_run_attempt_and_who_was_heard_last() -> None:
    (statement,) = judge([RUNNING], 1e6)
    assert statement[:3] == ("r", 2, "NotResponding")
    assert statement.reason == (
        f"writer {B.writer_id} (of 2 that are silent) was last heard at 1970-01-01T00:01:45.000Z, and was to be heard "
        "again within 10 s"
    )


def test_what_was_stated_and_seen_is_not_stated_again() -> None:
    (down,) = judge([RUNNING], 200.0)
    assert judge([RUNNING._replace(status=down.status)], 200.0) == []
    (up,) = judge([RUNNING._replace(status=down.status, writers=(A, B._replace(heard_at=199.0)))], 200.0)
    assert up.status == "Running"


def test_nobody_is_silent_for_a_time_in_which_nobody_could_be_heard() -> None:
    asked = RUNNING._replace(writers=(), submission=ASKED)
    assert judge([RUNNING], 1010.0, since=1000.0) == []
    assert judge([asked], 1030.0, since=1000.0) == []
    assert len(judge([RUNNING, asked], 1030.1, since=1000.0)) == 2
    assert judge([GONE], 1000.0, since=1000.0) == []


def test_a_break_is_a_watchdogs_first_look_and_one_that_came_late() -> None:
    watch = Continuity()
    assert watch.since(100.0) == 100.0
    assert watch.since(100.0 + BREAK_S) == 100.0
    assert watch.since(90.0) == 100.0
    assert watch.since(100.1 + 2 * BREAK_S) == 100.1 + 2 * BREAK_S
