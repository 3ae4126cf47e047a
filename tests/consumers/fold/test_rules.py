"""Each rule, alone: who wins, who is refused, and what the refusal names."""

from __future__ import annotations

import pytest

from runfold_consumers.fold import rules
from runfold_consumers.fold.rules import ACCEPT, Decision, Refusal, Terminal

ENDED = Terminal("Completed", "w", 9)


def test_the_first_value_of_a_property_stays_and_the_call_is_refused_whole() -> None:
    decision = rules.add_properties({"b": "1", "a": None}, {"b": "2", "a": "x", "c": "new"})
    assert decision == Decision("refused", "property", (Refusal("a", None, "x"), Refusal("b", "1", "2")))


def test_the_same_property_again_is_no_conflict() -> None:
    assert rules.add_properties({"a": None, "b": "1"}, {"a": None, "b": "1", "c": "new"}) is ACCEPT


def test_a_terminal_status_is_final_within_its_attempt() -> None:
    for status in ("Failed", "Canceled", "Running", "CancelRequested"):
        decision = rules.change_status(ENDED, "Running", status, "other", 1, None)
        assert decision == Decision("refused", "terminal_status", (Refusal("status", "Completed", status),))
    assert rules.change_status(None, "CancelRequested", "Failed", "other", 1, None) is ACCEPT


def test_the_same_terminal_status_again_is_no_conflict() -> None:
    assert rules.change_status(ENDED, None, "Completed", "other", 1, None) is ACCEPT


def test_an_earlier_word_of_the_writer_that_ended_the_attempt_may_come_late() -> None:
    assert rules.change_status(ENDED, "Finalizing", "Running", "w", 8, None) is ACCEPT
    assert rules.change_status(ENDED, "Finalizing", "Running", "w", 10, None).verdict == "refused"
    assert rules.change_status(ENDED, "Finalizing", "Failed", "w", 8, None).verdict == "refused"


@pytest.mark.parametrize(
    ("before", "status"),
    [
        (None, "Finalizing"),
        ("Preparing", "Queued"),
        ("Queued", "Preparing"),
        ("Queued", "Running"),
        ("Running", "Paused"),
        ("Running", "CancelRequested"),
        ("CancelRequested", "Finalizing"),
        ("Finalizing", "NotResponding"),
        ("NotResponding", "Queued"),
        ("Queued", "a word of a newer release"),
    ],
)
def test_a_status_goes_on_within_its_phase_or_to_a_later_one(before: str | None, status: str) -> None:
    assert rules.change_status(None, before, status, "w", 2, 1) is ACCEPT


@pytest.mark.parametrize(
    ("before", "status"),
    [("Running", "Queued"), ("CancelRequested", "Running"), ("Finalizing", "a word of a newer release")],
)
def test_a_status_never_goes_back_but_a_word_that_comes_late_is_no_conflict(before: str, status: str) -> None:
    decision = rules.change_status(None, before, status, "w", 2, 1)
    assert decision == Decision("refused", "status_transition", (Refusal("status", before, status),))
    assert rules.change_status(None, before, status, "w", 2, 3) is ACCEPT


def test_the_first_snapshot_of_an_attempt_stays() -> None:
    assert rules.take_snapshot(None, "a") is ACCEPT
    assert rules.take_snapshot("a", "a") is ACCEPT
    assert rules.take_snapshot("a", "b") == Decision("refused", "snapshot", (Refusal("snapshot_id", "a", "b"),))


def test_the_definition_of_the_latest_version_again_is_that_version() -> None:
    assert rules.register_asset(1, None, "a", True) == (ACCEPT, 1)
    assert rules.register_asset(1, None, "a", False) == (ACCEPT, 1)
    assert rules.register_asset(4, "a", "a", True) == (ACCEPT, 3)
    assert rules.register_asset(4, "a", "a", False) == (ACCEPT, 3)
    assert rules.register_asset(4, "a", "b", True) == (ACCEPT, 4)


def test_another_definition_is_refused_where_no_new_version_is_wanted() -> None:
    decision, _ = rules.register_asset(4, "a", "b", False)
    assert decision == Decision("refused", "asset_exists", (Refusal("definition", "a", "b"),))


def test_nothing_is_said_about_a_version_that_was_never_registered() -> None:
    assert rules.change_version(1, 2, 1) is ACCEPT
    assert rules.change_version(0, 2, 0) is ACCEPT
    refused = Decision("refused", "unknown_version", (Refusal("version", "1", "2"),))
    assert rules.change_version(2, 2, 1) == refused
    for version, next_version, least in ((0, 2, 1), (-1, 2, 0), (0, 1, 0), (1, 1, 1)):
        assert rules.change_version(version, next_version, least).rule == "unknown_version"


def test_a_second_start_joins_when_parent_and_experiment_are_the_same() -> None:
    assert rules.join_run(("e", None), "e", None) is ACCEPT
    assert rules.join_run(("e", None), "f", "p").refusals == (
        Refusal("experiment", "e", "f"),
        Refusal("parent_run_id", None, "p"),
    )


def test_charts_evade_and_files_do_not() -> None:
    assert rules.artifact_paths("loss.png", 7, "w", True) == ("loss.png", "loss.png@7", "loss.png@7.w")
    assert rules.artifact_paths("model.bin", 7, "w", False) == ("model.bin",)


def test_of_one_writers_words_the_greatest_ordinal_stays() -> None:
    assert rules.is_later_word(1, None)
    assert rules.is_later_word(3, 2)
    assert not rules.is_later_word(2, 3)


def test_only_a_property_that_was_added_can_be_corrected() -> None:
    assert rules.correct_property(True, "seed", "2") is ACCEPT
    refused = rules.correct_property(False, "seed", "2")
    assert (refused.verdict, refused.rule) == ("refused", "unknown_property")
    assert refused.refusals == (rules.Refusal("seed", None, "2"),)
