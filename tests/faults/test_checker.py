"""The checker finds what it must find: a right history passes, and each planted defect is named.

Method: one small history with its right ledger; each test plants one defect into the ledger (or into what a writer was
told) and asserts that exactly this anomaly is reported.
"""

from __future__ import annotations

from typing import Any

import pytest

from tests.faults.checker import LedgerRun, check
from tests.faults.history import INVOKE, OK, REFUSED, Operation, Pen, Step, operations, read

A, B = 1, 2


def op(
    process: int, number: int, operation: str, key: str | None = None, value: Any = None, outcome: str = OK
) -> Operation:
    return Operation(process, number, operation, "r", key, value, outcome)


HISTORY = [
    op(A, 1, "start"),
    op(A, 2, "log", "loss", 11.0),
    op(A, 3, "log", "loss", 12.0),
    op(A, 4, "log", "loss", 13.0),
    op(A, 5, "tag", "phase", "warm"),
    op(A, 6, "tag", "phase", "hot"),
    op(A, 7, "property", "owner", "a"),
    op(A, 8, "upload", "model", "d1"),
    op(A, 9, "log", "loss", 14.0, outcome="unknown"),
    op(B, 1, "log", "loss", 21.0),
    op(B, 2, "property", "owner", "b", outcome=REFUSED),
    op(B, 3, "complete"),
]
RIGHT = LedgerRun(
    "Completed",
    {"loss": [11.0, 21.0, 12.0, 13.0]},
    {"phase": "hot"},
    {"owner": "a"},
    {"model": ("d1", "available")},
    None,
)


def kinds(ledger: dict[str, LedgerRun], history: list[Operation] = HISTORY) -> set[str]:
    return {anomaly.kind for anomaly in check(history, ledger)}


def test_a_right_ledger_passes() -> None:
    assert check(HISTORY, {"r": RIGHT}) == []


def test_what_is_unknown_may_have_happened() -> None:
    assert check(HISTORY, {"r": RIGHT._replace(metrics={"loss": [11.0, 12.0, 13.0, 14.0, 21.0]})}) == []


@pytest.mark.parametrize(
    ("planted", "anomaly"),
    [
        (RIGHT._replace(metrics={"loss": [11.0, 21.0, 13.0]}), "lost"),
        (RIGHT._replace(metrics={}), "lost"),
        (RIGHT._replace(status="Running"), "lost"),
        (RIGHT._replace(tags={}), "lost"),
        (RIGHT._replace(artifacts={}), "lost"),
        (RIGHT._replace(properties={}), "lost"),
        (RIGHT._replace(metrics={"loss": [11.0, 21.0, 12.0, 13.0, 12.0]}), "doubled"),
        (RIGHT._replace(metrics={"loss": [11.0, 21.0, 13.0, 12.0]}), "swapped"),
        (RIGHT._replace(metrics={"loss": [11.0, 12.0, 13.0, 21.0, 99.0]}), "unexpected"),
        (RIGHT._replace(metrics={**RIGHT.metrics, "ghost": [1.0]}), "unexpected"),
        (RIGHT._replace(properties={"owner": "b"}), "second_winner"),
        (RIGHT._replace(tags={"phase": "warm"}), "old_over_newer"),
        (RIGHT._replace(tags={"phase": "never said"}), "unexpected"),
        (RIGHT._replace(artifacts={"model": ("d1", "missing")}), "unreadable"),
        (RIGHT._replace(artifacts={"model": ("d2", "available")}), "unexpected"),
    ],
)
def test_a_planted_defect_is_named(planted: LedgerRun, anomaly: str) -> None:
    assert anomaly in kinds({"r": planted})


def test_two_writers_told_that_they_won_is_a_second_winner() -> None:
    history = [o._replace(outcome=OK) if o.outcome == REFUSED else o for o in HISTORY]
    assert "second_winner" in kinds({"r": RIGHT}, history)


def test_the_kept_value_was_not_refused_to_its_only_writer() -> None:
    history = [o._replace(outcome=REFUSED) if o.operation == "property" else o for o in HISTORY]
    assert "refused_alone" in kinds({"r": RIGHT}, history)


def test_a_run_that_vanished_is_lost_and_one_that_nobody_started_is_unexpected() -> None:
    assert "lost" in kinds({})
    assert "unexpected" in kinds({"r": RIGHT, "ghost": RIGHT})


def test_a_history_survives_a_torn_last_line(tmp_path: Any) -> None:
    path = tmp_path / "history"
    pen = Pen(path, 7)
    pen.end(pen.invoke("log", "r", "loss", 1.0))
    pen.invoke("log", "r", "loss", 2.0)
    with path.open("a") as file:
        file.write('[7, 3, "inv')
    assert [(o.value, o.outcome) for o in read([path])] == [(1.0, OK), (2.0, "unknown")]


def test_an_end_belongs_to_its_own_invoke() -> None:
    lines = [
        Step(1, 1, INVOKE, "tag", "r", "k", "v"),
        Step(2, 1, INVOKE, "tag", "r", "k", "w"),
        Step(1, 1, OK, "tag", "r", "k", "v"),
    ]
    assert [(o.process, o.outcome) for o in operations(lines)] == [(1, OK), (2, "unknown")]
