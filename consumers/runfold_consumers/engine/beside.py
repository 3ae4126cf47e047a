"""A thread beside the loop: takes turns when woken or after a while, waits while a service is away, and never dies
unnoticed.
"""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable

from runfold_consumers.engine.backoff import Backoff
from runfold_consumers.engine.errors import Away

log = logging.getLogger(__name__)

STOP_S = 5.0


class Beside:
    """Runs `turn` in a thread of its own.

    Args:
        name: of the thread, and in the log.
        turn: one piece of work; Away makes it be tried again, anything else ends the thread.
        away: told of each Away, to let go of what was connected.
        close: called at the end, on the thread.
        look_s: seconds after which a turn is taken without being woken.
        apart_s: seconds between two turns at least, so that what comes together is handled together.
    """

    def __init__(
        self,
        name: str,
        turn: Callable[[], object],
        away: Callable[[Away], None],
        close: Callable[[], None],
        *,
        look_s: float,
        apart_s: float = 0.0,
    ) -> None:
        self._name, self._turn, self._away, self._close = name, turn, away, close
        self._look_s, self._apart_s = look_s, apart_s
        self._news, self._stopping = threading.Event(), threading.Event()
        self._error: BaseException | None = None
        self._thread = threading.Thread(target=self._run, name=name, daemon=True)

    def start(self) -> None:
        """Starts the thread; its first turn is at once."""
        self._thread.start()

    def wake(self) -> None:
        """There is something to do. Returns at once."""
        self._news.set()

    def stopping(self) -> bool:
        """Whether a long turn should end early."""
        return self._stopping.is_set()

    def check(self) -> None:
        """Raises what ended the thread, if something did."""
        if self._error is not None:
            raise self._error

    def stop(self) -> None:
        """Takes a last turn and ends; waits for it, a few seconds at most."""
        self._stopping.set()
        self._news.set()
        self._thread.join(timeout=STOP_S)

    def _run(self) -> None:
        retry = Backoff()
        try:
            while True:
                last = self._stopping.is_set()
                try:
                    self._turn()
                    retry.succeeded()
                except Away as away:
                    self._away(away)
                    delay_s = retry.failed()
                    told = {"beside": self._name, "service": away.service, "retry_in_s": delay_s}
                    log.warning("away", extra={**told, "detail": away.detail})
                    self._stopping.wait(delay_s)
                if last:
                    return
                self._stopping.wait(self._apart_s)
                self._news.wait(self._look_s)
                self._news.clear()
        except BaseException as error:  # noqa: BLE001 - the loop raises it in its own thread
            self._error = error
        finally:
            self._close()
