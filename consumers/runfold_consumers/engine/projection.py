"""What the engine asks of a projection, and of the threads that run beside its loop."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Protocol, TypeVar

import psycopg

from runfold_consumers.fold.records import RawRecord

Connection = psycopg.Connection[tuple[Any, ...]]
RecordT = TypeVar("RecordT")


class Projection(Protocol[RecordT]):
    """A fold of topics into tables."""

    @property
    def name(self) -> str:
        """Ends the consumer group's name and stands in `observed.lag`."""

    @property
    def topic_kinds(self) -> Sequence[str]:
        """The kinds of topics it reads; the first are folded first: `facts` before `telemetry`."""

    @property
    def positions_schema(self) -> str:
        """The Postgres schema whose table `positions` counts: `state` or `observed`."""

    def decode(self, raw: RawRecord) -> RecordT:
        """Bytes to a record. Whatever it raises sets this one record aside; UnknownFingerprint first has `contract`
        looked up.
        """

    def prepare(self, topic_kind: str, records: Sequence[RecordT]) -> None:
        """Work on the world outside Postgres, before the transaction begins. Must be repeatable; raises `errors.Away`
        to have it tried again.
        """

    def apply(
        self, connection: Connection, topic_kind: str, records: Sequence[RecordT], skipped: Sequence[RawRecord]
    ) -> None:
        """Folds one topic's records, in (partition, offset) order, within the caller's transaction; the position rows
        are locked.

        `skipped` were set aside as dead letters. Raises whatever a record makes it raise: the engine finds the record
        by halving.
        """

    def forget(self) -> None:
        """Drops every cache: a transaction was rolled back, or somebody else has moved on from here."""


class Companion(Protocol):
    """A thread beside the loop, with its own connection."""

    def start(self) -> None:
        """Starts the thread."""

    def wake(self, workspace: str, topic_kind: str) -> None:
        """Something of this topic was committed. Returns at once."""

    def check(self) -> None:
        """Raises what ended the thread, if something did."""

    def stop(self) -> None:
        """Ends the thread and waits for it, a few seconds at most."""
