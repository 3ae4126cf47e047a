"""Logs of a run as text that grows, and whether all that was said about the run has arrived."""

from __future__ import annotations

from collections.abc import Iterator
from typing import NamedTuple, cast

from .asking import TIMEOUT_S, TRANSFER_TIMEOUT_S, Asking, run_path
from .records import CompletenessRecord, LogRecord
from .transport import Answer

PIECE_BYTES = 1 << 20


class LogPiece(NamedTuple):
    """Bytes of a log.

    `next` is the ordinal to read on from, `end` the one after the last that is stored: there is more as long as
    `next < end`, unless `data` is empty, which says that bytes before are still on their way. `lost` counts bytes that
    were passed over since their writer, or its shipper, declared them lost.
    """

    data: bytes
    next: int
    end: int
    lost: int
    attempt: int
    writer_id: str


class Logs(Asking):
    """Log text and completeness."""

    def logs(
        self, run_id: str, *, as_of: str | None = None, not_before: str | None = None, timeout_s: float = TIMEOUT_S
    ) -> list[LogRecord]:
        """The logs of a run, one entry per name and writer, by name, attempt, rank.

        :param as_of: A watermark or a broker time, ISO 8601: what of them had come by then.
        :raises RunNotFoundError: There is no such run, or was none.
        """
        found = self._get(f"{run_path(run_id)}/logs", {"as_of": as_of}, not_before, timeout_s)
        return cast("list[LogRecord]", found["logs"])

    def log_bytes(
        self,
        run_id: str,
        name: str,
        attempt: int | None = None,
        writer_id: str | None = None,
        first: int = 1,
        limit: int = PIECE_BYTES,
        *,
        as_of: str | None = None,
        not_before: str | None = None,
        timeout_s: float = TRANSFER_TIMEOUT_S,
    ) -> LogPiece:
        """Bytes of a log from an ordinal on; who follows one passes the `writer_id` and `next` of the piece before.

        :param name: Such as user_logs/std_log.txt.
        :param attempt: Of this one; else of the latest that wrote it.
        :param writer_id: Of this writer; else of the one with the lowest rank, then the first that opened.
        :param first: Ordinal of the first byte wanted, from 1.
        :param limit: Bytes at most; the API gives 4 MiB at once at most.
        :param as_of: As of `logs`: cut behind the last byte that had come.
        :raises RunNotFoundError: There is no such run.
        :raises ServiceException: The run has no such log (status_code 404).
        """

        def piece(answer: Answer) -> LogPiece:
            told = answer.headers
            reached, end, lost, of = (int(told[f"Runfold-{field}"]) for field in ("Next", "End", "Lost", "Attempt"))
            return LogPiece(answer.whole(), reached, end, lost, of, told["Runfold-Writer"])

        which = {"name": name, "attempt": attempt, "writer_id": writer_id}
        query = {**which, "first": first, "limit": limit, "as_of": as_of}
        return self._ask(f"{run_path(run_id)}/logs/content", query, not_before, timeout_s, piece)

    def log_pieces(
        self,
        run_id: str,
        name: str,
        attempt: int | None = None,
        writer_id: str | None = None,
        *,
        as_of: str | None = None,
        not_before: str | None = None,
        timeout_s: float = TRANSFER_TIMEOUT_S,
    ) -> Iterator[bytes]:
        """A log as far as it is stored without a hole, piece by piece; parameters and errors as `log_bytes`."""
        piece = self.log_bytes(
            run_id, name, attempt, writer_id, as_of=as_of, not_before=not_before, timeout_s=timeout_s
        )
        while piece.data:
            yield piece.data
            if piece.next >= piece.end:
                return
            piece = self.log_bytes(
                run_id, name, piece.attempt, piece.writer_id, piece.next, as_of=as_of, timeout_s=timeout_s
            )

    def completeness(
        self, run_id: str, *, as_of: str | None = None, not_before: str | None = None, timeout_s: float = TIMEOUT_S
    ) -> CompletenessRecord:
        """Per writer and stream of a run: what was sent, what is stored, declared lost, missing.

        :param as_of: A watermark or a broker time, ISO 8601: as it was then.
        :raises RunNotFoundError: There is no such run, or was none.
        """
        told = self._get(f"{run_path(run_id)}/completeness", {"as_of": as_of}, not_before, timeout_s)
        return cast(CompletenessRecord, told)
