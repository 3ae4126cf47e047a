"""Where a search starts: sets of runs, taken from an index, outside of which no run matches a filter. Pure.

The planner cannot know how many runs have a metric below a value, since it does not know how the values of one metric
are spread. So it is not asked: `finding` looks whether a set is small. If one is, only its runs are looked at; if none
is, matches are frequent, and runs are read in the order that is wanted until there are enough.
"""

from __future__ import annotations

import math
from datetime import datetime
from typing import Any

from runfold_consumers.api.search.conditions import Conditions
from runfold_consumers.api.search.deciding import COLUMN_OF, INSIDE, deciding
from runfold_consumers.api.search.tree import (
    Among,
    And,
    Comparison,
    Exists,
    Matches,
    Number,
    Operator,
    Or,
    Ref,
    Text,
    Tree,
    Value,
    parts_of,
    refs_of,
)
from runfold_schemas.statuses import NOT_STARTED

_INDEXED = ("experiment", "parent", "run_id")


def starts(conditions: Conditions, tree: Tree | None) -> list[str]:
    """SELECTs of `run_id`, each by itself a superset of the runs that match; the most promising first.

    Args:
        conditions: takes the parameters; `%(most)s`, how many runs are wanted of each, is the caller's.
        tree: the filter.
    """
    return [start for start, _ in _starts(conditions, tree, False)]


def exact(conditions: Conditions, tree: Tree | None) -> tuple[str, Tree | None] | None:
    """A SELECT of `run_id` that gives no run twice, and of all runs those of which a part of the filter is true; with
    the rest of the filter. None where no part has one. Arguments as of `starts`.
    """
    found = _starts(conditions, tree, True)
    if not found:
        return None
    start, done = found[0]
    rest = tuple(part for part in parts_of(tree) if part is not done)
    return start, And(rest) if len(rest) > 1 else rest[0] if rest else None


def _starts(conditions: Conditions, tree: Tree | None, each_once: bool) -> list[tuple[str, Tree]]:
    found = [(start, part) for part in parts_of(tree) if (start := _start(conditions, part, each_once))]
    return sorted(found, key=lambda one: _promise(one[1]))


def of_fields(tree: Tree | None, at: datetime) -> list[tuple[str, dict[str, Any]]]:
    """A SELECT of the runs that match what a filter says of fields alone, with its parameters; or nothing."""
    told = [part for part in parts_of(tree) if all(ref.kind == "field" for ref in refs_of(part))]
    if not told:
        return []
    conditions = Conditions(at)
    where = " AND ".join(f"({conditions.of(part)})" for part in told)
    text = f"SELECT runs.run_id FROM state.runs\n{conditions.joins()}\nWHERE runs.workspace = %(workspace)s AND {where}"
    return [(text, conditions.parameters)]


def _promise(part: Tree) -> int:
    """What is probably small first."""
    if isinstance(part, Comparison | Among) and part.ref.kind == "field":
        return 0
    return 2 if isinstance(part, Exists | Matches | Or) else 1


def _start(conditions: Conditions, part: Tree, each_once: bool) -> str | None:
    match part:
        case Or(parts):
            starts = [_start(conditions, one, False) for one in parts]
            told = [start for start in starts if start]
            return "\nUNION ALL\n".join(told) if len(told) == len(parts) and not each_once else None
        case Comparison(ref, operator, value) if ref.kind == "metric":
            return _by_metric(conditions, ref, operator, value, each_once)
        case Comparison(ref, "=", value):
            return _among(conditions, ref, (value,), each_once)
        case Comparison(ref, operator, value) if ref.kind != "field" and operator != "!=":
            return _by_word(conditions, ref, conditions.ordered(operator, value), each_once)
        case Among(ref, values, False):
            return _among(conditions, ref, values, each_once)
        case Matches(ref, pattern) if ref.kind != "field":
            return _by_word(conditions, ref, conditions.like(pattern), each_once)
        case Exists(ref) if ref.kind in ("tag", "property"):
            return _by_word(conditions, ref, "true", each_once)
        case Exists(ref) if ref.kind == "metric" and not each_once:
            whose = f"series.workspace = %(workspace)s AND series.series_id = {conditions.series(ref)}"
            return f"""SELECT series.run_id FROM state.series WHERE {whose} AND series.settled
                UNION ALL
                SELECT series.run_id FROM state.series WHERE {whose} AND NOT series.settled"""
        case _:
            return None


def _among(conditions: Conditions, ref: Ref, values: tuple[Value, ...], each_once: bool) -> str | None:
    if ref.kind == "metric":
        return None
    if ref.kind != "field":
        return _by_word(conditions, ref, conditions.one_of(values, False), each_once)
    texts = [value.value for value in values if isinstance(value, Text)]
    if ref.name in _INDEXED:
        return (
            f"SELECT runs.run_id FROM state.runs WHERE runs.workspace = %(workspace)s "
            f"AND {conditions.field(ref.name)} = ANY({conditions.texts(texts)})"
        )
    if ref.name != "status" or NOT_STARTED in texts:
        return None
    return "\nUNION ALL\n".join(
        f"""SELECT runs.run_id FROM state.attempts JOIN state.runs USING (workspace, run_id, attempt)
            WHERE attempts.workspace = %(workspace)s AND {part}"""
        for part in conditions.in_statuses(texts)
    )


def _by_word(conditions: Conditions, ref: Ref, condition: str, each_once: bool) -> str:
    text = condition.replace("{}", "words.value")
    return f"SELECT words.run_id FROM {conditions.words(ref, None, visible=each_once)} AND {text}"


def _by_metric(conditions: Conditions, ref: Ref, operator: Operator, value: Value, each_once: bool) -> str | None:
    assert isinstance(value, Number)
    if ref.of == "count" or operator == "!=" or math.isnan(value.value):
        return None
    wanted, once = conditions.number(value.value), f" AND {INSIDE} AND {deciding(ref)}" if each_once else ""
    whose = f"series.workspace = %(workspace)s AND series.series_id = {conditions.series(ref)}"
    # In the order of the index: the planner might take a value for frequent, and look for it elsewhere. Who counts asks
    # more of each run: a start that is cut would leave out some that match.
    sorted_, cut = ("", "") if each_once else (f"ORDER BY series.settled_{ref.of}", "LIMIT %(most)s")
    return f"""(SELECT series.run_id FROM state.series
        WHERE {whose} AND series.settled AND series.settled_{ref.of} {operator} {wanted}{once}
        {sorted_} {cut})
        UNION ALL
        (SELECT series.run_id FROM state.series
        WHERE {whose} AND NOT series.settled AND nullif(series.{COLUMN_OF[ref.of]}, 'NaN') {operator} {wanted}{once}
        {cut})"""
