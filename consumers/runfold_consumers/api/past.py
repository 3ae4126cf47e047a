"""Runs as they stood (design section 8): their facts folded again up to a moment, by the very fold that projects them.

What the fold gives are rows of tables. A `PastSnapshot` asks the same statements as ever; where one reads a table of
`state`, it is given the rows that were folded again (`WITH runs AS (...)`), where it reads a view, the view's own text
over them, and of the text of logs the rows that had come. So nothing is written twice: neither the rules, nor what is
shown of their outcome.

Of points only what had been seen is cut back here; they themselves are read up to the positions (`points`). Signs of
life are not kept one by one: of the past there are none. What the artifact projector found in the object store is told
as it is now.
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
"""Tables of `state` that a past snapshot has of its own; of all others but logs it reads what is there now."""
_VIEWS = ("run_tags", "run_descriptions", "run_status", "run_lanes")
_LOGS = """logs AS NOT MATERIALIZED (
    SELECT logs.*
    FROM state.logs
    WHERE logs."offset" < coalesce((%(past_offsets)s::bigint[])[logs.partition + 1], 0)
)"""
_OWN = frozenset((*TABLES, *_VIEWS, "logs"))
_TIMES = frozenset(("broker_time", "occurred_at", "opened_at", "created_at", "started_at", "ended_at"))
_DOCUMENTS = frozenset(("versions", "ends", "part_digests"))
_OF_STATE = re.compile(r"\bstate\.(\w+)")
FACTS_MAX = 50_000  # of a run, or of those of a page, up to the moment
BYTES_MAX = 256 << 20  # of these facts: images may stand within
FACTS_IN_LOOP = 200  # so many are folded at once where others wait; more go to a thread


class Place(NamedTuple):
    """Where the facts of a run lie, and where they are cut."""

    run_id: str
    partition: int
    next_offset: int


class PastSnapshot(Snapshot):
    """A snapshot in which some runs stand as they did. Statements about any other run find nothing."""

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

    @property
    def outsiders(self) -> set[tuple[str, str]]:
        """Run and writer of those who were outsiders."""
        return {(row["aggregate_id"], row["writer_id"]) for row in self._rows["writers"] if row["outsider"]}

    async def rows(
        self, name: str, parameters: Mapping[str, Any] | None = None, *, binary: bool = False, prepare: bool = False
    ) -> list[Row]:
        """The rows of a statement over the past's tables."""
        text = statement(name).decode()
        named = _named(text, self._views)
        parts = [
            f"{each} AS (SELECT * FROM jsonb_populate_recordset(NULL::state.{each}, %(past_{each})s::jsonb))"
            for each in TABLES
            if each in named
        ]
        parts += [f"{each} AS ({_bare(self._views[each])})" for each in _VIEWS if each in named]
        parts += [_LOGS] if "logs" in named else []
        told: dict[str, Any] = {"past_offsets": _by_partition(self.positions, "telemetry")}
        told |= {f"past_{each}": json.dumps(self._rows.get(each, [])) for each in TABLES if each in named}
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
        if name in named or name not in _OWN:
            continue
        named.add(name)
        open_ |= set(_OF_STATE.findall(views.get(name, "")))
    return named


def _bare(text: str) -> str:
    """Without the schema before what the past has of its own."""
    return _OF_STATE.sub(lambda found: found[1] if found[1] in _OWN else found[0], text.rstrip().rstrip(";"))


@asynccontextmanager
async def standing_at(read: Reading, run_id: str, as_of: str | None, *, points: bool = True) -> AsyncIterator[Snapshot]:
    """The snapshot to read a run in: of now, or, where a moment is named, of then.

    Args:
        read: the read of the request.
        run_id: the run.
        as_of: the moment, or None.
        points: whether the past tells what had been seen of its points; it takes reading those that came later.

    Raises:
        ApiError: 400, it names no moment; 404, there was no such run then; 413, it had too many facts; 503 `not_yet`.
    """
    async with read.at(as_of).snapshot() as now:
        yield now if as_of is None else await past(now, run_id, as_of, points=points)


async def past(now: Snapshot, run_id: str, as_of: str, *, points: bool = True) -> PastSnapshot:
    """The run as it stood. Arguments and errors as of `standing_at`."""
    positions = await positions_of(now, as_of)
    snapshot, _ = await past_of(now, as_of, positions, [await _place(now, run_id, positions)], points=points)
    return snapshot


