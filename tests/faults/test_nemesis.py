"""A campaign is replayed by its seed, and it strikes every kind of process."""

from __future__ import annotations

from collections import Counter

from tests.faults.nemesis import TARGETS, plan


def test_the_same_seed_gives_the_same_campaign() -> None:
    assert plan(7, 30) == plan(7, 30) != plan(8, 30)


def test_every_target_is_struck() -> None:
    assert Counter(fault.target for fault in plan(3, 30)) == dict.fromkeys(TARGETS, 6)
    assert {fault.target for fault in plan(3, 8)} == set(TARGETS)
