"""What of one journal is sent and not yet acknowledged, in reading order. Pure bookkeeping, thread-safe.

What one read gave is one `Leg`: its messages may be acknowledged in any order, by another thread, and what follows a
leg counts only when the leg is complete. So what `settle` returns is always a prefix of the journal.
"""

from __future__ import annotations

import threading
from collections import deque
from collections.abc import Callable, Mapping
from typing import NamedTuple

from runfold.journal.position import Position
from runfold_schemas.watermark import Lane


class Leg(NamedTuple):
    """What one read gave.

    Attributes:
        position: where the reader stood after it.
        ends: last ordinals of the lanes that occur in it.
        spoken_for: with it the writer's last word was said, by itself or by us.
    """

    position: Position
    ends: Mapping[Lane, int]
    spoken_for: bool = False


class Flight:
    """Legs on their way."""

    def __init__(self, landed: Callable[[], None]) -> None:
        """`landed` is called, by whichever thread acknowledges, each time a leg is complete."""
        self._landed = landed
        self._lock = threading.Lock()
        self._legs: deque[tuple[Leg, list[int]]] = deque()

    @property
    def empty(self) -> bool:
        """Nothing is waited for and nothing is left to settle."""
        return not self._legs

    def start(self, leg: Leg, messages: int) -> Callable[[], None]:
        """Takes a leg up; what is returned is to be called once for each of its messages that is acknowledged."""
        open_messages = [messages]
        with self._lock:
            self._legs.append((leg, open_messages))

        def acknowledged() -> None:
            with self._lock:
                open_messages[0] -= 1
                complete = not open_messages[0]
            if complete:
                self._landed()

        return acknowledged

    def settle(self) -> list[Leg]:
        """The complete legs before the first that is not, each given once."""
        settled = []
        with self._lock:
            while self._legs and not self._legs[0][1][0]:
                settled.append(self._legs.popleft()[0])
        return settled
