"""One deadline for all waiting at an end: RUNFOLD_EXIT_DEADLINE_S bounds what complete() and the end of the process may
wait together, in all workspaces that the process speaks to.

What was waited in vain is not waited again; an answer makes it good. A workspace that never kept the process waiting is
given a moment even when another one has used up everything, since its services may be well.
"""

from __future__ import annotations

MOMENT_S = 1.0

_in_vain_s = 0.0  # of all workspaces


class Patience:
    """What one workspace has taken of it."""

    def __init__(self) -> None:
        self._in_vain_s = 0.0

    def left_s(self, whole_s: float) -> float:
        """How long a wait may take that begins now, of `whole_s` seconds."""
        left = max(0.0, whole_s - _in_vain_s)
        return left if self._in_vain_s else max(left, min(MOMENT_S, whole_s))

    def waited(self, seconds: float, *, answered: bool) -> None:
        """A wait took so long, until its answer or in vain."""
        global _in_vain_s
        change = -self._in_vain_s if answered else seconds
        self._in_vain_s += change
        _in_vain_s += change


def forked() -> None:
    """In a child of fork: it has an end of its own."""
    global _in_vain_s
    _in_vain_s = 0.0
