"""A run as it stood (design section 8): its facts folded again up to a moment, by the very fold that projects them.

What the fold gives are rows of tables. A `PastSnapshot` asks the same statements as ever; where one reads a table of
`state`, it is given the rows that were folded again (`WITH runs AS (...)`), and where it reads a view, the view's own
text over them. So nothing is written twice: neither the rules, nor what is shown of their outcome.

Of a run's telemetry only what had been seen is cut back. Signs of life are not kept one by one: of the past there are
none. What the artifact projector found in the object store is told as it is now.
"""

from __future__ import annotations

import asyncio
import json
import re
from collections.abc import AsyncIterator, Iterable, Mapping, Sequence
from contextlib import asynccontextmanager
from datetime import datetime
from typing import Any, NamedTuple

from runfold_consumers.api.answers import moment_text
from runfold_consumers.api.as_of import Positions, positions_of, watermark_at
from runfold_consumers.api.database import Row, Snapshot, statement
from runfold_consumers.api.errors import ApiError, not_found
from runfold_consumers.api.lanes import ranges
from runfold_consumers.api.points import series_columns
from runfold_consumers.api.services import Reading
from runfold_consumers.fold.changes import Changes, Known
from runfold_consumers.fold.equivocation import differences
from runfold_consumers.fold.facts import fold_facts
from runfold_consumers.fold.lanes import FACTS, POINTS, LaneKey, Ranges, canonical, subtract
from runfold_consumers.fold.records import Record
from runfold_consumers.state.arrays import EPOCH, at, multirange
from runfold_schemas import codec
from runfold_schemas.errors import DecodeError

TABLES = (
    "runs", "attempts", "statuses", "tags", "descriptions", "properties", "corrections", "artifacts", "errors",
    "warnings", "submissions", "cancels", "snapshots", "dataset_links", "secret_reads", "writers", "claims", "lanes",
    "heartbeats", "enrollments",
)  # fmt: skip
"""Tables of `state` that a past snapshot has of its own; it reads no other one."""
_VIEWS = ("run_tags", "run_descriptions", "run_status", "run_lanes")
_TIMES = frozenset(("broker_time", "occurred_at", "opened_at", "created_at", "started_at", "ended_at"))
_DOCUMENTS = frozenset(("versions", "ends", "part_digests"))
_OF_STATE = re.compile(r"\bstate\.(\w+)")
FACTS_MAX = 50_000  # of a run, up to the moment
FACTS_IN_LOOP = 200  # so many are folded at once where others wait; more go to a thread


class PastSnapshot(Snapshot):
    """A snapshot in which one run stands as it did. Statements about anything else find nothing, or fail."""

    def __init__(
        self,
        now: Snapshot,
        as_of: str,
        positions: Positions,
        rows: Mapping[str, Sequence[Row]],
        views: Mapping[str, str],
    ) -> None:
        super().__init__(now.connection, now.workspace)
        self.positions = positions
        self._now, self._as_of, self._rows, self._views = now, as_of, rows, views

    async def rows(self, name: str, parameters: Mapping[str, Any] | None = None, *, binary: bool = False) -> list[Row]:
        """The rows of a statement over the past's tables."""
        text = statement(name).decode()
        named = _named(text, self._views)
        parts = [
            f"{each} AS (SELECT * FROM jsonb_populate_recordset(NULL::state.{each}, %(past_{each})s::jsonb))"
            for each in TABLES
            if each in named
        ]
        parts += [f"{each} AS ({_bare(self._views[each])})" for each in _VIEWS if each in named]
        told = {f"past_{each}": json.dumps(self._rows.get(each, [])) for each in TABLES if each in named}
        asked = {"workspace": self.workspace, **(parameters or {}), **told}
        query = (f"WITH {', '.join(parts)}\n" if parts else "") + _bare(text)
        cursor = await self.connection.execute(query.encode(), asked, binary=binary)
        return await cursor.fetchall()

    async def watermark(self) -> str:
        """Where the past was cut."""
        return await watermark_at(self._now, self.positions, self._as_of)


def _named(text: str, views: Mapping[str, str]) -> set[str]:
    """Tables and views of the past that a statement reads, by themselves and through views."""
    named: set[str] = set()
    open_ = set(_OF_STATE.findall(text))
    while open_:
        name = open_.pop()
        if name in named or name not in (*TABLES, *_VIEWS):
            continue
        named.add(name)
        open_ |= set(_OF_STATE.findall(views.get(name, "")))
    return named


def _bare(text: str) -> str:
    """Without the schema before what the past has of its own."""
    known = (*TABLES, *_VIEWS)
    return _OF_STATE.sub(lambda found: found[1] if found[1] in known else found[0], text.rstrip().rstrip(";"))


@asynccontextmanager
async def standing_at(read: Reading, run_id: str, as_of: str | None) -> AsyncIterator[Snapshot]:
    """The snapshot to read a run in: of now, or, where a moment is named, of then.

    Raises:
        ApiError: 400, it names no moment; 404, there was no such run then; 413, it had too many facts; 503 `not_yet`.
    """
    async with read.at(as_of).snapshot() as now:
        yield now if as_of is None else await past(now, run_id, as_of)


