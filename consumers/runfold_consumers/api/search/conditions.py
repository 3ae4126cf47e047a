"""Tree -> SQL: what must be true of one row of `state.runs`. A pure builder: every value becomes a parameter.

    conditions = Conditions(at)
    text = conditions.of(tree)          an expression over `runs` and what `conditions.joins()` brings
    conditions.parameters               its parameters; `workspace` is one of them that the caller gives

What stands beside the run (tags, properties, metrics) is asked for by `EXISTS`, and counts where it is what is visible.
An expression may be NULL where it is not true; `not` takes that for false (tree.py says why).
"""

from __future__ import annotations

import math
from datetime import datetime
from typing import Any, Final

from runfold_consumers.api.search.deciding import AGGREGATE_OF, COLUMN_OF, INSIDE, LATEST, deciding
from runfold_consumers.api.search.tree import (
    Ago,
    Among,
    And,
    Comparison,
    Exists,
    Matches,
    Moment,
    Not,
    Number,
    Operator,
    Or,
    Ref,
    Text,
    Tree,
    Truth,
    Value,
)
from runfold_consumers.fold.series import series_id
from runfold_schemas.statuses import NOT_STARTED, TERMINAL

PREFIX: Final = 64
"""Characters of a tag's or property's value that its index holds."""
NUMBER_PATTERN: Final = r"^[+-]?(\d{1,100}\.?\d{0,100}|\.\d{1,100})([eE][+-]?\d{1,2})?$"
"""Texts that are numbers where tags and properties are compared with one, or sorted."""

_FIELDS: Final = {
    "status": "coalesce(attempts.terminal_status, attempts.status, 'NotStarted')",
    "experiment": "runs.experiment",
    "run_id": "runs.run_id",
    "name": "coalesce(labels.value, runs.display_name)",
    "number": "enrollments.number",
    "attempt": "runs.attempt",
    "type": "runs.run_type",
    "target": "runs.target",
    "parent": "runs.parent_run_id",
    "created": "runs.created_at",
    "started": "attempts.started_at",
    "ended": "attempts.ended_at",
    "duration_s": "extract(epoch FROM coalesce(attempts.ended_at, CASE WHEN attempts.terminal_status IS NULL THEN "
    "%(at)s::timestamptz END) - attempts.started_at)::float8",
    "submitted_by": "runs.submitted_by",
    "complete": "coalesce(verdicts.verdict, 'open')",
    "archived": "(shelved.experiment IS NOT NULL)",
}
_JOIN_OF: Final = {
    "status": "attempts",
    "name": "labels",
    "number": "enrollments",
    "started": "attempts",
    "ended": "attempts",
    "duration_s": "attempts",
    "complete": "verdicts",
    "archived": "shelved",
}
_JOINS: Final = {
    "attempts": "LEFT JOIN state.attempts ON attempts.workspace = %(workspace)s AND attempts.run_id = runs.run_id "
    "AND attempts.attempt = runs.attempt",
    "enrollments": "LEFT JOIN state.enrollments ON enrollments.workspace = %(workspace)s "
    "AND enrollments.experiment = runs.experiment AND enrollments.run_id = runs.run_id",
    # Those who were given another name are few: all of them, beside the runs.
    "labels": """LEFT JOIN (
        SELECT run_id, value FROM state.run_descriptions WHERE workspace = %(workspace)s AND field = 'display_name'
    ) AS labels ON labels.run_id = runs.run_id""",
    "shelved": """LEFT JOIN (
        SELECT experiment FROM state.experiment_last_words
        WHERE workspace = %(workspace)s AND field = 'archived' AND value = 'true'
    ) AS shelved ON shelved.experiment = runs.experiment""",
    # As fold/completeness.py judges.
    "verdicts": """LEFT JOIN (
        SELECT run_id, CASE
            WHEN bool_or(closed IS NULL OR reach > closed
                         OR NOT (seen + declared) @> int8multirange(int8range(1, greatest(reach, closed) + 1)))
                THEN 'open'
            WHEN bool_or(NOT isempty(declared - seen)) THEN 'complete_with_declared_loss'
            ELSE 'complete'
        END AS verdict
        FROM (
            SELECT run_id, seen, declared, closed, greatest(coalesce(upper(seen) - 1, 0), marked) AS reach
            FROM state.run_lanes AS told
            WHERE workspace = %(workspace)s AND NOT EXISTS (
                SELECT FROM state.writers
                WHERE writers.workspace = %(workspace)s AND writers.aggregate_kind = 'run'
                  AND writers.aggregate_id = told.run_id AND writers.writer_id = told.writer_id AND writers.outsider
            )
        ) AS lanes
        GROUP BY run_id
    ) AS verdicts ON verdicts.run_id = runs.run_id""",
}


