"""What may stand between a journal and the broker, and how it is told: once, on the logger, never by raising.

A `Trouble` passes by itself (the broker comes back, an administrator creates the topics): whoever meets one keeps what
it has, waits and tries again. `Troubles` says each kind of trouble once, and once more when it is over and comes back.
"""

from __future__ import annotations

import logging
import random
import threading

log = logging.getLogger("runfold.shipper")

BACKOFF_S_MIN = 0.2
BACKOFF_S_MAX = 10.0


class Trouble(Exception):
    """Events cannot be sent now; the journal keeps them.

    `service` is what is not as it should be (kafka, topics, journal), `str()` a whole sentence that names the setting.
    """

    def __init__(self, service: str, message: str) -> None:
        super().__init__(message)
        self.service = service


class Troubles:
    """Tells each trouble once, thread-safe.

    `context` closes every line: what happens meanwhile, so that nobody believes that data is lost.
    """

    def __init__(self, context: str) -> None:
        self._context = context
        self._told: set[str] = set()
        self._lock = threading.Lock()

    def met(self, trouble: Trouble) -> None:
        """One warning for the service until `over` is called for it; later ones go to debug."""
        with self._lock:
            new = trouble.service not in self._told
            self._told.add(trouble.service)
        log.log(logging.WARNING if new else logging.DEBUG, "runfold: %s %s", trouble, self._context)

    def open(self) -> list[str]:
        """Services that trouble was told of and is not over."""
        with self._lock:
            return sorted(self._told)

    def over(self) -> None:
        """All is well again. Silent: the script's standard error is not ours to chat on."""
        if self._told:
            with self._lock:
                self._told.clear()
            log.info("runfold: sending events again.")


def backoff_s(failures: int) -> float:
    """Seconds to wait after so many failures in a row (>= 1): doubled from 0.2 to 10, half of it drawn, so that ten
    thousand processes do not come back at once."""
    whole = min(BACKOFF_S_MAX, BACKOFF_S_MIN * 2.0 ** min(failures - 1, 16))
    return whole * random.uniform(0.5, 1.0)
