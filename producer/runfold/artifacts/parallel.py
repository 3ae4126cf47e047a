"""Many transfers at once, a bounded number of them; the first failure, Ctrl-C or the deadline ends all."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Sequence
from concurrent.futures import FIRST_EXCEPTION, ThreadPoolExecutor, wait
from typing import TypeVar

from runfold.exceptions import AzureMLException

T = TypeVar("T")
R = TypeVar("R")
PARALLEL = 8


class Ended(Exception):
    """Another transfer has failed, or nobody waits any more: this one is given up."""


class Transfers:
    """What is done for one call of a script.

    :param call: The call, for messages.
    :param timeout_s: Seconds for all of it; None for as long as it takes.
    :param moved: Told of bytes that were moved.
    """

    def __init__(self, call: str, timeout_s: float | None, moved: Callable[[int], None]) -> None:
        self._call, self._timeout_s, self._told = call, timeout_s, moved
        self._deadline = None if timeout_s is None else time.monotonic() + timeout_s
        self._ended = threading.Event()
        self._done = 0

    def moved(self, size: int) -> None:
        """To be told of bytes: from here a transfer in the middle is ended.

        :raises Ended: It is.
        """
        if self._ended.is_set() or (self._deadline is not None and time.monotonic() >= self._deadline):
            raise Ended
        self._told(size)

    def each(self, do: Callable[[T], R], items: Sequence[T]) -> list[R]:
        """What `do` gives for each item, in their order, several at once.

        :raises AzureMLException: The time is over.
        """
        pool = ThreadPoolExecutor(min(PARALLEL, len(items)) or 1, thread_name_prefix="runfold-files")
        finished = False
        try:
            futures = [pool.submit(do, item) for item in items]
            left = None if self._deadline is None else max(0.0, self._deadline - time.monotonic())
            done, open_ = wait(futures, left, FIRST_EXCEPTION)
            failures = [error for error in (future.exception() for future in done) if error is not None]
            own = [error for error in failures if not isinstance(error, Ended)]
            if own:
                raise own[0]
            if open_ or failures:
                raise self._late(sum(1 for future in done if future.exception() is None), len(items))
            self._done += len(items)
            finished = True
            return [future.result() for future in futures]
        finally:  # KeyboardInterrupt too
            if not finished:
                self._ended.set()
            pool.shutdown(wait=True, cancel_futures=True)

    def _late(self, done: int, of: int) -> AzureMLException:
        return AzureMLException(
            f"{self._call} was not finished within timeout_seconds={self._timeout_s:g}: {self._done + done} files were "
            f"moved, {of - done} of those at hand were not. Call it again to go on, with more time."
        )