async def past_of(
    now: Snapshot, as_of: str, positions: Positions, places: Sequence[Place], *, points: bool
) -> tuple[PastSnapshot, list[str]]:
    """The first of these runs as they stood, as many as are folded again for one answer; and their ids.

    Raises:
        ApiError: 413, the very first has more facts than that.
    """
    sizes = await now.rows("past_sizes", {**_asked(places), "most": FACTS_MAX + 1})
    places = places[: _together(sizes)]
    if sizes and not places:
        run_id = sizes[0]["run_id"]
        raise ApiError(
            413, "too_large",
            f"run {run_id!r} had more than {FACTS_MAX} facts then, or over {BYTES_MAX >> 20} MiB of them: it is not "
            "folded again for one answer; its timeline takes as_of whatever their number",
            facts_max=FACTS_MAX, bytes_max=BYTES_MAX, run_id=run_id,
        )  # fmt: skip
    facts = await now.rows("past_facts", _asked(places))
    told = (now.workspace, facts)
    changes = _folded(*told) if len(facts) <= FACTS_IN_LOOP else await asyncio.to_thread(_folded, *told)
    run_ids = [place.run_id for place in places]
    rows = rows_of(changes)
    rows["enrollments"] = [
        _jsonable(row) for row in await now.rows("past_enrollments", {"run_ids": run_ids, **parts_of(positions, FACTS)})
    ]
    rows["lanes"] = [*rows["lanes"], *await _telemetry_lanes(now, run_ids, positions, points)]
    views = {row["name"]: row["text"] for row in await now.rows("view_texts")}
    return PastSnapshot(now, as_of, positions, rows, views), run_ids


def _asked(places: Sequence[Place]) -> dict[str, list[Any]]:
    fields = ("run_ids", "partitions", "next_offsets")
    return {name: [place[field] for place in places] for field, name in enumerate(fields)}


def _together(sizes: Sequence[Row]) -> int:
    """How many of the first runs are folded for one answer."""
    facts = size = 0
    for count, row in enumerate(sizes):
        facts, size = facts + row["facts"], size + row["bytes"]
        if facts > FACTS_MAX or size > BYTES_MAX:
            return count
    return len(sizes)


async def existed(now: Snapshot, run_id: str, positions: Positions) -> None:
    """Raises ApiError 404 where there was no such run then."""
    await _place(now, run_id, positions)


async def _place(now: Snapshot, run_id: str, positions: Positions) -> Place:
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
    return Place(run_id, partition, next_offset)


def _folded(workspace: str, facts: Iterable[Row]) -> Changes:
    """All facts of some runs, by partition and offset, as one batch before which nothing was known."""
    records = []
    for row in facts:
        try:
            event: Any = codec.decode(row["message"])
        except DecodeError:  # written with a schema that only the contract knows: it is left out, as the page does
            continue
        partition, offset = row["partition"], row["offset"]
        lane = LaneKey(workspace, partition, "run", row["run_id"], event.writer_id, FACTS)
        time_us = round((row["broker_time"] - EPOCH).total_seconds() * 1_000_000)
        records.append(Record(workspace, FACTS, partition, offset, time_us, None, row["message"], event, lane))
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


async def _telemetry_lanes(now: Snapshot, run_ids: Sequence[str], positions: Positions, points: bool) -> list[Row]:
    """What had been seen of the runs' points and logs: what is seen, less what came later."""
    asked = {"run_ids": list(run_ids), "points": points, **parts_of(positions, "telemetry")}
    found = await now.rows("past_lanes", asked)
    later: dict[tuple[str, str], list[tuple[int, int]]] = {}
    if any(row["stream"] == POINTS for row in found):
        async for columns in series_columns(now, run_ids, since=positions, outsiders=True):
            part = later.setdefault((columns.run_id, columns.writer_id), [])
            part.extend(_runs_of(columns.ordinal.tolist()))
    lanes: list[Row] = []
    for row in found:
        is_points = row["stream"] == POINTS
        came = later.get((row["aggregate_id"], row["writer_id"]), ()) if is_points else ranges(row["later"] or ())
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


def parts_of(positions: Positions, topic_kind: str) -> dict[str, list[int]]:
    """Positions as statements take them."""
    of = [(partition, offset) for (kind, partition), offset in positions.items() if kind == topic_kind]
    return {"partitions": [partition for partition, _ in of], "offsets": [offset for _, offset in of]}


def cut_of(positions: Positions | None) -> dict[str, list[int] | None]:
    """Before which offsets facts are told, as statements take it; of None all."""
    parts = {"partitions": None, "offsets": None} if positions is None else parts_of(positions, FACTS)
    return {f"cut_{name}": of for name, of in parts.items()}


def _by_partition(positions: Positions, topic_kind: str) -> list[int]:
    """Next offsets in the order of partitions, as far as any is told."""
    of = {partition: offset for (kind, partition), offset in positions.items() if kind == topic_kind}
    return [of.get(partition, 0) for partition in range(max(of, default=-1) + 1)]
