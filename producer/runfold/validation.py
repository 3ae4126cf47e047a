"""What may go into a journal. Pure: every check happens here, before anything is numbered.

Each function returns its argument as it will be journaled, or raises an exception of the original's family that says
what was given, what is allowed and what to do. What is a number to its user (np.int64, a 0-d array, a one-element torch
tensor's `.item()`, Decimal, Fraction) is a number; what is neither number, text, bool nor None becomes `repr(value)` in
`log`, as in the original, and is refused in lists, rows and tables.
"""

from __future__ import annotations

import numbers
import operator
import os
import re
import types
from collections.abc import Iterable, Mapping, Sequence
from typing import TypeAlias

from runfold_schemas import limits
from runfold_schemas.statuses import STATUSES

from .exceptions import AzureMLException, UserErrorException

Scalar: TypeAlias = "float | int | str | bool | None"

_EXPERIMENT_NAME = re.compile(r"[a-zA-Z0-9][\w\-]{0,254}\Z")
_WORKSPACE_NAME = re.compile(r"[a-zA-Z0-9][\w\-]{2,32}\Z")
_LEDGER_NAME = re.compile(r"[a-z0-9-]{3,33}\Z")
_INTEGER_BITS_MAX = 3 * limits.TEXT_POINT_BYTES_MAX  # it is kept as decimal text; a digit is 3.3 bits
_CO_GENERATOR = 0x20  # inspect.CO_GENERATOR, without the import
_SUPPORTED = "int, float, str, bool, None, and what numpy, torch, decimal and fractions have for numbers"


def text(what: str, value: object, bytes_max: int, *, empty: bool = False) -> str:
    """A string that Avro and Postgres take: no NUL, no lone surrogate, at most `bytes_max` bytes of UTF-8.

    :param what: Names the argument in messages, such as "metric name".
    :param empty: Whether the empty string is allowed.
    """
    if not isinstance(value, str):
        raise UserErrorException(f"{what} must be a str, it is {value!r:.200} of type {type(value).__name__}.")
    if not value and not empty:
        raise UserErrorException(f"{what} is empty; give it at least one character.")
    if "\0" in value:
        raise UserErrorException(f"{what} {value!r:.200} contains a NUL character, which cannot be stored; remove it.")
    try:
        size = len(value) if value.isascii() else len(value.encode())
    except UnicodeEncodeError:
        raise UserErrorException(
            f"{what} {value!r:.200} contains a lone surrogate, which is no character and cannot be stored; "
            "decode it with errors='replace'."
        ) from None
    if size > bytes_max:
        raise UserErrorException(
            f"{what} {value[:80]!r}... has {size} bytes of UTF-8, at most {bytes_max} are allowed."
        )
    return str(value)


def metric_name(name: object) -> str:
    """The name of a metric, kept verbatim, spaces, brackets and slashes included."""
    return text("metric name", name, limits.METRIC_NAME_BYTES_MAX)


def step(value: object) -> int | None:
    """The user's step: a whole number of 64 bits, or None."""
    if value is None:
        return None
    try:
        whole = int(value) if isinstance(value, float) and value.is_integer() else operator.index(value)  # type: ignore[arg-type]
    except TypeError:
        raise UserErrorException(
            f"step must be a whole number or None, it is {value!r:.200} of type {type(value).__name__}."
        ) from None
    if not limits.STEP_MIN <= whole <= limits.STEP_MAX:
        raise UserErrorException(f"step is an integer of {whole.bit_length()} bits; it must fit into 64 bits.")
    return whole


def whole(what: str, value: object) -> int | None:
    """A whole number from 0, or None: a rank or an attempt to filter by."""
    if value is None:
        return None
    if isinstance(value, bool) or not hasattr(value, "__index__") or operator.index(value) < 0:
        raise UserErrorException(
            f"{what} must be a whole number from 0 or None, it is {value!r:.200} of type {type(value).__name__}."
        )
    return operator.index(value)


