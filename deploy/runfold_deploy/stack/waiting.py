"""Looks at a condition again and again until a deadline: for what the world does not tell by itself."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable

_PULSE = threading.Event()  # never set: its wait is the pause between two looks, and Ctrl-C ends it


def until(condition: Callable[[], bool], seconds: float, pause_s: float = 0.05) -> bool:
    """Whether the condition became true within so many seconds. It is looked at once at least."""
    deadline = time.monotonic() + seconds
    while not condition():
        if time.monotonic() >= deadline:
            return False
        _PULSE.wait(pause_s)
    return True
