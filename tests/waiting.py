"""Waits on conditions with a deadline, so that no test ever sleeps for luck."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from typing import TypeVar

T = TypeVar("T")
_PULSE = threading.Event()  # never set: its wait is the pause between two looks


def until(condition: Callable[[], T], seconds: float, what: str, pause_s: float = 0.02) -> T:
    """Calls `condition` until it returns something true, and returns that.

    `what` completes the sentence "waited N s for ..." of the AssertionError that is raised at the deadline.
    """
    deadline = time.monotonic() + seconds
    while True:
        found = condition()
        if found:
            return found
        if time.monotonic() >= deadline:
            raise AssertionError(f"waited {seconds:g} s for {what}; last answer was {found!r}")
        _PULSE.wait(pause_s)