def plain(value: object) -> tuple[bool, Scalar]:
    """Whether a value is a metric value, and the plain Python value that it is; (False, None) for anything else."""
    if value is None or type(value) in (float, int, bool, str):
        return True, value  # type: ignore[return-value]
    if isinstance(value, str):  # np.str_, str enums
        return True, str.__str__(value)
    if isinstance(value, numbers.Integral):  # np.int64, IntEnum
        return True, int(value)
    if isinstance(value, numbers.Real):  # np.float32, longdouble, Fraction
        return _real(value)
    if isinstance(value, numbers.Number):  # Decimal calls itself a Number and no more; complex numbers are no metric
        return (False, None) if isinstance(value, numbers.Complex) else _real(value)
    if getattr(value, "ndim", None) == 0:
        return _unwrapped(value)
    return False, None


def _unwrapped(value: object) -> tuple[bool, Scalar]:
    """What np.bool_, 0-d arrays, torch and jax scalars give by `item()`, TensorFlow's by `numpy()`."""
    for name in ("item", "numpy"):
        unwrap = getattr(value, name, None)
        if callable(unwrap):
            try:
                inner = unwrap()
            except Exception:  # noqa: BLE001 - a tensor without a value, of a graph or on a meta device
                continue
            if type(inner) is not type(value):
                return plain(inner)
    return False, None


def _real(value: object) -> tuple[bool, Scalar]:
    try:
        return True, float(value)  # type: ignore[arg-type]
    except (OverflowError, ValueError):  # Fraction(10**400), Decimal('sNaN')
        return False, None


def scalar(name: str, value: object) -> tuple[Scalar, bool]:
    """One value for `log`, and whether it had to be turned into the text of its repr."""
    if isinstance(value, (list, range, types.GeneratorType)) or _is_generator_function(value):
        raise UserErrorException("run.log does not support list type. Use run.log_list instead")
    known, found = plain(value)
    if not known:
        return shortened(repr(value), limits.TEXT_POINT_BYTES_MAX), True
    _sized(name, found)
    return found, False


def shortened(words: str, bytes_max: int) -> str:
    """Words as far as they can be stored: a repr, or an exception's text, which are no reason to end a training."""
    kept = words.replace("\0", "\ufffd").encode("utf-8", "replace")[:bytes_max]
    return kept.decode("utf-8", "ignore")


def _is_generator_function(value: object) -> bool:
    return isinstance(value, types.FunctionType) and bool(value.__code__.co_flags & _CO_GENERATOR)


def elements(name: str, value: object) -> list[Scalar]:
    """The values for `log_list`: whatever can be iterated.

    :raises TypeError: It cannot be iterated.
    """
    return [_element(name, item) for item in iter(value)]  # type: ignore[call-overload]


def floats(values: list[Scalar]) -> list[Scalar]:
    """The values, each int as a float if any of them is a float; an int beyond a float's range stays."""
    if not any(type(value) is float for value in values):
        return values
    return [_float(value) if type(value) is int else value for value in values]


def _float(value: int) -> float | int:
    try:
        return float(value)
    except OverflowError:
        return value


def row(name: str, columns: Mapping[str, object]) -> dict[str, Scalar]:
    """One row for `log_row`."""
    for column, value in columns.items():
        if isinstance(value, list):
            raise AzureMLException(f"Rows cannot contain list values, column {column} contains a list.")
    return {_column(column): _element(name, value) for column, value in columns.items()}


def table(name: str, value: object) -> list[dict[str, Scalar]]:
    """The rows for `log_table`: a dict of columns, each a list (tuple, array, series) or one single value; or what has
    columns as a dict has, such as a pandas frame.
    """
    if not isinstance(value, Mapping) and not _is_frame(value):
        raise UserErrorException(
            f"log_table takes a dict of columns, such as {{'x': [1, 2], 'y': [3, 4]}}; it was given {value!r:.200} "
            f"of type {type(value).__name__}."
        )
    columns = {_column(column): _cells(value[column]) for column in value}  # type: ignore[index, attr-defined]
    first, *rest = columns or [""]
    for column in rest:
        if len(columns[column]) != len(columns[first]):
            raise AzureMLException(
                f"Columns must have the same length, column {first} had length {len(columns[first])}, however, "
                f"column {column} had length {len(columns[column])}."
            )
    checked = {column: [_element(name, cell) for cell in cells] for column, cells in columns.items()}
    return [dict(zip(checked, cells, strict=True)) for cells in zip(*checked.values(), strict=True)]


