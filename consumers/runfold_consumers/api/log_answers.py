"""Shapes of the answers about logs, and about what of a run has arrived."""

from __future__ import annotations

from pydantic import BaseModel, Field

from runfold_consumers.api.answers import Answer, Moment


class Log(BaseModel):
    """A log of a run: the bytes of one writer under one name."""

    name: str = Field(examples=["user_logs/std_log.txt"])
    attempt: int
    writer_id: str
    rank: int | None
    bytes: int = Field(description="How many are stored.")
    complete: bool = Field(description="Closed, and all of it is stored or declared lost.")
    updated_at: Moment = Field(description="Broker time of its last bytes.")


class LogsAnswer(Answer):
    """Logs by name, attempt, rank."""

    logs: list[Log]
    more: bool = Field(description="There are more than the 20,000 that an answer holds; these are the first.")


class LaneCompleteness(BaseModel):
    """How much of what one writer said in one stream is here."""

    stream: str = Field(description="facts, points or log/<name>.")
    sent: int = Field(description="The last ordinal that is known of: closed, told by a heartbeat, stored or lost.")
    stored: int = Field(description="How many ordinals are stored.")
    declared_lost: int = Field(description="How many are declared lost, and indeed not here.")
    missing: list[tuple[int, int]] = Field(description="First and last ordinal of each range, both included.")


class WriterCompleteness(BaseModel):
    """What one process said about the run."""

    writer_id: str
    rank: int | None
    attempt: int | None
    host: str | None
    pid: int | None
    outsider: bool = Field(description="It does not belong to the run, and does not count.")
    lanes: list[LaneCompleteness]


class CompletenessAnswer(Answer):
    """Whether all that was said about a run has arrived."""

    complete: str = Field(description="complete, complete_with_declared_loss or open.")
    writers: list[WriterCompleteness]
