"""Pages of runs: which, in which order, and how many there are.

A filter is asked first for a small set of runs to start from (starting.py). Where the order begins with a metric's
`last`, `min` or `max`, the runs that have one are read in the order of an index over the settled series, beside the few
series that still move; those that have none come after, as a second part.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any

from runfold_consumers.api.database import Snapshot
from runfold_consumers.api.search.conditions import Conditions
from runfold_consumers.api.search.deciding import COLUMN_OF, INSIDE, deciding
from runfold_consumers.api.search.ordering import Key, Place, Scalar, after, keys_of
from runfold_consumers.api.search.starting import exact, of_fields, starts
from runfold_consumers.api.search.tree import And, Ref, Tree, parts_of, refs_of

START_MAX = 1_000
"""Runs of a set that a search may start from. Where no set is as small, one in a hundred of 100,000 runs matches."""
STARTS_MAX = 3
"""Sets that are looked at."""
COUNT_MAX = 1_000
"""Up to here `of` is exact where there is a filter."""
COUNT_ALL_MAX = 100_000
"""And where there is none: nothing but an index is read then."""
Order = Sequence[tuple[Ref, bool]]
CREATED = Ref("field", "created")


@dataclass(frozen=True)
class Question:
    """Which runs, as asked at a moment."""

    tree: Tree | None
    include_children: bool
    at: datetime

    @property
    def children(self) -> bool:
        """Whether children are among them."""
        named = {ref.name for ref in refs_of(self.tree) if ref.kind == "field"} if self.tree else set()
        return self.include_children or bool(named & {"parent", "run_id"})

    def where(self, conditions: Conditions, ids: list[str] | None = None) -> str:
        """The WHERE over `state.runs`: without children, unless they are asked for or the filter names parents or ids;
        of these ids alone, where some are given.
        """
        parts = ["runs.workspace = %(workspace)s"]
        if not self.children:
            parts.append("runs.parent_run_id IS NULL")
        if ids is not None:
            parts.append(f"runs.run_id = ANY({conditions.texts(ids)})")
        if self.tree:
            parts.append(f"({conditions.of(self.tree)})")
        return "\n  AND ".join(parts)


def matching(question: Question) -> tuple[str, dict[str, Any]]:
    """SQL of the run ids that match, in no order, with its parameters; `workspace` is the caller's."""
    conditions = Conditions(question.at)
    where = question.where(conditions)
    return f"SELECT runs.run_id FROM state.runs\n{conditions.joins()}\nWHERE {where}", conditions.parameters


async def narrowed(snapshot: Snapshot, question: Question, order: Order = ()) -> list[str] | None:
    """Ids outside of which no run matches, START_MAX at most; None where no set is as small."""
    conditions = Conditions(question.at)
    tree = question.tree
    if order and order[0][0] == CREATED:  # whose index is by experiment, too
        others = tuple(part for part in parts_of(tree) if refs_of(part) != {Ref("field", "experiment")})
        tree = And(others) if others else None
    tried = [(text, conditions.parameters) for text in starts(conditions, tree)[:STARTS_MAX]]
    if order and order[0][0].kind == "metric":  # whose order would lead through all runs
        tried += of_fields(question.tree, question.at)
    found: list[str] | None = None
    if tried:
        await read_by_index(snapshot, True)
    for text, parameters in tried:
        select = f"SELECT array(SELECT run_id FROM ({text}) AS begun LIMIT %(most)s) AS ids"
        rows = await asked(snapshot, select, {**parameters, "most": START_MAX + 1})
        if len(rows[0]["ids"]) <= START_MAX:
            found = sorted(set(rows[0]["ids"]))
            break
    return found


