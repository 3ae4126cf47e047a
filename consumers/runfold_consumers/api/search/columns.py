"""What the columns of a listing hold: values of refs for a page of runs, a statement a kind, however many there are."""

from __future__ import annotations

import math
from collections.abc import Awaitable, Callable, Iterable, Sequence
from datetime import datetime
from typing import Any

from runfold_consumers.api.answers import moment_text, odd_text
from runfold_consumers.api.database import Row, Snapshot
from runfold_consumers.api.lanes import state_of
from runfold_consumers.api.search.answers import Cell, FoundRun
from runfold_consumers.api.search.tree import Ref
from runfold_consumers.fold.completeness import LaneState, completeness
from runfold_consumers.fold.series import series_id

TEXT_MAX = 1024
"""Characters of a text that a listing shows."""
Columns = Sequence[tuple[str, Ref]]
Told = dict[tuple[str, Ref], Cell]
Metrics = Callable[[Snapshot, Sequence[str], Iterable[Ref]], Awaitable[Told]]
"""Values of the refs of metrics among these, for runs of a page."""
_FIELD_OF = {"parent": "parent_run_id", "created": "created_at", "started": "started_at", "ended": "ended_at"}


async def metrics_now(snapshot: Snapshot, run_ids: Sequence[str], refs: Iterable[Ref]) -> Told:
    """As the summary table tells them."""
    wanted: dict[str, list[Ref]] = {}
    for ref in refs:
        if ref.kind == "metric":
            wanted.setdefault(series_id(ref.name, ref.column), []).append(ref)
    if not wanted:
        return {}
    told: Told = {}
    for row in await snapshot.rows("search_metrics", {"run_ids": run_ids, "series": list(wanted)}, prepare=True):
        for ref in wanted[row["series_id"]]:
            value = row["last_value" if ref.of == "last" else ref.of]
            told[row["run_id"], ref] = row["last_text"] if ref.of == "last" and value is None else cell(value)
    return told


async def shown(
    snapshot: Snapshot,
    run_ids: Sequence[str],
    columns: Columns,
    at: datetime | None,
    metrics: Metrics = metrics_now,
) -> list[FoundRun]:
    """These runs with these columns, in the order of the ids.

    Args:
        snapshot: to read in.
        run_ids: of a page.
        columns: each as it was written and as it was understood.
        at: the moment that the duration of those which still run is told for; None: it is not told.
        metrics: tells the values of metrics.
    """
    if not run_ids:
        return []
    rows = await snapshot.rows("search_page", {"run_ids": run_ids}, prepare=True)
    refs = {ref for _, ref in columns}
    told = await _words(snapshot, run_ids, refs) | await metrics(snapshot, run_ids, refs)
    if Ref("field", "complete") in refs:
        told |= await _complete(snapshot, run_ids)
    found = []
    for row in rows:
        values = {
            written: told.get((row["run_id"], ref))
            if ref.kind != "field" or ref.name == "complete"
            else _field(row, ref, at)
            for written, ref in columns
        }
        found.append(FoundRun(**{name: row[name] for name in FoundRun.model_fields if name != "values"}, values=values))
    return found


def _field(row: Row, ref: Ref, at: datetime | None) -> Cell:
    if ref.name == "duration_s":
        if row["started_at"] is None:
            return None
        end = row["ended_at"] or (None if row["terminal"] else at)
        return None if end is None else (end - row["started_at"]).total_seconds()
    return cell(row[_FIELD_OF.get(ref.name, ref.name)])


async def _words(snapshot: Snapshot, run_ids: Sequence[str], refs: Iterable[Ref]) -> Told:
    keys: dict[str, list[str]] = {"tag": [], "property": []}
    for ref in refs:
        if ref.kind in keys:
            keys[ref.kind].append(ref.name)
    if not any(keys.values()):
        return {}
    asked = {"run_ids": run_ids, "tags": keys["tag"], "properties": keys["property"], "characters": TEXT_MAX}
    told: Told = {}
    for row in await snapshot.rows("search_words", asked, prepare=True):
        long = row["value"] is not None and row["length"] > TEXT_MAX
        told[row["run_id"], Ref(row["kind"], row["key"])] = f"{row['value']}…" if long else row["value"]
    return told


async def _complete(snapshot: Snapshot, run_ids: Sequence[str]) -> Told:
    lanes: dict[str, list[LaneState]] = {run_id: [] for run_id in run_ids}
    for lane in await snapshot.rows("lanes", {"run_ids": run_ids}):
        lanes[lane["run_id"]].append(state_of(lane))
    ref = Ref("field", "complete")
    return {(run_id, ref): completeness(of_run).complete for run_id, of_run in lanes.items()}


def cell(value: Any) -> Cell:
    """A value as answers carry it."""
    if isinstance(value, datetime):
        return moment_text(value)
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, float) and not math.isfinite(value):
        return odd_text(value)
    return value  # type: ignore[no-any-return]
