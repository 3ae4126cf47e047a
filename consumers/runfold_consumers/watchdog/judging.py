"""Who is silent, and what is to be stated about it. Pure: times are the broker's, unix seconds; no clock is read.

A run is judged where somebody promised to be heard: its writers by their heartbeats, or whoever submitted it for
somebody else (`respond_within_s`). A writer is silent when the projection has passed its last word and its time to live
and nothing else of it was there. Who has closed is not waited for; where all have, nobody is left to speak, and the
last word's time to live counts for the run.

Whoever joins without heartbeats (a rank that only logs) shows the run's life by what it logs; by facts alone nobody
does: a tag set by a person, a cancel from the page, and the watchdog's own words are facts.

Nobody is called silent for a time in which nobody could be heard: while broker or projector were away, or the machine
slept, no deadline ran. `Continuity` tells since when the projection has moved on without a break.

Repeats are harmless, and any number of watchdogs may judge: each states what it sees, and what they see converges.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import datetime, timezone
from typing import NamedTuple

from runfold_schemas.statuses import NOT_RESPONDING

BREAK_S = 60.0  # between two looks; a sign of life is sent each 24 s and holds for 120 s


class Writer(NamedTuple):
    """A writer of the run's latest attempt that has sent a heartbeat."""

    writer_id: str
    heard_at: float
    """Broker time of its last word of any kind."""
    ttl_s: float
    """For how long a word of it holds."""
    closed: bool
    """It, or a shipper for it, has said that it ended."""


class Submission(NamedTuple):
    """The latest one of the run that asks for an answer."""

    submitted_at: float
    respond_within_s: float
    answered: bool
    """Somebody other than the submitter has spoken for the run."""


class Candidate(NamedTuple):
    """A run that has not ended, and somebody promised to speak for it."""

    run_id: str
    attempt: int
    status: str
    before: str
    """The last status that is not NotResponding: what the run goes back to when it is heard."""
    writers: Sequence[Writer] = ()
    """Without the submitter's: that one waits for the run, it is not the run."""
    logged_at: float | None = None
    """When somebody without heartbeats logged last; None: nobody did, or nobody looked since the others are heard."""
    submission: Submission | None = None


class Statement(NamedTuple):
    """What is to be stated: StatusChanged of that attempt."""

    run_id: str
    attempt: int
    status: str
    reason: str


class Continuity:
    """Since when the projection has moved on without a break, as far as this process has seen."""

    def __init__(self) -> None:
        self._since = self._until = float("-inf")

    def since(self, projected_until: float) -> float:
        """To be asked at each look; a watchdog's first look is a break."""
        if projected_until > self._until + BREAK_S:
            self._since = projected_until
        self._until = max(projected_until, self._until)
        return self._since


def judge(candidates: Iterable[Candidate], projected_until: float, since: float = float("-inf")) -> list[Statement]:
    """What is to be stated now.

    Args:
        candidates: as one snapshot shows them.
        projected_until: all that the broker took before is in that snapshot.
        since: whoever was heard before counts as heard then; but who is not responding is heard again by a word alone.
    """
    statements = []
    for run in candidates:
        why = silence(run, projected_until, since if run.status != NOT_RESPONDING else float("-inf"))
        if why is not None and run.status != NOT_RESPONDING:
            statements.append(Statement(run.run_id, run.attempt, NOT_RESPONDING, why))
        elif why is None and run.status == NOT_RESPONDING:
            statements.append(Statement(run.run_id, run.attempt, run.before, "it is heard again"))
    return statements


def silence(run: Candidate, projected_until: float, since: float = float("-inf")) -> str | None:
    """Why a run counts as silent, in words; None where it does not, or where that is not known yet."""
    submission = run.submission
    if submission is not None and not (submission.answered and run.writers):  # who answers, and dies before a heartbeat
        if max(submission.submitted_at, since) + submission.respond_within_s >= projected_until:
            return None
        when = _shown(submission.submitted_at)
        what = "whoever spoke for it has shown no life" if submission.answered else "nobody spoke for it"
        return f"it was submitted at {when}, and {what} within {submission.respond_within_s:g} s"
    if not run.writers:
        return None
    living = [writer for writer in run.writers if not writer.closed]
    last = max(living or run.writers, key=lambda writer: writer.heard_at + writer.ttl_s)
    if max(last.heard_at, since) + last.ttl_s >= projected_until:
        return None
    if run.logged_at is not None and run.logged_at + last.ttl_s >= projected_until:
        return None
    others = f" (of {len(living)} that are silent)" if len(living) > 1 else "" if living else ", which has ended,"
    return (
        f"writer {last.writer_id}{others} was last heard at {_shown(last.heard_at)}, and was to be heard again within "
        f"{last.ttl_s:g} s"
    )


def _shown(at: float) -> str:
    return datetime.fromtimestamp(at, timezone.utc).isoformat(timespec="milliseconds").replace("+00:00", "Z")
