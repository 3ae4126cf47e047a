"""What goes wrong, and when: faults drawn from a seed, set off by progress and not by the clock.

A fault strikes one process: SIGKILL (it is gone; it is started again when the fault heals) or SIGSTOP (it stands still
until SIGCONT). The workload's runs are handed out in one share more than there are faults; each fault strikes within a
share of its own, when so much of it is written down, so that a slow machine sees the same campaign as a fast one. It
heals when the workload got on by some more, or at a deadline where the fault itself keeps it from getting on.
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

    kind: str
    target: str
    at: float
    """Which part of its share of the workload is written down when it strikes."""
    heal_after_operations: int
    heal_after_s: float
    choice: int
    """Which writer, where it strikes one: the remainder by how many live."""

    def __str__(self) -> str:
        return f"{self.kind} {self.target}"


def plan(seed: int, count: int) -> list[Fault]:
    """`count` faults; each target is struck as often as any other, give or take one."""
    chance = random.Random(seed)
    targets = [TARGETS[i % len(TARGETS)] for i in range(count)]
    chance.shuffle(targets)
    return [
        Fault(
            chance.choice((KILL, FREEZE)),
            target,
            chance.uniform(0.1, 0.7),
            chance.randrange(50, 400),
            chance.uniform(1.0, 4.0),
            chance.randrange(1000),
        )
        for target in targets
    ]
