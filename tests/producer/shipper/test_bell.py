"""A ring is never lost and never blocks, wherever it comes from."""

from __future__ import annotations

import time

from runfold.shipper.bell import Bell


def test_a_ring_before_the_wait_ends_it_and_rings_once() -> None:
    bell = Bell()
    for _ in range(3):
        bell.ring()
    begun = time.monotonic()
    bell.wait(10)
    assert time.monotonic() - begun < 5
    begun = time.monotonic()
    bell.wait(0.05)
    assert time.monotonic() - begun >= 0.05