def _cells(value: object) -> Sequence[object]:
    if isinstance(value, (list, tuple, range)):
        return value
    listed = getattr(value, "tolist", None)
    if callable(listed) and getattr(value, "ndim", 0) == 1:  # an array, a pandas series
        cells: list[object] = listed()
        return cells
    return [value]


def _is_frame(value: object) -> bool:
    return getattr(value, "ndim", None) == 2 and callable(getattr(value, "keys", None))


def _column(name: object) -> str:
    return text("column name", _key(name), limits.COLUMN_NAME_BYTES_MAX)


def _key(name: object) -> object:
    """A number that is used as a key is its text, as in JSON."""
    return str(name) if isinstance(name, numbers.Real) else name


def _element(name: str, value: object) -> Scalar:
    known, found = plain(value)
    if not known:
        raise AzureMLException(
            f"Value of type {type(value)} is not supported, supported types include [{_SUPPORTED}]; metric {name!r}."
        )
    # The original's rule is sys.getsizeof(value) > 64, which an int meets at 301 bits.
    if type(found) is int and found.bit_length() > 300:
        raise AzureMLException(
            f"Number size of type [{type(value)}] is out of range bits (Range: [0 - {limits.INTEGER_GETSIZEOF_MAX}]); "
            f"metric {name!r}. Integers below 2**300 are allowed here, and larger ones in run.log."
        )
    _sized(name, found)
    return found


def _sized(name: str, value: Scalar) -> None:
    if type(value) is str:
        text(f"value of metric {name!r}", value, limits.TEXT_POINT_BYTES_MAX, empty=True)
    elif type(value) is int and value.bit_length() > _INTEGER_BITS_MAX:
        raise UserErrorException(
            f"value of metric {name!r} is an integer of {value.bit_length()} bits, {_INTEGER_BITS_MAX} are allowed."
        )


def tags(given: object) -> tuple[dict[str, str | None], list[str]]:
    """Tags for `set_tags`, and the keys whose value was not a string and became `str(value)`."""
    return _texts("tag", given, limits.TAG_KEY_BYTES_MAX, limits.TAG_VALUE_BYTES_MAX, limits.TAGS_PER_CALL_MAX)


def properties(given: object) -> tuple[dict[str, str | None], list[str]]:
    """Properties for `add_properties`, and the keys whose value was not a string; None is no property."""
    return _texts(
        "property",
        {} if given is None else given,
        limits.PROPERTY_KEY_BYTES_MAX,
        limits.PROPERTY_VALUE_BYTES_MAX,
        limits.PROPERTIES_PER_CALL_MAX,
    )


def _texts(
    what: str, given: object, key_bytes_max: int, value_bytes_max: int, count_max: int
) -> tuple[dict[str, str | None], list[str]]:
    if not isinstance(given, Mapping):
        raise UserErrorException(
            f"a dict of names and values is needed, such as {{'name': 'value'}}; "
            f"it was {given!r:.200} of type {type(given).__name__}."
        )
    if len(given) > count_max:
        raise UserErrorException(f"{len(given)} entries in one call, at most {count_max} are allowed.")
    checked: dict[str, str | None] = {}
    converted = []
    for key, value in given.items():
        key = text(f"{what} key", _key(key), key_bytes_max)
        if value is not None and not isinstance(value, str):
            converted.append(key)
            value = str(value)
        checked[key] = None if value is None else text(f"value of {what} {key!r}", value, value_bytes_max, empty=True)
    return checked, converted


