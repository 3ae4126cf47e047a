"""Imports in a thread, beside a process that forks.

A child of fork inherits modules as they are, and a half-imported one stays so for ever: the thread that was importing
it does not exist there. So the shipper's thread imports within `complete_before_fork`, and a fork waits for the end of
that: some 150 ms once in a process's life, and never longer than 5 s.
"""

from __future__ import annotations

import contextlib
import os
import threading
from collections.abc import Iterator

WAIT_S = 5.0  # against a deadlock: the forking thread may itself be in the middle of an import

_importing = threading.Lock()
_forking = threading.local()


@contextlib.contextmanager
def complete_before_fork() -> Iterator[None]:
    """No fork happens within."""
    with _importing:
        yield


def _before() -> None:
    _forking.waited = _importing.acquire(timeout=WAIT_S)


def _after() -> None:
    if _forking.waited:
        _importing.release()


os.register_at_fork(before=_before, after_in_parent=_after, after_in_child=_after)
