"""Health of a projector: whether its loop turns, whether all conditions hold. `runfold.shipper.probes` serves it."""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Callable

log = logging.getLogger(__name__)

STUCK_S = 120.0  # longer than the longest statement or request that the loop may wait for


class Health:
    """Named conditions, all false until set, and the time of the loop's last turn. Thread-safe."""

    def __init__(self, conditions: tuple[str, ...], clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._lock = threading.Lock()
        self._conditions = dict.fromkeys(conditions, (False, "not yet"))
        self._turned = clock()
        self.conditions = conditions

    def set(self, condition: str, *, ok: bool, detail: str = "") -> None:
        """States a condition; a change is logged."""
        with self._lock:
            was, _ = self._conditions.get(condition, (False, ""))
            self._conditions[condition] = (ok, detail)
        if was != ok:
            level = logging.INFO if ok else logging.WARNING
            log.log(level, "condition", extra={"condition": condition, "ok": ok, "detail": detail})

    def holds(self, condition: str) -> bool:
        """Whether a condition holds."""
        with self._lock:
            return self._conditions[condition][0]

    def turn(self) -> None:
        """The loop has turned."""
        self._turned = self._clock()

    def live(self) -> tuple[bool, dict[str, str]]:
        """Whether the loop turned within STUCK_S, and how long ago it did."""
        ago = self._clock() - self._turned
        return ago < STUCK_S, {"loop": f"turned {ago:.1f} s ago"}

    def ready(self) -> tuple[bool, dict[str, str]]:
        """Whether every condition holds, and what each says."""
        with self._lock:
            told = {name: "ok" if ok else detail or "no" for name, (ok, detail) in self._conditions.items()}
            return all(ok for ok, _ in self._conditions.values()), told
