"""When to try again: delays that double up to a bound, with the clock handed in."""

from __future__ import annotations

import time
from collections.abc import Callable


class Backoff:
    """Counts failures in a row. `due()` is true at once before the first, then after `first_s`, twice that, ... at most
    `most_s`.
    """

    def __init__(self, first_s: float = 0.1, most_s: float = 5.0, clock: Callable[[], float] = time.monotonic) -> None:
        self._first_s, self._most_s, self._clock = first_s, most_s, clock
        self.succeeded()

    def succeeded(self) -> None:
        """The next failure waits `first_s` again."""
        self._delay_s, self._at = self._first_s, float("-inf")

    def failed(self) -> float:
        """Notes a failure; returns the seconds until the next try."""
        delay_s = self._delay_s
        self._at = self._clock() + delay_s
        self._delay_s = min(delay_s * 2, self._most_s)
        return delay_s

    def due(self) -> bool:
        """Whether the next try may begin."""
        return self._clock() >= self._at
