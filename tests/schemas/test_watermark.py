"""Watermarks: text and back, merging by maximum."""

from __future__ import annotations

import base64
import zlib

import pytest
from hypothesis import given
from hypothesis import strategies as st

from runfold_schemas import watermark
from runfold_schemas.watermark import Lane, Watermark, merge, parse

numbers = st.integers(0, 2**63 - 1)
names = st.text(st.characters(codec="utf-8"), max_size=8)
lanes = st.builds(Lane, st.sampled_from(("facts", "points", "log/out")), st.just("run"), names, names)
offsets = st.dictionaries(names, st.dictionaries(st.integers(0, 99), numbers, min_size=1, max_size=4), max_size=3)
watermarks = st.builds(Watermark, offsets, st.dictionaries(lanes, numbers, max_size=4))


@given(watermarks)
def test_a_watermark_comes_back_from_its_text(w: Watermark) -> None:
    text = str(w)
    assert text.startswith("w1.")
    assert parse(text) == w
    assert text.isascii()
    assert not set(text) & set("+/= ")


@given(watermarks, watermarks, watermarks)
def test_merging_commutes_associates_and_may_be_repeated(a: Watermark, b: Watermark, c: Watermark) -> None:
    assert merge(a, b) == merge(b, a)
    assert merge(merge(a, b), c) == merge(a, merge(b, c))
    assert merge(a, a) == a
    assert str(merge(a, b)) == str(merge(b, a))


@given(watermarks, watermarks)
def test_what_is_merged_asks_for_all_that_either_asks_for(a: Watermark, b: Watermark) -> None:
    both = merge(a, b)
    for one in (a, b):
        assert all(both.ordinals[lane] >= ordinal for lane, ordinal in one.ordinals.items())
        assert all(both.offsets[t][p] >= o for t, of_topic in one.offsets.items() for p, o in of_topic.items())


def test_an_empty_watermark_asks_for_nothing() -> None:
    assert not Watermark()
    assert not Watermark({"topic": {}})
    assert Watermark({"topic": {0: 0}})
    assert parse(str(Watermark())) == Watermark()


def _text(raw: bytes) -> str:
    return "w1." + base64.urlsafe_b64encode(zlib.compress(raw)).rstrip(b"=").decode()


@pytest.mark.parametrize(
    ("text", "wrong"),
    [
        ("", "starts with"),
        ("w2.abc", "starts with"),
        ("w1.!!", "base64url"),
        ("w1.ä", "base64url"),
        ("w1.a", "base64url"),
        ("w1.", "cut short"),
        ("w1.AAAA", "damaged"),
        (str(Watermark({"t": {1: 2}}))[:-8], "cut short"),
        (_text(b"no json"), "no offsets"),
        (_text(b"{}"), "expected a mapping"),
        (_text(b"[{},[[1]]]"), "no lane"),
        (_text(b'[{"t":{"x":1}},[]]'), "no offsets"),
        (_text(b'[{"t":{"1":-1}},[]]'), "-1 is no"),
        (_text(b'[{"t":{"1":1.5}},[]]'), "1.5 is no"),
        (_text(b'[{"t":{"1":true}},[]]'), "True is no"),
        (_text(b'[{"t":7},[]]'), "no offsets"),
        (_text(b"[" * 100_000), "no offsets"),
        (_text(b" " * (watermark._BYTES_MAX + 1)), "more than"),
    ],
)
def test_what_is_no_watermark_is_a_value_error_that_says_why(text: str, wrong: str) -> None:
    with pytest.raises(ValueError, match=wrong):
        parse(text)


@given(st.text(max_size=30) | st.text("AZaz09-_", max_size=40).map(lambda t: "w1." + t))
def test_any_text_is_a_watermark_or_a_value_error(text: str) -> None:
    try:
        assert isinstance(parse(text), Watermark)
    except ValueError as error:
        assert "watermark" in str(error)  # noqa: PT017 - most texts raise, some may not
