"""What happened, in the order of the log, and how it was decided."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from runfold.exceptions import NotYetVisibleError
from runfold_schemas.watermark import Lane, Watermark

from .asking import TIMEOUT_S, Asking, run_path, segment
from .records import DecisionRecord, Happening


class History(Asking):
    """Decisions and timelines."""

    def decision(
        self, kind: str, aggregate_id: str, writer_id: str, ordinal: int, *, wait_s: float
    ) -> DecisionRecord | None:
        """The decision about one fact; None when it is not folded within `wait_s` seconds.

        :param kind: Of the aggregate: run, experiment, model, dataset, environment or datastore.
        """
        lane = Watermark(ordinals={Lane("facts", kind, aggregate_id, writer_id): ordinal})
        query = {"writer_id": writer_id, "ordinal": ordinal}
        try:
            found = self._get(_decisions(kind, aggregate_id), query, str(lane), wait_s)["decisions"]
        except NotYetVisibleError:
            return None
        return found[0] if found else None

    def decisions(
        self,
        run_id: str,
        *,
        writer_id: str | None = None,
        key: str | None = None,
        as_of: str | None = None,
        not_before: str | None = None,
        timeout_s: float = TIMEOUT_S,
    ) -> Iterator[DecisionRecord]:
        """Decisions about facts of a run that were not plainly accepted, in the order of the log.

        :param key: Only those that refused this key, such as a property.
        :param as_of: A watermark or a broker time, ISO 8601: those folded up to there.
        """
        return self.decisions_about(
            "run", run_id, writer_id=writer_id, key=key, as_of=as_of, not_before=not_before, timeout_s=timeout_s
        )

    def decisions_about(
        self,
        kind: str,
        aggregate_id: str,
        *,
        writer_id: str | None = None,
        key: str | None = None,
        as_of: str | None = None,
        not_before: str | None = None,
        timeout_s: float = TIMEOUT_S,
    ) -> Iterator[DecisionRecord]:
        """As `decisions`, of any aggregate."""
        query = {"writer_id": writer_id, "key": key, "as_of": as_of}
        for page in self._pages(_decisions(kind, aggregate_id), query, not_before, timeout_s):
            yield from page["decisions"]

    def events(
        self,
        run_id: str,
        *,
        events: Sequence[str] = (),
        verdicts: Sequence[str] = (),
        writer_id: str | None = None,
        key: str | None = None,
        newest_first: bool = False,
        as_of: str | None = None,
        not_before: str | None = None,
        timeout_s: float = TIMEOUT_S,
    ) -> Iterator[Happening]:
        """All facts and claims about a run, in the order of the log.

        :param events: Only of these kinds, such as StatusChanged.
        :param verdicts: Only what was decided so: accepted, refused, repeated, conflicting.
        :param key: Only facts that were refused for this key, such as a property.
        :param as_of: A watermark or a broker time, ISO 8601: those folded up to there.
        """
        query = {
            "event": list(events),
            "verdict": list(verdicts),
            "writer_id": writer_id,
            "key": key,
            "newest_first": newest_first or None,
            "as_of": as_of,
        }
        for page in self._pages(f"{run_path(run_id)}/events", query, not_before, timeout_s):
            yield from page["timeline"]


def _decisions(kind: str, aggregate_id: str) -> str:
    return f"/aggregates/{segment(kind)}/{segment(aggregate_id)}/decisions"
