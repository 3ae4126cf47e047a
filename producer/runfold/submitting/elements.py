"""What all configuration classes share: attributes that are fixed when the object is made, and a document of them.

A document is plain JSON or YAML with camelCase keys, as the original writes it into run definitions and .runconfig
files. Reading one takes snake_case too; what an element does not know is left out, since files outlive versions.
"""

from __future__ import annotations

import os
from collections.abc import Mapping
from typing import Any, ClassVar, TypeVar

from runfold.exceptions import UserErrorException

E = TypeVar("E", bound="Element")


class Element:
    """A configuration object.

    An attribute that it does not have cannot be set: a misspelt one would be ignored without a word.
    """

    _WIRE: ClassVar[Mapping[str, str]] = {}  # attribute -> key in a document, where that is not its camelCase
    _HIDDEN: ClassVar[tuple[str, ...]] = ()  # attributes that no document carries

    def _done(self) -> None:
        """To be called last by __init__."""
        self.__dict__["_complete"] = True

    def __setattr__(self, name: str, value: Any) -> None:
        if "_complete" in self.__dict__ and not hasattr(self, name):
            there = ", ".join(sorted(each for each in dir(self) if not each.startswith("_")))
            raise AttributeError(f"{type(self).__name__} has no attribute {name!r}; there are {there}.")
        super().__setattr__(name, value)

    def __eq__(self, other: object) -> bool:
        return type(other) is type(self) and self._document() == other._document()

    def __hash__(self) -> int:
        return id(self)

    def __repr__(self) -> str:
        import json

        return f"{type(self).__name__}({json.dumps(self._document(), default=str)})"

    def _names(self) -> dict[str, str]:
        """Attributes that a document carries, and their keys in it."""
        shown = (name for name in self.__dict__ if name not in self._HIDDEN and name != "_complete")
        return {name: self._WIRE.get(name) or camel(name) for name in shown}

    def _document(self) -> dict[str, Any]:
        """All of it as plain values."""
        return {key: plain(getattr(self, name)) for name, key in self._names().items()}

    def _fill(self: E, document: Mapping[str, Any]) -> E:
        """Takes what a document says; elements inside of it are filled likewise."""
        for name, key in self._names().items():
            said = document.get(key, document.get(name.lstrip("_"), _ABSENT))
            if said is _ABSENT:
                continue
            mine = getattr(self, name)
            if isinstance(mine, Element) and isinstance(said, Mapping):
                mine._fill(said)
            else:
                object.__setattr__(self, name, self._taken(name, said))
        return self

    def _taken(self, name: str, said: Any) -> Any:
        """What becomes of a document's value; classes whose attributes are objects of other kinds make them here."""
        return said


_ABSENT = object()


def camel(name: str) -> str:
    """`max_run_duration_seconds` as `maxRunDurationSeconds`."""
    first, *rest = name.strip("_").split("_")
    return first + "".join(word.capitalize() for word in rest)


def plain(value: Any) -> Any:
    """A value as JSON has it."""
    if isinstance(value, Element):
        return value._document()
    if isinstance(value, Mapping):
        return {str(key): plain(item) for key, item in value.items()}
    if isinstance(value, (list, tuple, set, frozenset)):
        return [plain(item) for item in value]
    if isinstance(value, os.PathLike):
        return os.fspath(value)
    if value is None or isinstance(value, (str, bool, int, float)):
        return value
    as_dict = getattr(value, "as_dict", None)
    return as_dict() if callable(as_dict) else str(value)


def one_of(what: str, value: object, allowed: tuple[str, ...]) -> str:
    """The spelling of `allowed` that `value` means, whatever its case.

    :raises UserErrorException: It is none of them.
    """
    for each in allowed:
        if isinstance(value, str) and value.lower() == each.lower():
            return each
    raise UserErrorException(f"{what} is {value!r:.200}; allowed are {', '.join(allowed)}.")


def count(what: str, value: object, least: int = 1) -> int:
    """A whole number from `least`.

    :raises UserErrorException: It is none.
    """
    if isinstance(value, bool) or not isinstance(value, int) or value < least:
        raise UserErrorException(f"{what} is {value!r:.200}; a whole number from {least} is allowed.")
    return value
