"""The limit on dead letters counts in a row and over a window, whatever the batches are."""

from __future__ import annotations

from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from runfold_consumers.engine.dead_letters import POISON, Count, Limit, letter
from runfold_consumers.engine.errors import TooManyDeadLetters
from runfold_consumers.fold.records import RawRecord

LIMIT = Limit(in_a_row=3, ratio=0.3, window=10)


def passes(outcomes: list[bool]) -> bool:
    """The rule, said plainly: never more than 3 dead in a row, never more than 3 of a full window of 10."""
    for end in range(1, len(outcomes) + 1):
        if outcomes[end - 1] and (
            (all(outcomes[max(0, end - 4) : end]) and end >= 4) or (end >= 10 and sum(outcomes[end - 10 : end]) > 3)
        ):
            return False
    return True


@given(st.lists(st.booleans(), max_size=40), st.lists(st.integers(0, 40)))
def test_the_limit_holds_whatever_the_batches_are(dead: list[bool], cuts: list[int]) -> None:
    raws = [RawRecord("w", "facts", "t", 0, offset, 0, None, b"") for offset in range(len(dead))]
    bounds = sorted({0, len(dead), *(cut for cut in cuts if cut < len(dead))})
    count = Count(LIMIT)
    try:
        for first, last in pairwise(bounds):
            batch = raws[first:last]
            letters = [letter(raw, POISON, ValueError("x")) for raw in batch if dead[raw.offset]]
            count = count.after("t", batch, letters)
        stopped = False
    except TooManyDeadLetters:
        stopped = True
    assert stopped != passes(dead)


def test_a_batch_that_is_refused_does_not_count() -> None:
    raws = [RawRecord("w", "facts", "t", 0, offset, 0, None, b"") for offset in range(4)]
    count = Count(LIMIT)
    with pytest.raises(TooManyDeadLetters):
        count.after("t", raws, [letter(raw, POISON, ValueError("x")) for raw in raws])
    count.after("t", raws[:3], [letter(raw, POISON, ValueError("x")) for raw in raws[:3]])


@given(st.text())
def test_a_reason_is_text_that_postgres_takes(text: str) -> None:
    reason = letter(RawRecord("w", "facts", "t", 0, 0, 0, None, b""), POISON, ValueError(text + "\ud800\x00")).reason
    assert "\x00" not in reason
    assert reason.encode()