async def past(now: Snapshot, run_id: str, as_of: str) -> PastSnapshot:
    """The run as it stood. Raises as `standing_at` does."""
    positions = await positions_of(now, as_of)
    place = await _place(now, run_id, positions)
    asked = {"run_id": run_id, "partition": place.partition, "next_offset": place.next_offset}
    facts = await now.rows("past_facts", {**asked, "limit": FACTS_MAX + 1})
    if len(facts) > FACTS_MAX:
        raise ApiError(
            413, "too_large",
            f"run {run_id!r} had more than {FACTS_MAX} facts then, more than are folded again for one answer; "
            "its timeline takes as_of whatever their number",
            facts_max=FACTS_MAX,
        )  # fmt: skip
    told = (now.workspace, run_id, place.partition, facts)
    changes = _folded(*told) if len(facts) <= FACTS_IN_LOOP else await asyncio.to_thread(_folded, *told)
    rows = rows_of(changes)
    rows["enrollments"] = [
        _jsonable(row) for row in await now.rows("past_enrollments", {"run_id": run_id, **_parts(positions, "facts")})
    ]
    rows["lanes"] = [*rows["lanes"], *await _telemetry_lanes(now, run_id, positions)]
    views = {row["name"]: row["text"] for row in await now.rows("view_texts")}
    return PastSnapshot(now, as_of, positions, rows, views)


class _Place(NamedTuple):
    partition: int
    next_offset: int


async def existed(now: Snapshot, run_id: str, positions: Positions) -> None:
    """Raises ApiError 404 where there was no such run then."""
    await _place(now, run_id, positions)


async def _place(now: Snapshot, run_id: str, positions: Positions) -> _Place:
    found = await now.rows("past_run", {"run_id": run_id})
    if not found:
        raise not_found("run", run_id, f"workspace {now.workspace}")
    partition, first = found[0]["partition"], found[0]["first_offset"]
    next_offset = positions.get((FACTS, partition), 0)
    if next_offset <= first:
        first_at = found[0]["broker_time"]
        when = f"; the broker took its first fact at {moment_text(first_at)}" if first_at else ""
        raise ApiError(
            404, "not_found", f"there was no run {run_id!r} in workspace {now.workspace} at that moment{when}",
            kind="run", id=run_id, first_at=moment_text(first_at) if first_at else None,
        )  # fmt: skip
    return _Place(partition, next_offset)


def _folded(workspace: str, run_id: str, partition: int, facts: Iterable[Row]) -> Changes:
    """All of a run's facts as one batch, before which nothing was known."""
    records = []
    for row in facts:
        try:
            event: Any = codec.decode(row["message"])
        except DecodeError:  # written with a schema that only the contract knows: it is left out, as the page does
            continue
        lane = LaneKey(workspace, partition, "run", run_id, event.writer_id, FACTS)
        time_us = round((row["broker_time"] - EPOCH).total_seconds() * 1_000_000)
        records.append(Record(workspace, FACTS, partition, row["offset"], time_us, None, row["message"], event, lane))
    return fold_facts(records, Known(), lambda _, kept, said: differences(kept, said, codec.RELEASED))


def rows_of(changes: Changes) -> dict[str, list[Row]]:
    """What was folded, as JSON of the tables' rows."""
    rows: dict[str, list[Row]] = {name: [] for name in TABLES}
    for name, told in vars(changes).items():
        if name in ("lanes", "claims") or name not in rows:
            continue
        rows[name] = [_jsonable(row._asdict()) for row in (told.values() if isinstance(told, dict) else told)]
    for lane, seen in changes.lanes.items():
        rows["lanes"].append({**_lane(lane), "topic_kind": FACTS, "seen": multirange(seen)})
    for lane, claim in changes.claims.items():
        told_of = {"closed": claim.closed, "declared": multirange(claim.declared), "reason": claim.reason}
        rows["claims"].append({**_lane(lane), **told_of})
    return rows


def _lane(lane: LaneKey) -> Row:
    return dict(lane._asdict())


def _jsonable(row: Mapping[str, Any]) -> Row:
    """A row as JSON; times of the fold are microseconds, those of a table moments."""
    told: Row = {}
    for name, value in row.items():
        if name in _TIMES and isinstance(value, int):
            value = at(value)
        told[name] = json.loads(value) if name in _DOCUMENTS and isinstance(value, str) else value
        if isinstance(value, datetime):
            told[name] = value.isoformat()
    return told


async def _telemetry_lanes(now: Snapshot, run_id: str, positions: Positions) -> list[Row]:
    """What had been seen of the run's points and logs: what is seen, less what came later."""
    found = await now.rows("past_lanes", {"run_id": run_id, **_parts(positions, "telemetry")})
    later: dict[str, list[tuple[int, int]]] = {}
    if any(row["stream"] == POINTS for row in found):
        async for columns in series_columns(now, [run_id], since=positions):
            part = later.setdefault(columns.writer_id, [])
            part.extend(_runs_of(columns.ordinal.tolist()))
    lanes: list[Row] = []
    for row in found:
        came = later.get(row["writer_id"], ()) if row["stream"] == POINTS else ranges(row["later"] or ())
        seen: Ranges = subtract(ranges(row["seen"]), canonical(came))
        del row["later"]
        if seen:
            lanes.append({**row, "seen": multirange(seen)})
    return lanes


def _runs_of(ordinals: Sequence[int]) -> list[tuple[int, int]]:
    """Ascending ordinals as half-open ranges."""
    found: list[tuple[int, int]] = []
    for ordinal in ordinals:
        if found and found[-1][1] == ordinal:
            found[-1] = (found[-1][0], ordinal + 1)
        else:
            found.append((ordinal, ordinal + 1))
    return found


def _parts(positions: Positions, topic_kind: str) -> dict[str, list[int]]:
    of = [(partition, offset) for (kind, partition), offset in positions.items() if kind == topic_kind]
    return {"partitions": [partition for partition, _ in of], "offsets": [offset for _, offset in of]}
