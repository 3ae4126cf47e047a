"""Each rule, alone: who wins, who is refused, and what the refusal names."""

from __future__ import annotations

from runfold_consumers.fold import rules
from runfold_consumers.fold.rules import ACCEPT, Decision, Refusal, Terminal

ENDED = Terminal("Completed", "w", 9)


def test_the_first_value_of_a_property_stays_and_the_call_is_refused_whole() -> None:
    decision = rules.add_properties({"b": "1", "a": None}, {"b": "2", "a": "x", "c": "new"})
    assert decision == Decision("refused", "property", (Refusal("a", None, "x"), Refusal("b", "1", "2")))


def test_the_same_property_again_is_no_conflict() -> None:
    assert rules.add_properties({"a": None, "b": "1"}, {"a": None, "b": "1", "c": "new"}) is ACCEPT


def test_a_terminal_status_is_final_within_its_attempt() -> None:
    for status in ("Failed", "Canceled", "Running"):
        assert rules.change_status(ENDED, status, "other", 1).refusals == (Refusal("status", "Completed", status),)
    assert rules.change_status(None, "Failed", "other", 1) is ACCEPT


def test_the_same_terminal_status_again_is_no_conflict() -> None:
    assert rules.change_status(ENDED, "Completed", "other", 1) is ACCEPT


def test_an_earlier_word_of_the_writer_that_ended_the_attempt_may_come_late() -> None:
    assert rules.change_status(ENDED, "Running", "w", 8) is ACCEPT
    assert rules.change_status(ENDED, "Running", "w", 10).verdict == "refused"
    assert rules.change_status(ENDED, "Failed", "w", 8).verdict == "refused"


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
