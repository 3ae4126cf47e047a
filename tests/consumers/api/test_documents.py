"""JSON of clients goes through as it is, or is shown as what it is: unreadable."""

from __future__ import annotations

import pytest

from runfold_consumers.api.documents import document


def test_an_object_goes_through() -> None:
    assert document('{"script": "train.py", "n": [1, 2.5, null, "ä"]}') == {
        "script": "train.py",
        "n": [1, 2.5, None, "ä"],
    }


@pytest.mark.parametrize(
    "text", ["", "{", "[1]", '"x"', '{"a": NaN}', '{"a": 1e999}', '{"a": "\\ud800"}', "[" * 100_000]
)
def test_what_no_answer_can_carry_is_shown_as_unreadable(text: str) -> None:
    assert document(text) == {"unreadable": text[:1000]}
