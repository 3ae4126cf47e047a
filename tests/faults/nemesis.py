"""What goes wrong, and when: faults drawn from a seed, set off by progress and not by the clock.

A fault strikes one process: SIGKILL (it is gone; it is started again when the fault heals) or SIGSTOP (it stands still
until SIGCONT). It strikes when the workload has written so many operations down, so that a slow machine sees the same
campaign as a fast one; it heals when the workload got on by some more, or at a deadline where the fault itself keeps it
from getting on.
"""

from __future__ import annotations

import random
import signal
from typing import NamedTuple

WRITER = "writer"
SERVICES = ("kafka", "shipper", "projector-state", "projector-artifacts")
TARGETS = (WRITER, *SERVICES)
KILL, FREEZE = "kill", "freeze"
SIGNALS = {KILL: signal.SIGKILL, FREEZE: signal.SIGSTOP}


class Fault(NamedTuple):
    """One fault of a campaign."""

    after_operations: int
    kind: str
    target: str
    heal_after_operations: int
    heal_after_s: float

    def __str__(self) -> str:
        return f"{self.kind} {self.target} after {self.after_operations} operations"


def plan(seed: int, count: int, operations: int) -> list[Fault]:
    """`count` faults spread over the first nine tenths of a campaign of `operations`, each target as often."""
    chance = random.Random(seed)
    targets = [TARGETS[i % len(TARGETS)] for i in range(count)]
    chance.shuffle(targets)
    moments = sorted(chance.randrange(operations // 20, operations * 9 // 10) for _ in range(count))
    return [
        Fault(moment, chance.choice((KILL, FREEZE)), target, chance.randrange(50, 400), chance.uniform(1.0, 4.0))
        for moment, target in zip(moments, targets, strict=True)
    ]