class Conditions:
    """Builds expressions; `parameters` and `joins()` grow with them.

    Args:
        at: the moment that `created > -7d` and the duration of who still runs are relative to.
        probing: each run is looked at by itself, in the order in which runs are read; otherwise the planner may turn
            conditions into joins. For who wants few of many rows, or has few rows.
    """

    def __init__(self, at: datetime, probing: bool = False) -> None:
        self.at = at
        self._end = " OFFSET 0)" if probing else ")"
        self.parameters: dict[str, Any] = {"at": at}
        self._joined: set[str] = set()
        self._beside: dict[Ref, str] = {}
        self._names: dict[tuple[str, Any], str] = {}

    def joins(self) -> str:
        """What stands after `FROM state.runs`."""
        return "\n".join([*(text for name, text in _JOINS.items() if name in self._joined), *self._beside.values()])

    def of(self, tree: Tree) -> str:
        """The expression that is true of a run that matches."""
        match tree:
            case Not(part):
                inner = self.of(part)
                alone = not isinstance(part, And | Or | Not) and inner.startswith("EXISTS (")  # which is never NULL
                return f"NOT {inner}" if alone else f"({inner}) IS NOT TRUE"
            case And(parts):
                return " AND ".join(f"({self.of(p)})" if isinstance(p, Or) else self.of(p) for p in parts)
            case Or(parts):
                return "(" + " OR ".join(self.of(part) for part in parts) + ")"
            case Comparison(ref, operator, value):
                return self._comparison(ref, operator, value)
            case Among(ref, values, negated):
                return self._among(ref, values, negated)
            case Matches(ref, pattern):
                return self._where(ref, self.like(pattern))
            case Exists(ref):
                return self._exists(ref)

    # ------------------------------------------------------------------------------------------------------ values

    def text(self, value: str) -> str:
        """A parameter."""
        return self._parameter(value, "text")

    def number(self, value: float) -> str:
        """A parameter."""
        return self._parameter(value, "float8")

    def moment(self, value: datetime) -> str:
        """A parameter."""
        return self._parameter(value, "timestamptz")

    def texts(self, values: list[str]) -> str:
        """A parameter."""
        return self._parameter(tuple(values), "text[]")

    def series(self, ref: Ref) -> str:
        """A parameter: which series a metric is."""
        return self._parameter(series_id(ref.name, ref.column), "uuid")

    def _parameter(self, value: Any, kind: str) -> str:
        known = (kind, repr(value))
        name = self._names.setdefault(known, f"v{len(self._names)}")
        self.parameters[name] = list(value) if isinstance(value, tuple) else value
        return f"%({name})s::{kind}"

    def _literal(self, value: Value) -> str:
        match value:
            case Number():
                return self.number(value.value)
            case Moment(moment):
                return self.moment(moment)
            case Ago(_, ago):
                try:
                    return self.moment(self.at - ago)
                except OverflowError:
                    return "'-infinity'::timestamptz"
            case Truth(truth):
                return "true" if truth else "false"
            case Text(text):
                return self.text(text)

    # --------------------------------------------------------------------------------------------------- one ref

    def field(self, name: str) -> str:
        """The expression of a field."""
        join = _JOIN_OF.get(name)
        if join:
            self._joined.add(join)
        return _FIELDS[name]

    def value(self, ref: Ref) -> str:
        """The run's value of any ref, as one expression, for orders and groups: NULL where it has none, or NaN."""
        if ref.kind == "field":
            return self.field(ref.name)
        if ref.kind != "metric":
            known = list(self._beside)
            name = f"beside{known.index(ref) if ref in known else len(known)}"
            self._beside[ref] = f"LEFT JOIN LATERAL (SELECT words.value FROM {self.words(ref)}) AS {name} ON true"
            return f"{name}.value"
        if ref.of == "last":
            return f"""(
                SELECT nullif(series.last_value, 'NaN') FROM {self.rows(ref)}
                ORDER BY {LATEST} LIMIT 1
            )"""
        return f"(SELECT {AGGREGATE_OF[ref.of]} FROM {self.rows(ref)})"

    def _comparison(self, ref: Ref, operator: Operator, value: Value) -> str:
        if ref.kind == "metric":
            assert isinstance(value, Number)
            return self._metric(ref, operator, value.value)
        if ref.kind == "field":
            return self._field_comparison(ref, operator, value)
        if operator in ("=", "!="):
            return self._among(ref, (value,), operator == "!=")
        return self._where(ref, self.ordered(operator, value))

    def _field_comparison(self, ref: Ref, operator: Operator, value: Value) -> str:
        if ref.name == "status" and operator == "=" and isinstance(value, Text):
            return self._status([value.value])
        expression = self.field(ref.name)
        if isinstance(value, Number) and math.isnan(value.value):
            return f"{expression} IS NOT NULL" if operator == "!=" else "false"
        if operator not in ("=", "!=") and isinstance(value, Text):
            expression = f'{expression} COLLATE "C"'
        return f"{expression} {'<>' if operator == '!=' else operator} {self._literal(value)}"

    def _among(self, ref: Ref, values: tuple[Value, ...], negated: bool) -> str:
        if ref.kind in ("tag", "property"):
            return self._where(ref, self.one_of(values, negated))
        if ref == Ref("field", "status") and not negated:
            return self._status([value.value for value in values if isinstance(value, Text)])
        parts = (self._comparison(ref, "!=" if negated else "=", value) for value in values)
        return "(" + (" AND " if negated else " OR ").join(parts) + ")"

    # ------------------------------------------------------------------------------------------- of a word's text

    def one_of(self, values: tuple[Value, ...], negated: bool) -> str:
        """That a word is one of these; {} stands for the word."""
        texts = sorted({text for value in values for text in _texts(value)})
        wanted = self.texts(texts)
        if negated:
            return f"{{}} <> ALL({wanted})"
        heads = self.texts(sorted({text[:PREFIX] for text in texts}))
        return f'(left({{}}, {PREFIX}) COLLATE "C") = ANY({heads}) AND {{}} = ANY({wanted})'

    def ordered(self, operator: Operator, value: Value) -> str:
        """That a word is less or greater; {} stands for the word."""
        if isinstance(value, Number):
            return f"{number_of('{}')} {operator} {self.number(value.value)}"
        assert isinstance(value, Text)
        return f'{{}} COLLATE "C" {operator} {self.text(value.value)}'

    def like(self, pattern: str) -> str:
        """That a word is of this pattern; {} stands for the word."""
        return f'{{}} COLLATE "default" ILIKE {self.text(ilike(pattern))}'

    # ------------------------------------------------------------------------------------------------------------

    def _status(self, statuses: list[str]) -> str:
        self.field("status")
        parts = self.in_statuses(statuses)
        return parts[0] if len(parts) == 1 else "(" + " OR ".join(parts) + ")"

    def in_statuses(self, statuses: list[str]) -> list[str]:
        """What one of must be true of `attempts` in these statuses; so written that those which have ended are found by
        index, and those which have not likewise.
        """
        ended, open_ = [s for s in statuses if s in TERMINAL], [s for s in statuses if s not in TERMINAL]
        parts = []
        if ended:
            parts.append(f"attempts.terminal_status = ANY({self.texts(ended)})")
        if NOT_STARTED in open_:
            parts.append(f"{_FIELDS['status']} = ANY({self.texts(open_)})")
        elif open_:
            parts.append(f"(attempts.terminal_status IS NULL AND attempts.status = ANY({self.texts(open_)}))")
        return parts

    def _exists(self, ref: Ref) -> str:
        if ref.kind == "field":
            return f"{self.field(ref.name)} IS NOT NULL"
        if ref.kind != "metric":
            return f"EXISTS (SELECT FROM {self.words(ref)}{self._end}"
        condition = f" AND series.{ref.of} IS NOT NULL" if ref.of in ("min", "max") else ""
        return f"EXISTS (SELECT FROM {self.rows(ref)}{condition}{self._end}"

    def _where(self, ref: Ref, condition: str) -> str:
        """That the run has a value of which the condition is true."""
        if ref.kind == "field":
            return _of(condition, self.field(ref.name))
        return f"EXISTS (SELECT FROM {self.words(ref)} AND {_of(condition, 'words.value')}{self._end}"

    def words(self, ref: Ref, run_id: str | None = "runs.run_id", visible: bool = True) -> str:
        """FROM and WHERE of the word on a tag or property, of a run or (None) of any; `words.value` is its value."""
        where = f"words.workspace = %(workspace)s AND words.key = {self.text(ref.name)}"
        if run_id:
            where += f" AND words.run_id = {run_id}"
        if ref.kind == "property":
            return f"state.properties AS words WHERE {where}"
        if not visible:
            return f"state.tags AS words WHERE {where}"
        return f"""state.tags AS words WHERE {where} AND NOT words.removed AND NOT EXISTS (
                SELECT FROM state.tags AS later
                WHERE later.workspace = %(workspace)s AND later.run_id = words.run_id AND later.key = words.key
                  AND later."offset" > words."offset"
            )"""

    # --------------------------------------------------------------------------------------------------- metrics

    def rows(self, ref: Ref) -> str:
        """FROM and WHERE of the run's rows of a metric that count: those of outsiders do not."""
        return f"""state.series WHERE series.workspace = %(workspace)s AND series.run_id = runs.run_id
            AND series.series_id = {self.series(ref)} AND {INSIDE}"""

    def _metric(self, ref: Ref, operator: Operator, value: float) -> str:
        if ref.of == "count":
            if math.isnan(value):
                return self._exists(ref) if operator == "!=" else "false"
            sign = "<>" if operator == "!=" else operator
            return f"(SELECT sum(series.points) FROM {self.rows(ref)}) {sign} {self.number(value)}"
        column = COLUMN_OF[ref.of]
        wanted = self.number(value)
        if operator == "!=":
            condition = f"series.{column} <> {wanted}"
        elif math.isnan(value):  # nothing is less or greater
            condition = f"series.{column} = {wanted}" if operator == "=" else "false"
        else:
            condition = f"nullif(series.{column}, 'NaN') {operator} {wanted}"
        decides = "" if (ref.of, operator) in _ANY_ROW else f" AND {deciding(ref)}"
        return f"EXISTS (SELECT FROM {self.rows(ref)} AND {condition}{decides}{self._end}"


_ANY_ROW = {("min", "<"), ("min", "<="), ("max", ">"), ("max", ">=")}
"""What is true of the run as soon as it is true of one of its writers."""


def number_of(text: str) -> str:
    """The number that a text expression is, NULL where it is none."""
    return f"CASE WHEN {text} ~ '{NUMBER_PATTERN}' THEN {text}::float8 END"


def ilike(pattern: str) -> str:
    """The pattern of ILIKE that says what `~` does: `*` any characters, `?` one, a backslash takes a sign's meaning."""
    found: list[str] = []
    characters = iter(pattern)
    for character in characters:
        if character == "\\":
            character = next(characters, "\\")
        elif character in "*?":
            found.append("%" if character == "*" else "_")
            continue
        found.append("\\" + character if character in "\\%_" else character)
    return "".join(found)


def _of(condition: str, text: str) -> str:
    """A condition on a word, of this expression: not by `format`, a pattern of numbers holds braces too."""
    return condition.replace("{}", text)


def _texts(value: Value) -> list[str]:
    if isinstance(value, Number):
        return value.spellings
    assert isinstance(value, Text)
    return [value.value]