def tag_keys(given: object) -> list[str]:
    """Keys for `remove_tags`."""
    if isinstance(given, (str, bytes)) or not isinstance(given, Iterable):
        raise UserErrorException(f"remove_tags takes a list of keys, it was given {given!r:.200}.")
    return [text("tag key", _key(key), limits.TAG_KEY_BYTES_MAX) for key in given]


def run_id(value: object) -> str:
    """A run's id: 1 to 256 printable characters without '/' and backslash."""
    found = text("run_id", value, 4 * limits.RUN_ID_CHARACTERS_MAX)
    if len(found) > limits.RUN_ID_CHARACTERS_MAX or not found.isprintable() or "/" in found or "\\" in found:
        raise UserErrorException(
            f"run_id {found[:80]!r} is not allowed: 1 to {limits.RUN_ID_CHARACTERS_MAX} printable characters "
            "without '/' and '\\'."
        )
    return found


def experiment_name(value: object) -> str:
    """An experiment's name, by the original's rule."""
    if not isinstance(value, str) or not _EXPERIMENT_NAME.match(value):
        raise UserErrorException(
            "Experiment name must be between 1 and 255 characters long. Its first character has to be alphanumeric, "
            f"and the rest may contain hyphens and underscores. No whitespace is allowed. It was {value!r:.300}."
        )
    return text("experiment name", value, 4 * limits.EXPERIMENT_NAME_CHARACTERS_MAX)


def workspace_name(value: object) -> str:
    """A workspace's name, by the original's rule."""
    if not isinstance(value, str) or not _WORKSPACE_NAME.match(value):
        raise UserErrorException(
            "Workspace name must be between 3 and 33 characters long. Its first character has to be alphanumeric, "
            f"and the rest may contain hyphens and underscores. No whitespace is allowed. It was {value!r:.300}."
        )
    return value


def ledger_name(workspace: str) -> str:
    """The name that topics and tables use for a workspace: lower case, '-' for '_'."""
    found = workspace.lower().replace("_", "-")
    if not _LEDGER_NAME.match(found):
        raise UserErrorException(
            f"Workspace {workspace!r} has no name in topics: of {found!r} only a-z, 0-9 and '-' are allowed there, "
            "3 to 33 of them. Set RUNFOLD_WORKSPACE to the name that it shall have."
        )
    return found


def artifact_path(name: object) -> str:
    """A path within the run: relative, with '/' between parts, './outputs/x' as 'outputs/x'."""
    given = name.__fspath__() if isinstance(name, os.PathLike) else name
    found = text("artifact name", given, limits.ARTIFACT_PATH_BYTES_MAX)
    parts = [part for part in found.split("/") if part not in ("", ".")]
    if found.startswith("/") or "\\" in found or ".." in parts or not parts:
        raise UserErrorException(
            f"artifact name {found!r} is not allowed: a relative path with '/' between its parts, such as "
            "'outputs/model.pkl', without '..' and '\\'."
        )
    return "/".join(parts)


def directory(what: str, value: object) -> str | None:
    """A directory's path as it is recorded; None and False stay None."""
    if value is None or value is False:
        return None
    path = value.__fspath__() if isinstance(value, os.PathLike) else value
    return text(what, path, limits.ARTIFACT_PATH_BYTES_MAX * 4)


def status(value: object) -> str | None:
    """A status to filter by, or None."""
    if value is None or (isinstance(value, str) and value in STATUSES):
        return value
    raise UserErrorException(f"status {value!r:.200} is unknown; there are {', '.join(STATUSES)}.")


def filters(what: str, given: object) -> str | dict[str, str | None] | None:
    """A filter on tags or properties: a key that must be there, or a dict of keys and values, numbers as their text.

    :raises ValueError: It is something else.
    """
    if given is None or isinstance(given, str):
        return given
    if isinstance(given, Mapping) and all(isinstance(key, str) for key in given):
        return {key: value if value is None else str(value) for key, value in given.items()}
    raise ValueError(
        f"Unknown filter type for run {what}: {type(given).__name__}; a key (str) or a dict of str is allowed."
    )
