"""Whatever may be logged comes back exactly."""

from __future__ import annotations

import struct
from decimal import Decimal
from typing import Any

import numpy as np
import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from runfold_schemas import values
from runfold_schemas.values import classify, restore


def same(a: object, b: object) -> bool:
    if isinstance(a, float) and isinstance(b, float):
        return struct.pack("<d", a) == struct.pack("<d", b)
    return type(a) is type(b) and a == b


@given(st.none() | st.booleans() | st.floats() | st.text() | st.integers() | st.integers(-(2**60), 2**60))
@example(-0.0)
@example(float("nan"))
@example(2**53)
@example(2**53 + 1)
@example(-(2**53) - 1)
@example(10**4_000)
@example(-(10**30_000) + 7)
@example(10**8_000 + 10**4_000)
def test_every_value_comes_back_with_its_type(value: Any) -> None:
    kind, number, text = classify(value)
    assert kind in values.KINDS
    assert isinstance(number, float)
    assert same(restore(kind, number, text), value)


@pytest.mark.parametrize(
    ("value", "classified"),
    [
        (7, ("long", 7.0, None)),
        (2**53, ("long", 2.0**53, None)),
        (2**53 + 1, ("bigint", 0.0, "9007199254740993")),
        (True, ("bool", 1.0, None)),
        (None, ("null", 0.0, None)),
        ("x", ("string", 0.0, "x")),
        (0.5, ("double", 0.5, None)),
        (np.int64(3), ("long", 3.0, None)),
        (np.uint64(2**64 - 1), ("bigint", 0.0, "18446744073709551615")),
        (np.int8(-1), ("long", -1.0, None)),
        (np.float16(0.5), ("double", 0.5, None)),
        (np.float32(0.1), ("double", float(np.float32(0.1)), None)),
        (np.float64(0.1), ("double", 0.1, None)),
        (np.bool_(True), ("bool", 1.0, None)),
        (np.str_("s"), ("string", 0.0, "s")),
    ],
)
def test_kinds_are_as_the_table_says(value: Any, classified: Any) -> None:
    found = classify(value)
    assert found == classified
    assert type(found[1]) is float
    assert found[2] is None or type(found[2]) is str


@pytest.mark.parametrize(
    "value",
    [(1, 2), [1], {}, b"raw", Decimal(1), 1j, np.array(1.0), np.array([1]), np.complex64(1), np.datetime64(0, "s")],
)
def test_other_types_are_the_callers_affair(value: Any) -> None:
    with pytest.raises(TypeError, match="cannot be kept; allowed are"):
        classify(value)


def test_long_doubles_are_refused_since_a_double_does_not_hold_them() -> None:
    with pytest.raises(TypeError):
        classify(np.longdouble(1))


@pytest.mark.parametrize(
    ("kind", "text"), [("complex", None), ("string", None), ("bigint", None), ("bigint", "1e3"), ("bigint", "")]
)
def test_what_was_never_classified_so_is_a_value_error(kind: str, text: str | None) -> None:
    with pytest.raises(ValueError, match=r"kind|bigint"):
        restore(kind, 0.0, text)
