"""A campaign is replayed by its seed, and it strikes every kind of process."""

from __future__ import annotations

from tests.faults.nemesis import TARGETS, plan


def test_the_same_seed_gives_the_same_campaign() -> None:
    assert plan(7, 30, 10_000) == plan(7, 30, 10_000) != plan(8, 30, 10_000)


def test_every_target_is_struck_and_in_order_of_progress() -> None:
    faults = plan(3, 8, 10_000)
    assert {fault.target for fault in faults} == set(TARGETS)
    assert [fault.after_operations for fault in faults] == sorted(fault.after_operations for fault in faults)