async def count(snapshot: Snapshot, question: Question, ids: list[str] | None) -> tuple[int, bool]:
    """How many match, and whether that is exact: beyond COUNT_MAX, without a filter COUNT_ALL_MAX, nobody counts.

    Args:
        snapshot: to read in.
        question: which runs.
        ids: as `narrowed` found them.
    """
    most = COUNT_MAX if question.tree else COUNT_ALL_MAX
    text, parameters, by_index = _counted(question, ids)
    await read_by_index(snapshot, by_index)
    rows = await asked(
        snapshot, f"SELECT count(*) AS n FROM ({text}\nLIMIT %(most)s) AS found", {**parameters, "most": most + 1}
    )
    return min(rows[0]["n"], most), rows[0]["n"] <= most


def _counted(question: Question, ids: list[str] | None) -> tuple[str, dict[str, Any], bool]:
    conditions = Conditions(question.at, probing=True)
    begun = None if ids is not None else exact(conditions, question.tree)
    if begun:
        start, rest = begun
        source = f"({start}) AS begun {_RUN.format(of='begun')}"
        question = replace(question, tree=rest, include_children=question.children)
    elif ids is not None:
        source = "state.runs"
    else:
        return *matching(question), False
    where = question.where(conditions, ids)
    return f"SELECT FROM {source}\n{conditions.joins()}\nWHERE {where}", conditions.parameters, True


async def page(
    snapshot: Snapshot,
    question: Question,
    order: Order,
    ids: list[str] | None,
    place: Place | None,
    limit: int,
    skip: int = 0,
) -> tuple[list[str], Place | None]:
    """The ids of a page, and where it ended; None where nothing comes after.

    Args:
        snapshot: to read in.
        question: which runs.
        order: of the runs, one ref at least.
        ids: as `narrowed` found them.
        place: where the page before ended.
        limit: ids of a page.
        skip: ids to leave out before it.
    """
    rows: list[dict[str, Any]] = []
    await read_by_index(snapshot, _probing(order, ids))
    for text, parameters in statements(question, order, ids, place):
        found_here = await asked(snapshot, text, {**parameters, "limit": limit + 1 - len(rows), "skip": skip})
        rows += found_here
        if len(rows) > limit:
            break
        if skip and not found_here:
            everything = f"SELECT count(*) AS n FROM ({text}) AS every"
            skip -= (await asked(snapshot, everything, {**parameters, "limit": None, "skip": 0}))[0]["n"]
        else:
            skip = 0
    found = [row["run_id"] for row in rows[:limit]]
    if len(rows) <= limit:
        return found, None
    last = rows[limit - 1]
    values: tuple[Scalar, ...] = tuple(last[f"k{n}"] for n in range(len(last) - 1))
    return found, Place(question.at, values, last["run_id"])


def statements(
    question: Question, order: Order, ids: list[str] | None, place: Place | None
) -> list[tuple[str, dict[str, Any]]]:
    """The SELECTs of a page, with their parameters, to be asked one after the other until there are enough rows.
    `%(limit)s` and `%(skip)s` are the caller's: how many rows are still wanted, and how many before them are not.
    """
    first, descending = order[0]
    if first.kind != "metric" or first.of == "count":
        return [_plain(question, order, ids, place)]
    parts = (
        [] if place and place.values[0] is None else [_by_metric(question, first, descending, order[1:], ids, place)]
    )
    return [*parts, _without_metric(question, first, order[1:], ids, place)]


def _plain(question: Question, order: Order, ids: list[str] | None, place: Place | None) -> tuple[str, dict[str, Any]]:
    conditions = Conditions(question.at, _probing(order, ids))
    keys = keys_of(conditions, order)
    where = question.where(conditions, ids)
    if place:
        where += f"\n  AND {after(conditions, keys, place.values, place.run_id)}"
    return _select(conditions, "state.runs", where, keys), conditions.parameters


