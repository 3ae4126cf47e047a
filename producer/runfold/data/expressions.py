"""dataset["column"] > 5, as something that a definition can hold. Pure; pandas does the work in `evaluated`.

["column", name]   ["value", v]   ["time", iso]   [operator, left, right]   ["not", x]   ["isnull" | "len", x]
["contains" | "startswith" | "endswith", x, text]
"""

from __future__ import annotations

import datetime
import operator
from collections.abc import Callable
from typing import Any

from runfold.exceptions import UserErrorException

_BINARY: dict[str, Callable[[Any, Any], Any]] = {
    "==": operator.eq,
    "!=": operator.ne,
    "<": operator.lt,
    "<=": operator.le,
    ">": operator.gt,
    ">=": operator.ge,
    "and": operator.and_,
    "or": operator.or_,
    "+": operator.add,
    "-": operator.sub,
    "*": operator.mul,
    "/": operator.truediv,
    "%": operator.mod,
}


class Expression:
    """A column, or what is made of columns and values. `&`, `|` and `~` combine conditions."""

    def __init__(self, tree: list[Any]) -> None:
        self.tree = tree

    def __eq__(self, other: object) -> Expression:  # type: ignore[override]
        return self._with("==", other)

    def __ne__(self, other: object) -> Expression:  # type: ignore[override]
        return self._with("!=", other)

    def __lt__(self, other: object) -> Expression:
        return self._with("<", other)

    def __le__(self, other: object) -> Expression:
        return self._with("<=", other)

    def __gt__(self, other: object) -> Expression:
        return self._with(">", other)

    def __ge__(self, other: object) -> Expression:
        return self._with(">=", other)

    def __and__(self, other: object) -> Expression:
        return self._with("and", other)

    def __or__(self, other: object) -> Expression:
        return self._with("or", other)

    def __add__(self, other: object) -> Expression:
        return self._with("+", other)

    def __sub__(self, other: object) -> Expression:
        return self._with("-", other)

    def __mul__(self, other: object) -> Expression:
        return self._with("*", other)

    def __truediv__(self, other: object) -> Expression:
        return self._with("/", other)

    def __mod__(self, other: object) -> Expression:
        return self._with("%", other)

    def __invert__(self) -> Expression:
        return Expression(["not", self.tree])

    def is_null(self) -> Expression:
        """Whether there is no value."""
        return Expression(["isnull", self.tree])

    def contains(self, text: str) -> Expression:
        """Whether a text contains another."""
        return Expression(["contains", self.tree, text])

    def starts_with(self, text: str) -> Expression:
        """Whether a text begins with another."""
        return Expression(["startswith", self.tree, text])

    def ends_with(self, text: str) -> Expression:
        """Whether a text ends with another."""
        return Expression(["endswith", self.tree, text])

    def __bool__(self) -> bool:
        raise UserErrorException("Conditions on columns are combined by &, | and ~, each in brackets; not by and, or.")

    __hash__ = None  # type: ignore[assignment]

    def __repr__(self) -> str:
        return f"Expression({self.tree})"

    def _with(self, name: str, other: object) -> Expression:
        return Expression([name, self.tree, tree_of(other)])


def tree_of(value: object) -> list[Any]:
    """An expression's tree, or that of a value.

    :raises UserErrorException: It is nothing that a definition can hold.
    """
    if isinstance(value, Expression):
        return value.tree
    if isinstance(value, (datetime.datetime, datetime.date)):
        return ["time", value.isoformat()]
    if value is None or isinstance(value, (str, int, float, bool)):
        return ["value", value]
    item = getattr(value, "item", None)
    if callable(item):
        return ["value", item()]
    raise UserErrorException(f"A filter compares with text, numbers, times and None; not with {value!r:.200}.")


def evaluated(tree: list[Any], frame: Any) -> Any:
    """What an expression is for the rows of a pandas frame."""
    name, *arguments = tree
    if name == "column":
        if arguments[0] not in frame.columns:
            raise UserErrorException(
                f"There is no column {arguments[0]!r}; there are {', '.join(map(str, frame.columns))}."
            )
        return frame[arguments[0]]
    if name == "value":
        return arguments[0]
    if name == "time":
        import pandas

        return pandas.Timestamp(arguments[0])
    if name == "not":
        return ~evaluated(arguments[0], frame)
    if name == "isnull":
        return evaluated(arguments[0], frame).isna()
    if name in ("contains", "startswith", "endswith"):
        text = evaluated(arguments[0], frame).astype("string").str
        plain = {"regex": False} if name == "contains" else {}
        return getattr(text, name)(arguments[1], **plain).fillna(False).astype(bool)
    if name not in _BINARY:
        raise UserErrorException(f"No operation is named {name!r}; there are {', '.join(_BINARY)}.")
    return _BINARY[name](evaluated(arguments[0], frame), evaluated(arguments[1], frame))
