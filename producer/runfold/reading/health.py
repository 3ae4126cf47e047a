"""How the ledger is: projectors, dead letters, refusals, throughput; and records that could not be folded."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, TypedDict, cast
from urllib.parse import quote

from .asking import TIMEOUT_S, TRANSFER_TIMEOUT_S, Asking
from .records import LagRecord


class DeadLetterRecord(TypedDict, total=False):
    """A record that could not be folded: where it stands, why, and its bytes as base64.

    Kind: poison (malformed), or parked (of a schema that nobody knows yet).
    """

    topic: str
    partition: int
    offset: int
    kind: str
    reason: str
    broker_time: str
    recorded_at: str
    retried_at: str | None
    retried_by: str | None
    key: str | None
    value: str | None


class DeadLetterCounts(TypedDict):
    """How many there are, how many of both nobody has sent again (`open`), and the latest."""

    poison: int
    parked: int
    open: int
    latest: list[dict[str, Any]]


class Refusals(TypedDict):
    """What rules refused in the last hour, and the latest."""

    last_hour: int
    latest: list[dict[str, Any]]


class HealthRecord(TypedDict):
    """The state of a workspace."""

    projectors: list[LagRecord]
    dead_letters: DeadLetterCounts
    refusals: Refusals
    throughput: list[dict[str, Any]]
    runs: dict[str, int]
    watermark: str


class Health(Asking):
    """Health and dead letters."""

    def health(self, *, timeout_s: float = TIMEOUT_S) -> HealthRecord:
        """How the workspace's projection is, now."""
        return cast(HealthRecord, self._get("/health", {}, None, timeout_s))

    def dead_letters(self, *, timeout_s: float = TIMEOUT_S) -> Iterator[DeadLetterRecord]:
        """Records that could not be folded, newest first; asked for by pages as they are taken."""
        for page in self._pages("/deadletters", {}, None, timeout_s):
            yield from page["dead_letters"]

    def dead_letter(self, topic: str, partition: int, offset: int, *, timeout_s: float = TIMEOUT_S) -> DeadLetterRecord:
        """One of them.

        :raises ServiceException: There is no such dead letter (status_code 404).
        """
        return cast(DeadLetterRecord, self._get(_letter(topic, partition, offset), {}, None, timeout_s))

    def retry_dead_letter(
        self,
        topic: str,
        partition: int,
        offset: int,
        *,
        reason: str | None = None,
        again: bool = False,
        timeout_s: float = TRANSFER_TIMEOUT_S,
    ) -> dict[str, Any]:
        """Sends what a dead letter said once more, after a fact that refers to it. Needs the scope admin.

        :param reason: Why; it stays on record.
        :param again: Though it was sent again before.
        :raises ServiceException: There is no such dead letter (status_code 404), or it was sent again before (409).
        """
        path = self._path(f"{_letter(topic, partition, offset)}/retry") + ("?again=true" if again else "")
        return cast("dict[str, Any]", self._state("POST", path, {"reason": reason}, timeout_s, once=True))


def _letter(topic: str, partition: int, offset: int) -> str:
    return f"/deadletters/{quote(topic, safe='')}/{partition}/{offset}"
