"""Statuses of a run and the legal ways between them within an attempt. Pure (run_api.md, section 6).

A status is plain text on the wire, so that an older reader survives a newer word: one that is not known here counts as
running.
"""

from __future__ import annotations

from typing import Final

NOT_STARTED: Final = "NotStarted"
UNAPPROVED: Final = "Unapproved"
STARTING: Final = "Starting"
PROVISIONING: Final = "Provisioning"
PREPARING: Final = "Preparing"
QUEUED: Final = "Queued"
RUNNING: Final = "Running"
PAUSING: Final = "Pausing"
PAUSED: Final = "Paused"
NOT_RESPONDING: Final = "NotResponding"
CANCEL_REQUESTED: Final = "CancelRequested"
FINALIZING: Final = "Finalizing"
COMPLETED: Final = "Completed"
FAILED: Final = "Failed"
CANCELED: Final = "Canceled"

TERMINAL: Final = frozenset((COMPLETED, FAILED, CANCELED))
POST_PROCESSING: Final = frozenset((CANCEL_REQUESTED, FINALIZING))

_PHASES: Final = (
    (NOT_STARTED, UNAPPROVED),
    (STARTING, PROVISIONING, PREPARING, QUEUED),
    (RUNNING, PAUSING, PAUSED, NOT_RESPONDING),
    (CANCEL_REQUESTED, FINALIZING),
    (COMPLETED, FAILED, CANCELED),
)
STATUSES: Final = tuple(status for phase in _PHASES for status in phase)
_PHASE: Final = {status: phase for phase, statuses in enumerate(_PHASES) for status in statuses}
_RUNNING_PHASE: Final = _PHASE[RUNNING]


def is_legal(before: str | None, after: str) -> bool:
    """Whether an attempt may go from one status to another: never backwards, and never out of a terminal one.

    Within a phase any order is legal (an image is prepared while a job waits in a queue). NotResponding comes and goes:
    silence may befall any phase, and who is heard again is where it was.

    :param before: The status so far; None where nothing was said yet.
    """
    if before is None or before == after:
        return True
    if before in TERMINAL:
        return False
    if NOT_RESPONDING in (before, after):
        return True
    return _PHASE.get(after, _RUNNING_PHASE) >= _PHASE.get(before, _RUNNING_PHASE)


def is_running(status: str) -> bool:
    """Whether somebody who waits without post-processing goes on waiting; an unknown status counts as running."""
    return status not in TERMINAL and status not in POST_PROCESSING
