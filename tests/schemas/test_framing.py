"""Messages say by which schema they were written."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from runfold_schemas import framing
from runfold_schemas.errors import DecodeError


@given(st.binary(min_size=8, max_size=8), st.binary(max_size=40))
def test_what_was_framed_is_split_again(fingerprint: bytes, body: bytes) -> None:
    message = framing.frame(fingerprint, body)
    for held in (message, bytearray(message), memoryview(message)):
        found, view = framing.split(held)
        assert (found, bytes(view)) == (fingerprint, body)


@pytest.mark.parametrize(
    ("message", "text"),
    [
        (b"", "empty"),
        (b"\xc3\x01" + b"1234567", "at least 10 bytes, this one has 9"),
        (b"\xc3\x02" + b"12345678", "byte 1 is 0x02"),
        (b"\x00\x00\x00\x00\x01body", "starts with 0xc3, this one with 0x00"),
        (b"Obj\x01", "with 0x4f"),
    ],
)
def test_what_is_framed_in_no_known_way_is_told(message: bytes, text: str) -> None:
    with pytest.raises(DecodeError, match=text):
        framing.split(message)


def test_framings_are_known_by_their_first_byte() -> None:
    assert len({one.first_byte for one in framing.FRAMINGS}) == len(framing.FRAMINGS)
