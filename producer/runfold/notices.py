"""What a script is told beside its own output: lines on standard error, by the logger `runfold`, as few as can be.

Python's `warnings` are not used: `-W error` would turn a service that is away into an exception in a training.
"""

from __future__ import annotations

import threading

_told: set[object] = set()
_lock = threading.Lock()


def away(service: str) -> object:
    """What a warning about a service is about, whoever notices that it is away."""
    return "away", service.lower()


def once(about: object, message: str) -> None:
    """One warning in this process about each thing.

    :param about: What it is about, such as ("converted", "tag", key); hashable.
    """
    with _lock:
        if about in _told:
            return
        _told.add(about)
    say(message)


def say(message: str) -> None:
    """A warning each time."""
    import logging

    logging.getLogger("runfold").warning("runfold: %s", message)


def note(message: str) -> None:
    """For who looks closely: level debug, so that nothing is shown by default."""
    import logging

    logging.getLogger("runfold").debug("runfold: %s", message)
