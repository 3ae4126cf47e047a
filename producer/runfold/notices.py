"""What a script is told beside its own output: lines on standard error, by the logger `runfold`, as few as can be.

Python's `warnings` are not used: `-W error` would turn a service that is away into an exception in a training. There is
no lock either: a signal handler may tell something while its own thread is in here.
"""

from __future__ import annotations

_told: dict[object, object] = {}


def away(service: str) -> object:
    """What a warning about a service is about, whoever notices that it is away."""
    return "away", service.lower()


def once(about: object, message: str) -> None:
    """One warning in this process about each thing; what comes later is a note.

    :param about: What it is about, such as ("converted", "tag", key); hashable.
    """
    mine = object()
    tell = say if _told.setdefault(about, mine) is mine else note
    tell(message)


def say(message: str) -> None:
    """A warning each time."""
    import logging

    logging.getLogger("runfold").warning("runfold: %s", message)


def note(message: str) -> None:
    """For who looks closely: level debug, so that nothing is shown by default."""
    import logging

    logging.getLogger("runfold").debug("runfold: %s", message)
