"""What a filter says, as a tree of frozen values; and the text of such a tree. Pure.

`text_of` is the inverse of `language.filter_of`: what is printed reads as the same tree.

Meaning, in two-valued logic: a comparison is true or false, never unknown. It is false, whatever its operator, about
what a run does not have: `tag.x != "a"` asks for another value, `not tag.x = "a"` for anything else, nothing too.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final, Literal

from runfold_consumers.api.answers import moment_text

Kind = Literal["field", "tag", "property", "metric"]
Of = Literal["last", "min", "max", "count"]
Operator = Literal["=", "!=", "<", "<=", ">", ">="]
Type = Literal["text", "number", "time", "truth"]

FIELDS: Final[dict[str, Type]] = {
    "status": "text",
    "experiment": "text",
    "run_id": "text",
    "name": "text",
    "number": "number",
    "attempt": "number",
    "type": "text",
    "target": "text",
    "parent": "text",
    "created": "time",
    "started": "time",
    "ended": "time",
    "duration_s": "number",
    "submitted_by": "text",
    "complete": "text",
    "archived": "truth",
}
"""Every field of a run and the type of its values; what they mean stands in docs/how-to/search.md."""

OFS: Final[tuple[Of, ...]] = ("last", "min", "max", "count")
PLAIN = re.compile(r"[A-Za-z0-9_/-]+", re.ASCII)
"""Keys that need no quotes."""


@dataclass(frozen=True)
class Ref:
    """Names something of a run.

    name: of a field one of FIELDS, else the key or the metric's name. column: of a metric that was logged as rows or a
    table; None for others. of: of a metric, which of its numbers.
    """

    kind: Kind
    name: str
    column: str | None = None
    of: Of = "last"

    @property
    def type(self) -> Type:
        """What its values are. Tags and properties are text; numbers in them are compared as such."""
        if self.kind == "field":
            return FIELDS[self.name]
        return "number" if self.kind == "metric" else "text"

    def __str__(self) -> str:
        if self.kind == "field":
            return self.name
        if self.kind != "metric":
            return f"{self.kind}.{_key(self.name)}"
        column = "" if self.column is None else f".{quoted(self.column)}"
        return f"metric.{_key(self.name)}{column}.{self.of}"


@dataclass(frozen=True)
class Text:
    """A text, quoted or a bare word."""

    value: str


@dataclass(frozen=True)
class Number:
    """A number, as it was written."""

    written: str

    @property
    def value(self) -> float:
        """Its value; NaN and infinities too."""
        return float(self.written)

    @property
    def spellings(self) -> list[str]:
        """The texts that say it in a tag or property: as written here, and as Python writes it."""
        value = self.value
        whole = [str(int(value))] if value.is_integer() and abs(value) < 1e16 else []
        return sorted({self.written, repr(value), *whole})


@dataclass(frozen=True)
class Moment:
    """A moment, with its zone; a date is its midnight, UTC where no zone is said."""

    value: datetime


@dataclass(frozen=True)
class Ago:
    """A moment relative to that of the question, such as -7d."""

    written: str
    value: timedelta


@dataclass(frozen=True)
class Truth:
    """true or false."""

    value: bool


Value = Text | Number | Moment | Ago | Truth


@dataclass(frozen=True)
class Comparison:
    """`ref operator value`."""

    ref: Ref
    operator: Operator
    value: Value


@dataclass(frozen=True)
class Among:
    """`ref in (values)`, or `ref not in (values)`: another value than all of these."""

    ref: Ref
    values: tuple[Value, ...]
    negated: bool = False


@dataclass(frozen=True)
class Matches:
    """`ref ~ pattern`: the whole text; `*` for any characters, `?` for one; upper and lower case are the same."""

    ref: Ref
    pattern: str


@dataclass(frozen=True)
class Exists:
    """`ref exists`: the run has it; a tag without a value too."""

    ref: Ref


@dataclass(frozen=True)
class Not:
    """Everything else."""

    part: Tree


@dataclass(frozen=True)
class And:
    """All parts; two or more, none of them an And."""

    parts: tuple[Tree, ...]


@dataclass(frozen=True)
class Or:
    """One part at least; two or more, none of them an Or."""

    parts: tuple[Tree, ...]


Leaf = Comparison | Among | Matches | Exists
Tree = Comparison | Among | Matches | Exists | Not | And | Or


def text_of(tree: Tree) -> str:
    """The filter's text."""
    match tree:
        case Comparison(ref, operator, value):
            return f"{ref} {operator} {_value(value)}"
        case Among(ref, values, negated):
            return f"{ref} {'not in' if negated else 'in'} ({', '.join(_value(value) for value in values)})"
        case Matches(ref, pattern):
            return f"{ref} ~ {quoted(pattern)}"
        case Exists(ref):
            return f"{ref} exists"
        case Not(part):
            return f"not ({text_of(part)})" if isinstance(part, And | Or) else f"not {text_of(part)}"
        case And(parts):
            return " and ".join(f"({text_of(part)})" if isinstance(part, Or) else text_of(part) for part in parts)
        case Or(parts):
            return " or ".join(text_of(part) for part in parts)


def parts_of(tree: Tree | None) -> tuple[Tree, ...]:
    """All of which must be true: the parts of an And, anything else by itself; none without a filter."""
    return tree.parts if isinstance(tree, And) else (tree,) if tree else ()


def refs_of(tree: Tree) -> frozenset[Ref]:
    """All that a filter asks about."""
    match tree:
        case Not(part):
            return refs_of(part)
        case And(parts) | Or(parts):
            return frozenset().union(*map(refs_of, parts))
        case _:
            return frozenset((tree.ref,))


def quoted(text: str) -> str:
    """In double quotes."""
    return '"' + text.replace("\\", "\\\\").replace('"', '\\"') + '"'


def _key(text: str) -> str:
    return text if PLAIN.fullmatch(text) else quoted(text)


def _value(value: Value) -> str:
    match value:
        case Text(text):
            return quoted(text)
        case Truth(truth):
            return "true" if truth else "false"
        case Moment(moment):
            return moment_text(moment)
        case _:
            return value.written
