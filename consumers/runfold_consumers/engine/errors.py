"""Why a projector waits, and why it stops.

Away                 a service does not answer; passes by itself, the loop backs off and goes on
Stop                 goes on only after a human has looked
├── LogMismatch      the log is not the one that was folded: truncated, re-created, or its tail lost
└── TooManyDeadLetters
PositionMoved        somebody else folded this partition, or the tables were rebuilt: seek again
PoisonError          raised by a projection: this record cannot be folded
"""

from __future__ import annotations


class Away(Exception):
    """`service` does not answer. The loop pauses its partitions, keeps its group membership, and tries again."""

    def __init__(self, service: str, detail: str) -> None:
        self.service, self.detail = service, detail
        super().__init__(f"{service} does not answer: {detail}")


class Stop(Exception):
    """The projector must not go on by itself; the message says what is wrong and which command helps."""


class LogMismatch(Stop):
    """A partition of the log does not fit the position that was stored for it (design P9)."""

    def __init__(self, topic: str, partition: int, next_offset: int, what: str) -> None:
        self.topic, self.partition, self.next_offset, self.what = topic, partition, next_offset, what
        super().__init__(
            f"{topic}[{partition}] is not the log that was folded up to offset {next_offset}: {what}. "
            "Nothing was folded past it. Restore the topic, or drop what was projected and fold the log that "
            "is there with `runfold rebuild --observed`."
        )


class TooManyDeadLetters(Stop):
    """More records were set aside than the limit allows; the batch that passed it was rolled back."""


class PositionMoved(Exception):
    """The stored position is not where this batch begins. Nothing was written."""

    def __init__(self, topic: str, partition: int, expected: int, stored: int | None) -> None:
        self.topic, self.partition, self.expected, self.stored = topic, partition, expected, stored
        super().__init__(f"{topic}[{partition}]: expected next offset {expected}, stored is {stored}")


class PoisonError(Exception):
    """For projections: this record cannot be folded, and never will be. The message becomes the dead letter's
    reason.
    """
