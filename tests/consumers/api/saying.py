"""Events of one writer about one aggregate, numbered as a journal would."""

from __future__ import annotations

from typing import Any

from runfold_schemas import events
from runfold_schemas.events import Event, HeartbeatSent, LaneEnd, LogAppended, MetricLogged, Series, WriterClosed

A, B, C = "a" * 32, "b" * 32, "c" * 32
NOW_US = 1_770_000_000_000_000


class Saying:
    """A writer's lanes of one run, or of what else `kind` says; every call is the next ordinal."""

    def __init__(self, run_id: str, writer_id: str = A, kind: str = "run") -> None:
        self.run_id, self.writer_id, self.kind = run_id, writer_id, kind
        self.facts = self.points = 0
        self.logs: dict[str, int] = {}

    def opened(self, **fields: Any) -> Event:
        return self._fact(events.WriterOpened, **{"actor": "ann", "host": "box", "pid": 7, **fields})

    def started(self, experiment: str = "digits", at: int = 0, **fields: Any) -> Event:
        return self._fact(events.RunStarted, at=at, experiment=experiment, **fields)

    def status(self, status: str, **fields: Any) -> Event:
        return self._fact(events.StatusChanged, status=status, **fields)

    def ended(self, status: str = "Completed", **fields: Any) -> Event:
        ends = [events.LaneEnd("facts", self.facts + 1), events.LaneEnd("points", self.points)]
        return self.status(status, lanes=ends, **fields)

    def tag(self, key: str, value: str | None) -> Event:
        return self._fact(events.TagSet, key=key, value=value)

    def properties(self, **properties: str | None) -> Event:
        return self._fact(events.PropertyAdded, properties=properties)

    def artifact(self, name: str, sha256: str = "0" * 64, **fields: Any) -> Event:
        return self._fact(events.ArtifactLogged, name=name, sha256=sha256, size=3, **fields)

    def error(self, message: str, **fields: Any) -> Event:
        return self._fact(events.ErrorRecorded, message=message, **fields)

    def described(self, **fields: Any) -> Event:
        return self._fact(events.RunDescribed, **fields)

    def logged(self, name: str, *values: float, axis: str = "ordinal", steps: list[int] | None = None) -> MetricLogged:
        first, n = self.points + 1, len(values)
        self.points += n
        return MetricLogged(
            aggregate_id=self.run_id,
            writer_id=self.writer_id,
            first_ordinal=first,
            occurred_at=NOW_US,
            series=(Series(name, None, "double", axis),),
            index=[0] * n,
            step=steps or list(range(first, first + n)),
            time=[1.77e9 + first + i for i in range(n)],
            value=list(values),
        )

    def log(self, name: str, data: bytes, attempt: int = 0) -> Event:
        first = self.logs.get(name, 0) + 1
        self.logs[name] = first + len(data) - 1
        return LogAppended(
            aggregate_id=self.run_id,
            writer_id=self.writer_id,
            first_ordinal=first,
            occurred_at=NOW_US,
            name=name,
            attempt=attempt,
            data=data,
        )

    def ends(self) -> list[LaneEnd]:
        """All that was said so far."""
        streams = {"facts": self.facts, "points": self.points, **{f"log/{n}": end for n, end in self.logs.items()}}
        return [LaneEnd(stream, end) for stream, end in streams.items() if end]

    def alive(self, ttl_s: float = 120.0, lanes: list[LaneEnd] | None = None) -> Event:
        ends = self.ends() if lanes is None else lanes
        return HeartbeatSent("run", self.run_id, self.writer_id, NOW_US, ttl_s=ttl_s, lanes=ends)

    def closed(self) -> Event:
        return WriterClosed(self.kind, self.run_id, self.writer_id, NOW_US, lanes=self.ends())

    def fact(self, event: Any, **fields: Any) -> Event:
        """Any other fact."""
        return self._fact(event, **fields)

    def _fact(self, event: Any, at: int = 0, **fields: Any) -> Event:
        self.facts += 1
        said: Event = event(
            aggregate_kind=self.kind,
            aggregate_id=self.run_id,
            writer_id=self.writer_id,
            ordinal=self.facts,
            occurred_at=NOW_US + at * 1_000_000,
            **fields,
        )
        return said
