"""Children of a run as of a moment: which there were, and each as it stood.

Which other runs matched a filter then is kept nowhere: each run of the workspace would have to be folded again. A run
has its parent from its start on, for ever; so those of one parent are found by where they started, and those of a page
are folded again.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import datetime, timezone
from functools import partial

from runfold_consumers.api.as_of import Positions, is_watermark, positions_of, time_of
from runfold_consumers.api.database import Snapshot
from runfold_consumers.api.errors import ApiError, invalid
from runfold_consumers.api.past import PastSnapshot, Place, parts_of, past_of
from runfold_consumers.api.points import SeriesColumns, series_columns
from runfold_consumers.api.search.answers import Cell, FoundRun
from runfold_consumers.api.search.columns import Columns, Told, cell, shown
from runfold_consumers.api.search.finding import COUNT_MAX, CREATED, Order
from runfold_consumers.api.search.ordering import Place as Ended
from runfold_consumers.api.search.tree import Comparison, Ref, Text, Tree
from runfold_consumers.api.series.gathering import PORTION_POINTS_MAX, lanes_of
from runfold_consumers.api.series.summarising import MetricSummary, of_points
from runfold_consumers.fold.lanes import FACTS

COUNTED_MAX = 1 << 31
_PARENT, _ARCHIVED, _COMPLETE = (Ref("field", name) for name in ("parent", "archived", "complete"))


def parent_in(tree: Tree | None, order: Order, columns: Columns) -> str:
    """The parent whose children are asked for.

    Raises:
        ApiError: 400, more than that is asked for, and told of no moment but now.
    """
    match tree:
        case Comparison(ref, "=", Text(parent)) if ref == _PARENT:
            pass
        case _:
            raise invalid(
                'as_of goes with q = `parent = "<run id>"` alone: which other runs matched at that moment is not kept'
            )
    if [ref for ref, _ in order] != [CREATED]:
        raise invalid("as_of goes with sort = created or -created alone")
    if any(ref == _ARCHIVED for _, ref in columns):
        raise invalid("archived is told of experiments as they are now; leave it out of columns, or leave out as_of")
    return parent


async def page(
    now: Snapshot,
    as_of: str,
    parent: str,
    columns: Columns,
    descending: bool,
    place: Ended | None,
    limit: int,
    skip: int,
) -> tuple[list[FoundRun], Ended | None, str]:
    """Children as they stood, by creation; where the page ended, None where nothing comes after; and the watermark.

    Args:
        now: must cover the moment.
        as_of: the moment.
        parent: id of the run whose children they were.
        columns: what is told of each beside.
        descending: the latest first.
        place: where the page before ended.
        limit: runs of a page; it holds fewer where they have many facts.
        skip: runs to leave out before it.

    Raises:
        ApiError: 400, `as_of` is no moment, or the metrics have too many points; 413, one child has too many facts.
    """
    positions = await positions_of(now, as_of)
    after = {"after_time": place.values[0] if place else None, "after_id": place.run_id if place else None}
    asked = {"parent": parent, "descending": descending, **after, "limit": limit + 1, "skip": skip}
    rows = await now.rows("past_children", {**asked, **parts_of(positions, FACTS)})
    places = [Place(row["run_id"], row["partition"], row["next_offset"]) for row in rows[:limit]]
    complete = any(ref == _COMPLETE for _, ref in columns)
    then, run_ids = await past_of(now, as_of, positions, places, points=complete)
    at = None if is_watermark(as_of) else min(time_of(as_of), datetime.now(timezone.utc))
    found = await shown(then, run_ids, columns, at, partial(_metrics, now))
    counts = await _counted(now, run_ids, positions, COUNTED_MAX, themselves=False)
    last = rows[len(run_ids) - 1] if run_ids else None
    end = None
    if last and len(run_ids) < len(rows):
        end = Ended(datetime.now(timezone.utc), (last["created_at"],), last["run_id"])
    return [run.model_copy(update={"children": counts[run.run_id]}) for run in found], end, await then.watermark()


async def count(now: Snapshot, as_of: str, parent: str) -> tuple[int, bool]:
    """How many children there were, and whether that is exact: beyond COUNT_MAX nobody counts."""
    counts = await _counted(now, [parent], await positions_of(now, as_of), COUNT_MAX + 1, themselves=True)
    return min(counts[parent], COUNT_MAX), counts[parent] <= COUNT_MAX


async def _counted(
    now: Snapshot, run_ids: Sequence[str], positions: Positions, most: int, *, themselves: bool
) -> dict[str, int]:
    asked = {"run_ids": run_ids, "most": most, "themselves": themselves, **parts_of(positions, FACTS)}
    return {row["run_id"]: row["n"] for row in await now.rows("past_children_counted", asked)}


async def _metrics(now: Snapshot, then: Snapshot, run_ids: Sequence[str], refs: Iterable[Ref]) -> Told:
    """Worked out from the points that had come by then, of all writers but those who were outsiders then."""
    assert isinstance(then, PastSnapshot)
    wanted: dict[tuple[str, str | None], list[Ref]] = {}
    for ref in refs:
        if ref.kind == "metric":
            wanted.setdefault((ref.name, ref.column), []).append(ref)
    if not wanted:
        return {}
    sizes = await now.rows("series_sizes", {"run_ids": run_ids, "names": [name for name, _ in wanted]})
    points = sum(row["points"] for row in sizes if (row["name"], row["column_name"]) in wanted)
    if points > PORTION_POINTS_MAX:
        raise ApiError(
            400, "invalid",
            f"the metrics in columns have {points:,} points in these runs, and at most {PORTION_POINTS_MAX:,} are read "
            "again for an answer; ask for fewer metrics, or a smaller limit",
        )  # fmt: skip
    of_run: dict[str, list[SeriesColumns]] = {}
    read = series_columns(now, run_ids, wanted, until=then.positions, outsiders=True)
    async for each in read:
        if (each.run_id, each.writer_id) not in then.outsiders:
            of_run.setdefault(each.run_id, []).append(each)
    lanes = await lanes_of(then, run_ids)
    return {
        (run_id, ref): _cell(summary, ref)
        for run_id, read_of_run in of_run.items()
        for summary in of_points(read_of_run, lanes[run_id])
        for ref in wanted[summary.name, summary.column]
    }


def _cell(summary: MetricSummary, ref: Ref) -> Cell:
    if ref.of == "count":
        return summary.points
    value = getattr(summary, ref.of)
    return cell(float(value) if isinstance(value, bool | int) else value)
