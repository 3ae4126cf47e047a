"""What a dataset is, as JSON, and the id that follows from it. Pure, but for the current directory.

    {"kind": "file", "paths": [...], "steps": [...], ...}
    {"kind": "tabular", "format": "delimited", "paths": [...], "options": {...}, "columns": {...}, "steps": [...]}

A path is text (an absolute local path, or a URL) or {"datastore": name, "path": relative}. `*` and `?` fit within a
part of a path, `**` fits any number of parts, and a folder means all that is in it. A step is [what, arguments...].
"""

from __future__ import annotations

import json
import os
import re
import uuid
from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

from runfold.exceptions import UserErrorException

_ID = uuid.UUID("6f0b1c2e-8a4d-5f3b-9c71-2d5e8b7a4c10")  # namespace of ids that follow from a definition
_URL = re.compile(r"[A-Za-z][A-Za-z0-9+.-]+://")
_VERSIONED = re.compile(r"(?P<name>.+):(?P<version>[1-9][0-9]{0,9})\Z", re.DOTALL)
PATHS_MAX = 10_000
NAME_BYTES_MAX = 255  # of a registered dataset


class DataPath:
    """A path on a datastore.

    :param datastore: The Datastore.
    :param path_on_datastore: Relative path; the whole datastore where None.
    :param name: Accepted, as the original does.
    """

    def __init__(self, datastore: Any = None, path_on_datastore: str | None = None, name: str | None = None) -> None:
        self._datastore, self._path = datastore, path_on_datastore or ""

    @property
    def datastore_name(self) -> str:
        """Name of the datastore."""
        return str(self._datastore.name)

    @property
    def path_on_datastore(self) -> str:
        """The relative path."""
        return self._path


class DataType:
    """The type of a column, for `set_column_types`: DataType.to_long(), ..."""

    def __init__(self, kind: str, formats: Sequence[str] = ()) -> None:
        self.kind, self.formats = kind, list(formats)

    @staticmethod
    def to_string() -> DataType:
        """Text."""
        return DataType("string")

    @staticmethod
    def to_long() -> DataType:
        """Whole numbers of 64 bits."""
        return DataType("long")

    @staticmethod
    def to_float(decimal_mark: str = ".") -> DataType:
        """Numbers.

        :param decimal_mark: '.' or ','.
        """
        return DataType("float", [] if decimal_mark == "." else [decimal_mark])

    @staticmethod
    def to_bool() -> DataType:
        """true and false, yes and no, 1 and 0."""
        return DataType("bool")

    @staticmethod
    def to_datetime(formats: str | Sequence[str] | None = None) -> DataType:
        """Times.

        :param formats: As strptime takes them, tried in their order; guessed where None.
        """
        return DataType("datetime", [formats] if isinstance(formats, str) else list(formats or ()))

    def __repr__(self) -> str:
        return f"DataType.to_{self.kind}({', '.join(map(repr, self.formats))})"


class Named(NamedTuple):
    """A dataset that is registered."""

    name: str
    version: int
    description: str | None
    tags: dict[str, str | None]


def text_of(definition: Mapping[str, Any]) -> str:
    """The JSON of a definition, keys sorted: equal definitions are equal text."""
    return json.dumps(definition, sort_keys=True, separators=(",", ":"), ensure_ascii=False)


def id_of(definition: Mapping[str, Any]) -> str:
    """Id of a dataset that is not registered: the same wherever the definition is."""
    return str(uuid.uuid5(_ID, text_of(definition)))


def versioned_id(name: str, version: int) -> str:
    """Id of a registered dataset."""
    return f"{name}:{version}"


def parsed_id(dataset_id: str) -> tuple[str, int] | None:
    """Name and version of a registered dataset's id; None for another id."""
    found = _VERSIONED.match(dataset_id)
    return (found["name"], int(found["version"])) if found else None


