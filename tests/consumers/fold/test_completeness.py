"""A run is complete when seen and declared ordinals cover what its lanes were closed at (P11)."""

from __future__ import annotations

import pytest

from runfold_consumers.fold.completeness import LaneRanges, LaneState, completeness


@pytest.mark.parametrize(
    ("lane", "verdict"),
    [
        (LaneState("points", "w", ((1, 6),), (), 5), "complete"),
        (LaneState("points", "w", (), (), 0), "complete"),
        (LaneState("points", "w", ((1, 3),), ((3, 6),), 5), "complete_with_declared_loss"),
        (LaneState("points", "w", ((1, 6),), ((3, 4),), 5), "complete"),  # what was declared lost came after all
        (LaneState("points", "w", ((1, 6),), (), None), "open"),
        (LaneState("points", "w", ((1, 3), (4, 6)), (), 5), "open"),
        (LaneState("points", "w", ((1, 7),), (), 5), "open"),  # spoke again after its claim
        (LaneState("points", "w", (), (), 5), "open"),  # the telemetry has not arrived
        (LaneState("log/user_logs/std_log.txt", "w", ((1, 6),), (), 5), "complete"),
        (LaneState("log/user_logs/std_log.txt", "w", (), (), 5), "open"),
        (LaneState("points", "w", ((1, 6),), (), 5, marked=5), "complete"),
        (LaneState("points", "w", ((1, 6),), (), 5, marked=7), "open"),  # journaled beyond its claim
    ],
)
def test_one_lane(lane: LaneState, verdict: str) -> None:
    assert completeness([lane]).complete == verdict


def test_what_is_missing_is_named() -> None:
    found = completeness([LaneState("facts", "w", ((1, 2),), (), 1), LaneState("points", "w", ((2, 4),), ((6, 7),), 7)])
    assert found.complete == "open"
    assert found.missing == (LaneRanges("points", "w", ((1, 2), (4, 6), (7, 8))),)
    assert found.declared == (LaneRanges("points", "w", ((6, 7),)),)
    assert found.unclosed == ()


def test_a_heartbeats_mark_shows_what_never_came() -> None:
    found = completeness([LaneState("points", "w", ((1, 4),), (), None, marked=9)])
    assert found.missing == (LaneRanges("points", "w", ((4, 10),)),)
    assert found.unclosed == (("points", "w"),)


def test_a_run_of_which_nothing_was_heard_is_open() -> None:
    assert completeness([]).complete == "open"
