"""Columns of numbers: the same bytes from whatever holds them, by whichever of the three encoders."""

from __future__ import annotations

import io
import struct
from array import array
from typing import Any

import fastavro
import numpy as np
import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from runfold_schemas import encoding, shapes, varints
from tests.schemas import reference, strategies


def _without(*absent: str) -> Any:
    real = varints.loaded
    return lambda name: None if name in absent else real(name)


@given(st.lists(strategies.longs, max_size=80) | st.lists(st.integers(0, 63), max_size=40))
@example([2**63 - 1] * 20)
@example([-(2**63)] * 20)
@example([0, *[2**62] * 20])
def test_three_encoders_of_longs_write_the_same_bytes(numbers: list[int]) -> None:
    wanted = reference.written({"type": "array", "items": "long"}, numbers)
    encode = encoding.encoder(shapes.parse({"type": "array", "items": "long"}))
    with pytest.MonkeyPatch.context() as patch:
        for absent in ((), ("numpy",), ("numpy", "fastavro")):
            patch.setattr(varints, "loaded", _without(*absent))
            for held in (numbers, tuple(numbers), array("q", numbers), np.array(numbers, np.int64)):
                assert encode(held) == wanted, (absent, type(held))
            assert encode(memoryview(array("q", numbers))) == wanted


@pytest.mark.parametrize("code", "bBhHiIlLqQ")
def test_columns_of_every_integer_width_are_taken(code: str) -> None:
    numbers = [0, 1, 2, 63, 64, 100, 127, 5, 6, 7, 8, 9] * 3
    encode = encoding.encoder(shapes.parse({"type": "array", "items": "int"}))
    wanted = reference.written({"type": "array", "items": "int"}, numbers)
    assert encode(array(code, numbers)) == encode(np.array(numbers, code)) == wanted
    assert encode(np.array(numbers * 2, code)[::2]) == reference.written(
        {"type": "array", "items": "int"}, (numbers * 2)[::2]
    )


@given(st.lists(strategies.doubles, max_size=40))
def test_columns_of_doubles_are_copied_bit_by_bit(numbers: list[float]) -> None:
    encode = encoding.encoder(shapes.parse({"type": "array", "items": "double"}))
    wanted = reference.written({"type": "array", "items": "double"}, numbers)
    column = np.array(numbers)
    for held in (numbers, tuple(numbers), array("d", numbers), memoryview(array("d", numbers)), column):
        assert encode(held) == wanted
    assert encode(np.repeat(column, 2)[::2]) == wanted
    if numbers:
        assert wanted[-1 - 8 * len(numbers) : -1] == struct.pack(f"<{len(numbers)}d", *numbers)


def test_whole_numbers_and_small_floats_become_doubles() -> None:
    encode = encoding.encoder(shapes.parse({"type": "array", "items": "double"}))
    wanted = encode([float(number) for number in range(20)])
    assert encode(range(20)) == encode(array("i", range(20))) == encode(np.arange(20)) == wanted
    assert encode(np.arange(20, dtype="f4")) == wanted


@given(st.lists(strategies.longs, min_size=1, max_size=80) | st.lists(st.integers(2**20, 2**20 + 99), min_size=17))
def test_decoded_longs_are_fastavros(numbers: list[int]) -> None:
    body = b"".join(map(varints.zig, numbers))
    found, end = varints.decoded(np, b"head" + body + b"tail", 4, len(numbers))
    assert found.tolist() == numbers
    assert end == 4 + len(body)


@pytest.mark.parametrize("count", [3, 40])
def test_a_number_of_more_than_64_bits_is_refused(count: int) -> None:
    good = varints.zig(1) * (count - 1)
    for bad in (b"\xff" * 9 + b"\x02", b"\xff" * 10 + b"\x01", b"\xff" * 30):
        with pytest.raises((ValueError, IndexError)):
            varints.decoded(np, good + bad, 0, count)


def test_a_count_beyond_the_buffer_is_refused_before_anything_is_allocated() -> None:
    with pytest.raises(ValueError, match="are said to follow"):
        varints.decoded(np, b"\0" * 20, 0, 2**60)


def test_numpy_integers_are_whole_numbers_at_every_width() -> None:
    for number in (np.int64(-(2**63)), np.int64(2**63 - 1), np.uint64(2**63 - 1), np.int8(-128), np.uint8(255)):
        assert varints.zig(number) == varints.zig(int(number))


@pytest.mark.parametrize("absent", [(), ("numpy",), ("numpy", "fastavro")])
@pytest.mark.parametrize("bad", [0.5, 7.0, "7", None, 2**63, -(2**63) - 1, np.float64(3)])
def test_no_encoder_makes_a_whole_number_of_something_else(
    absent: tuple[str, ...], bad: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(varints, "loaded", _without(*absent))
    encode = encoding.encoder(shapes.parse({"type": "array", "items": "long"}))
    for held in ([*range(20), bad], [bad]):
        with pytest.raises(encoding.FAILURES):
            encode(held)


@given(st.lists(st.integers(0, 2**40), min_size=17, max_size=40), st.integers(1, 7))
def test_columns_that_lie_unaligned_in_a_message_are_encoded_again(numbers: list[int], shift: int) -> None:
    buffer = b"x" * shift + array("d", numbers).tobytes()
    unaligned = np.frombuffer(buffer, "<f8", len(numbers), shift)
    encode = encoding.encoder(shapes.parse({"type": "array", "items": "double"}))
    assert encode(unaligned) == encode([float(number) for number in numbers])


def test_a_module_that_is_still_being_imported_is_not_used(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(np.__spec__, "_initializing", True, raising=False)
    assert varints.loaded("numpy") is None
    monkeypatch.undo()
    assert varints.loaded("numpy") is np


def test_fastavro_reads_what_numpy_encoded() -> None:
    encode = encoding.encoder(shapes.parse({"type": "array", "items": "long"}))
    numbers = np.arange(-5_000, 5_000) * 977
    schema = fastavro.parse_schema({"type": "array", "items": "long"})
    assert fastavro.schemaless_reader(io.BytesIO(encode(numbers)), schema) == numbers.tolist()