def paths(given: object) -> list[Any]:
    """Paths as a definition holds them.

    :param given: A path or URL, a (datastore, path) tuple, a DataPath, or a list of these.
    :raises UserErrorException: It is none of these.
    """
    many = given if isinstance(given, list) else [given]
    if not many or len(many) > PATHS_MAX:
        raise UserErrorException(f"path is a list of {len(many)} paths; 1 to {PATHS_MAX} are allowed.")
    return [each for one in many for each in _path(one)]


def _path(given: object) -> list[Any]:
    if isinstance(given, DataPath):
        return [{"datastore": given.datastore_name, "path": relative(given.path_on_datastore)}]
    if isinstance(given, tuple) and len(given) == 2:
        store, below = given
        if isinstance(getattr(store, "name", None), str):
            many = below if isinstance(below, list) else [below]
            return [{"datastore": store.name, "path": relative(each)} for each in many]
    as_reference = getattr(given, "_as_path", None)
    if callable(as_reference):
        return [as_reference()]
    if isinstance(given, os.PathLike):
        given = os.fspath(given)
    if isinstance(given, str) and given:
        return [location(given)]
    raise UserErrorException(
        f"path must be a path, a URL, a (datastore, 'path') tuple, or a list of these; it is {given!r:.200}."
    )


def location(text: str) -> str:
    """A URL as it is, a path as an absolute one, with file:// taken off."""
    if text.lower().startswith("file://"):
        from urllib.parse import unquote, urlsplit

        text = unquote(urlsplit(text).path)
    elif _URL.match(text):
        return text
    ends = "/" if text.endswith("/") and text.strip("/") else ""
    return os.path.abspath(os.path.expanduser(text)).replace(os.sep, "/") + ends  # noqa: PTH100, PTH111 - keeps globs


def relative(path: object) -> str:
    """A path on a datastore: parts with '/' between them, without '..'; empty for the whole."""
    if isinstance(path, os.PathLike):
        path = os.fspath(path)
    if path is None:
        return ""
    if not isinstance(path, str) or "\0" in path:
        raise UserErrorException(f"A path on a datastore is text such as 'folder/*.csv', it is {path!r:.200}.")
    parts = [part for part in path.replace("\\", "/").split("/") if part not in ("", ".")]
    if ".." in parts:
        raise UserErrorException(f"A path on a datastore has no '..': {path!r:.200}.")
    return "/".join(parts)


def is_url(text: str) -> bool:
    """Whether a path in a definition is a URL."""
    return bool(_URL.match(text))


def columns(given: object) -> dict[str, Any]:
    """`set_column_types`, as a definition holds it."""
    if given is None:
        return {}
    if not isinstance(given, Mapping) or not all(isinstance(each, DataType) for each in given.values()):
        raise UserErrorException(
            f"set_column_types must be a dict of column names and DataType, such as {{'a': DataType.to_long()}}; "
            f"it is {given!r:.200}."
        )
    return {str(name): [each.kind, *each.formats] for name, each in given.items()}


def step(definition: Mapping[str, Any], *said: Any) -> dict[str, Any]:
    """The definition with one step more."""
    return {**definition, "steps": [*definition.get("steps", ()), list(said)]}


def count(what: str, given: object) -> int:
    """How many, for take and skip."""
    if isinstance(given, bool) or not isinstance(given, int) or given < 0:
        raise UserErrorException(f"{what} takes a whole number from 0, it was {given!r:.100}.")
    return given


def share(what: str, given: object) -> float:
    """A share, between 0 and 1."""
    if isinstance(given, bool) or not isinstance(given, (int, float)) or not 0 <= given <= 1:
        raise UserErrorException(f"{what} takes a number from 0 to 1, it was {given!r:.100}.")
    return float(given)


def seed_of(given: object) -> int:
    """A seed; drawn anew where None, so that a definition always gives the same."""
    if given is None:
        import secrets

        return secrets.randbits(31)
    if isinstance(given, bool) or not isinstance(given, int) or given < 0:
        raise UserErrorException(f"seed must be a whole number from 0, or None; it is {given!r:.100}.")
    return given
