"""Imports at a first use, beside a process that forks.

A child of fork inherits modules as they are, and a half-imported one stays so for ever: the thread that was importing
it does not exist there. So what is imported late, by the shipper's thread or at a thread's first word, is imported
within `complete_before_fork`, and a fork waits for the end of that: some 150 ms once in a process's life, and never
longer than 5 s.

Hooks run before a fork in the reverse order of their registration. logging's takes the lock that every import of a
module with a logger wants: ours must run before it, so logging is imported here.
"""

from __future__ import annotations

import contextlib
import logging  # noqa: F401 - see above
import os
import threading
from collections.abc import Iterator

WAIT_S = 5.0  # against a deadlock: what is imported may wait for a lock that the forking thread holds

_importing = threading.RLock()  # a signal handler may speak, or fork, in the middle of its own thread's import
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
