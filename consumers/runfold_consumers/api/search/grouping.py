"""Runs in groups of one value: how many, in which statuses, and the mean and the extremes of metrics over each."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from runfold_consumers.api.database import Snapshot
from runfold_consumers.api.search.answers import Group, Spread
from runfold_consumers.api.search.columns import Columns, cell
from runfold_consumers.api.search.conditions import Conditions
from runfold_consumers.api.search.deciding import AGGREGATE_OF, INSIDE, LATEST_TOLD
from runfold_consumers.api.search.finding import Question, asked, narrowed, read_by_index
from runfold_consumers.api.search.ordering import Place, parameter_of
from runfold_consumers.api.search.tree import Ref

TEXT_MAX = 256
"""Characters of a text by which runs are grouped."""
VALUES_MAX = 20
"""Metrics that are told of each group."""
_VAST = 2.0**900
_SPREAD = (
    ("sum", f"sum({{0}}) FILTER (WHERE abs({{0}}) <= {_VAST!r})"),
    ("vast", f"sum({{0}} / {_VAST!r}) FILTER (WHERE abs({{0}}) > {_VAST!r})"),
    ("min", "min({0})"),
    ("max", "max({0})"),
    ("n", "count({0})"),
)
"""What is told of a metric, as SQL over its value. Vast numbers are added up apart, by _VAST smaller (which is exact):
Postgres refuses a sum that no double holds, where their mean is one.
"""


def statement(
    question: Question, by: Ref, metrics: Sequence[Ref], ids: list[str] | None, place: Place | None
) -> tuple[str, dict[str, Any]]:
    """SELECT of a page of groups, a row for each status in each group; `%(limit)s` is the caller's.

    Args:
        question: which runs.
        by: what runs of a group have in common.
        metrics: to be told of each group.
        ids: as `finding.narrowed` found them. Of few runs each one's metrics are looked up, else all there is of them.
        place: after which group; None: from the first.
    """
    conditions = Conditions(question.at, probing=ids is not None)
    value = conditions.value(by)
    if by.type == "text":
        value = f'left({value}, {TEXT_MAX}) COLLATE "C"'
    status, where = conditions.field("status"), question.where(conditions, ids)
    joins = conditions.joins()
    further = f"WHERE value > {parameter_of(conditions, place.values[0])} OR value IS NULL" if place else ""
    if ids is None:
        measured = "".join(
            f"\nLEFT JOIN ({whole(conditions, metric)}) AS m{n} ON m{n}.run_id = runs.run_id"
            for n, metric in enumerate(metrics)
        )
    else:
        measured = "".join(
            f"\nCROSS JOIN LATERAL (SELECT {conditions.value(metric)} AS value) AS m{n}"
            for n, metric in enumerate(metrics)
        )
    spreads = "".join(
        f",\n    {aggregate.format(f'm{n}.value')} AS {name}{n}"
        for n in range(len(metrics))
        for name, aggregate in _SPREAD
    )
    text = f"""WITH matched AS MATERIALIZED (
    SELECT runs.run_id, {value} AS value, {status} AS status
    FROM state.runs
    {joins}
    WHERE {where}
),
placed AS (
    SELECT *, dense_rank() OVER (ORDER BY value NULLS LAST) AS place FROM matched {further}
)
SELECT runs.value, runs.status, count(*) AS runs,
    (SELECT count(*) FROM (SELECT DISTINCT value FROM matched) AS every) AS of{spreads}
FROM (SELECT * FROM placed WHERE place <= %(limit)s) AS runs{measured}
GROUP BY runs.value, runs.status
ORDER BY runs.value NULLS LAST, runs.status"""
    return text, conditions.parameters


def whole(conditions: Conditions, metric: Ref) -> str:
    """SELECT of (run_id, value) of a metric, of all runs that have it: what `Conditions.value` tells of one."""
    if metric.of == "last":
        value = f"(array_agg(nullif(series.last_value, 'NaN') ORDER BY {LATEST_TOLD}))[1]"
    else:
        value = AGGREGATE_OF[metric.of]
    of_series = f"workspace = %(workspace)s AND series_id = {conditions.series(metric)}"
    told = """LEFT JOIN state.writers AS told ON told.workspace = %(workspace)s AND told.aggregate_kind = 'run'
        AND told.aggregate_id = series.run_id AND told.writer_id = series.writer_id"""
    return f"""SELECT series.run_id, {value} AS value
    FROM (
        SELECT * FROM state.series WHERE {of_series} AND settled
        UNION ALL
        SELECT * FROM state.series WHERE {of_series} AND NOT settled
    ) AS series {told if metric.of == "last" else ""}
    WHERE {INSIDE}
    GROUP BY series.run_id"""


async def groups(
    snapshot: Snapshot, question: Question, by: Ref, values: Columns, place: Place | None, limit: int
) -> tuple[list[Group], int, Place | None]:
    """A page of groups, how many there are, and where the page ended.

    Args:
        snapshot: to read in.
        question: which runs.
        by: what runs of a group have in common.
        values: metrics, each as it was written and as it was understood.
        place: where the page before ended.
        limit: groups of a page.
    """
    ids = await narrowed(snapshot, question)
    await read_by_index(snapshot, False)
    text, parameters = statement(question, by, [ref for _, ref in values], ids, place)
    rows = await asked(snapshot, text, {**parameters, "limit": limit + 1})
    by_value: dict[Any, list[dict[str, Any]]] = {}
    for row in rows:
        by_value.setdefault(row["value"], []).append(row)
    found = list(by_value.items())
    shown = [_group(value, of_group, values) for value, of_group in found[:limit]]
    end = Place(question.at, (found[limit - 1][0],), "") if len(found) > limit else None
    return shown, rows[0]["of"] if rows else 0, end


def _group(value: Any, rows: Sequence[dict[str, Any]], values: Columns) -> Group:
    return Group(
        value=cell(value),
        runs=sum(row["runs"] for row in rows),
        statuses={row["status"]: row["runs"] for row in rows},
        values={written: _spread(rows, n) for n, (written, _) in enumerate(values)},
    )


def _spread(rows: Sequence[dict[str, Any]], number: int) -> Spread:
    having = [row for row in rows if row[f"n{number}"]]
    count = sum(row[f"n{number}"] for row in having)
    if not count:
        return Spread(mean=None, min=None, max=None, n=0)
    return Spread(
        mean=cell(_mean(having, number, count)),
        min=cell(min(row[f"min{number}"] for row in having)),
        max=cell(max(row[f"max{number}"] for row in having)),
        n=count,
    )


def _mean(rows: Sequence[dict[str, Any]], number: int, count: int) -> float:
    plain, vast = (sum(row[f"{name}{number}"] or 0.0 for row in rows) for name in ("sum", "vast"))
    return plain / count + vast / count * _VAST
