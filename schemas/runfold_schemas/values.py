"""Metric values without loss: any value that may be logged as (kind, number, text), and back.

    kind      number                     text
    double    the float, NaN and ±inf    None
    long      the int, |v| <= 2**53      None      such ints are exact in a double
    bigint    0.0                        decimal   ints beyond that, of any size
    string    0.0                        the text
    bool      0.0 or 1.0                 None
    null      0.0                        None

In an event the number of a bigint or string point is its text's place in `texts`; the journal and the cutter see to
that. numpy's scalars become Python's by `.item()`, of every width (run_api.md 8.2: np.int64 is an int, a regression of
the original's last release notwithstanding). numpy is not imported: whoever passes its scalars has done so.
"""

from __future__ import annotations

from typing import Literal

from runfold_schemas.limits import EXACT_INTEGER_MAX

Kind = Literal["double", "long", "bigint", "string", "bool", "null"]
KINDS: tuple[Kind, ...] = ("double", "long", "bigint", "string", "bool", "null")
Value = float | int | str | bool | None
Classified = tuple[Kind, float, str | None]

_SCALAR_KINDS = frozenset("biufU")  # numpy's dtype.kind: bool, int, uint, float, str


def classify(value: object) -> Classified:
    """(kind, number, text) of one value.

    Raises:
        TypeError: it is of no type that a metric can have; what to make of it is the caller's affair.
    """
    if type(value) is float:
        return "double", value, None
    if value is None:
        return "null", 0.0, None
    if isinstance(value, bool):
        return "bool", float(value), None
    if isinstance(value, float):  # np.float64 is a float, too
        return "double", float(value), None
    if isinstance(value, int):
        number = int(value)
        if -EXACT_INTEGER_MAX <= number <= EXACT_INTEGER_MAX:
            return "long", float(number), None
        return "bigint", 0.0, _decimal(number)
    if isinstance(value, str):
        return "string", 0.0, str(value)
    scalar = _numpy_scalar(value)
    if scalar is None:
        raise TypeError(
            f"a metric value of type {type(value).__name__} cannot be kept; allowed are int, float, str, bool, None "
            f"and numpy's scalars of these"
        )
    return classify(scalar)


def restore(kind: str, number: float, text: str | None) -> Value:
    """The value that was classified so.

    Raises:
        ValueError: no such kind, or a text that the kind needs is absent or no decimal.
    """
    if kind == "double":
        return float(number)
    if kind == "long":
        return int(number)
    if kind == "bool":
        return bool(number)
    if kind == "null":
        return None
    if kind in ("bigint", "string"):
        if text is None:
            raise ValueError(f"a value of kind {kind} has a text, this one has none")
        return text if kind == "string" else _integer(text)
    raise ValueError(f"no metric kind is named {kind!r}; there are {', '.join(KINDS)}")


def _numpy_scalar(value: object) -> Value:
    """The Python scalar in a numpy scalar; None for anything else, arrays and long doubles included."""
    dtype = getattr(value, "dtype", None)
    if getattr(dtype, "kind", "") not in _SCALAR_KINDS or getattr(value, "shape", None) != ():
        return None
    if type(value).__name__ == "ndarray":  # an array without axes is an array
        return None
    item = value.item()  # type: ignore[attr-defined]
    return item if isinstance(item, (float, int, str, bool)) else None


# Python refuses to turn integers of more than 4,300 digits to text and back (CVE-2020-10735), since its way takes
# quadratic time. What was logged must come back, and limits.TEXT_POINT_BYTES_MAX bounds it: so by pieces below that.
_PIECE_DIGITS = 4_000
_PIECE = 10**_PIECE_DIGITS


def _decimal(number: int) -> str:
    sign, rest = ("-", -number) if number < 0 else ("", number)
    pieces = []
    while rest >= _PIECE:
        rest, piece = divmod(rest, _PIECE)
        pieces.append(str(piece).zfill(_PIECE_DIGITS))
    return sign + str(rest) + "".join(reversed(pieces))


def _integer(text: str) -> int:
    sign, digits = (-1, text[1:]) if text.startswith("-") else (1, text)
    if not (digits.isascii() and digits.isdigit()):
        raise ValueError(f"the text of a bigint is a decimal number, this is {text[:40]!r}")
    number = 0
    head = len(digits) % _PIECE_DIGITS
    for start in range(head - _PIECE_DIGITS if head else 0, len(digits), _PIECE_DIGITS):
        piece = digits[max(0, start) : start + _PIECE_DIGITS]
        number = number * 10 ** len(piece) + int(piece)
    return sign * number