def _by_metric(
    question: Question, first: Ref, descending: bool, others: Order, ids: list[str] | None, place: Place | None
) -> tuple[str, dict[str, Any]]:
    conditions = Conditions(question.at, probing=True)
    keys = [Key("series.value", "number", descending, False), *keys_of(conditions, others)]
    where = f"{INSIDE} AND {deciding(first)}\n  AND {question.where(conditions, ids)}"
    if place:
        where += f"\n  AND {after(conditions, keys, place.values, place.run_id)}"
    among = "" if ids is None else f" AND series.run_id = ANY({conditions.texts(ids)})"
    whose = f"series.workspace = %(workspace)s AND series.series_id = {conditions.series(first)}{among}"
    way = " DESC" if descending else ""
    settled, moving = f"series.settled_{first.of}", f"nullif(series.{COLUMN_OF[first.of]}, 'NaN')"
    # The settled come sorted, by their index; those that move are sorted before anything else is asked of them.
    source = f"""(
    (SELECT series.*, {settled} AS value FROM state.series WHERE {whose} AND series.settled AND {settled} IS NOT NULL
    ORDER BY value{way})
    UNION ALL
    (SELECT series.*, {moving} AS value FROM state.series WHERE {whose} AND NOT series.settled AND {moving} IS NOT NULL
    ORDER BY value{way})
) AS series {_RUN.format(of="series")}"""
    return _select(conditions, source, where, keys), conditions.parameters


def _without_metric(
    question: Question, first: Ref, others: Order, ids: list[str] | None, place: Place | None
) -> tuple[str, dict[str, Any]]:
    conditions = Conditions(question.at, probing=True)
    nothing = Key("NULL::float8", "number", False, True)
    keys = keys_of(conditions, others)
    having = f"""SELECT FROM {conditions.rows(first)} AND nullif(series.{COLUMN_OF[first.of]}, 'NaN') IS NOT NULL
      AND {deciding(first)} OFFSET 0"""
    where = f"{question.where(conditions, ids)}\n  AND NOT EXISTS ({having})"
    if place and place.values[0] is None:
        where += f"\n  AND {after(conditions, keys, place.values[1:], place.run_id)}"
    return _select(conditions, "state.runs", where, [nothing, *keys]), conditions.parameters


def _probing(order: Order, ids: list[str] | None) -> bool:
    """Whether an index gives the order, or the runs are few: then each is looked at by itself."""
    first = order[0][0]
    return ids is not None or first == CREATED or (first.kind == "metric" and first.of != "count")


async def read_by_index(snapshot: Snapshot, alone: bool) -> None:
    """For the statements that follow. The planner does not know how many runs a condition is true of: where it takes
    matches for frequent, it would rather read the table than an index, and with helpers, whose start takes long.
    """
    if snapshot.by_index != alone:
        await snapshot.connection.execute(_BY_INDEX if alone else _BY_ANY)
        snapshot.by_index = alone


_BY_INDEX, _BY_ANY = (
    f"SET LOCAL enable_seqscan = {other}; SET LOCAL enable_bitmapscan = {other}; "
    f"SET LOCAL max_parallel_workers_per_gather = {workers}".encode()
    for other, workers in (("off", 0), ("on", 2))
)
_RUN = """CROSS JOIN LATERAL (
    SELECT * FROM state.runs WHERE runs.workspace = %(workspace)s AND runs.run_id = {of}.run_id OFFSET 0
) AS runs"""


def _select(conditions: Conditions, source: str, where: str, keys: Sequence[Key]) -> str:
    columns = "".join(f", {key.expression} AS k{n}" for n, key in enumerate(keys))
    return f"""SELECT runs.run_id{columns}
FROM {source}
{conditions.joins()}
WHERE {where}
ORDER BY {_order(keys)}
LIMIT %(limit)s OFFSET %(skip)s"""


def _order(keys: Sequence[Key]) -> str:
    return ", ".join([*(key.sql(f"k{n}") for n, key in enumerate(keys)), "run_id"])


async def asked(snapshot: Snapshot, text: str, parameters: dict[str, Any]) -> list[dict[str, Any]]:
    """The rows of a statement that was built."""
    cursor = await snapshot.connection.execute(text.encode(), {"workspace": snapshot.workspace, **parameters})
    return await cursor.fetchall()


def resumed(question: Question, place: Place | None) -> Question:
    """The question as it was asked on the first page: what is relative to its moment stays so."""
    return replace(question, at=place.at) if place else question
