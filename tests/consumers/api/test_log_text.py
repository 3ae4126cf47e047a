"""Text of a log from rows that are cut anywhere: nothing shifts or doubles, and holes hold it up unless lost."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from runfold_consumers.api.log_text import Row, piece


@st.composite
def cut_logs(draw: st.DrawFn) -> tuple[bytes, list[Row]]:
    """A log, and the rows that it came in."""
    log = draw(st.binary(min_size=1, max_size=60))
    ends = sorted({*draw(st.lists(st.integers(1, len(log)), max_size=8)), len(log)})
    firsts = [1, *(end + 1 for end in ends[:-1])]
    return log, [Row(first, end, log[first - 1 : end]) for first, end in zip(firsts, ends, strict=True)]


@given(cut_logs(), st.integers(1, 20))
def test_pieces_of_any_size_of_a_log_cut_anywhere_are_the_log(
    log_and_rows: tuple[bytes, list[Row]], limit: int
) -> None:
    log, rows = log_and_rows
    read, place = b"", 1
    while place <= len(log):
        told = piece(rows, place, limit, ())
        assert 0 < len(told.data) <= limit
        assert (told.next, told.lost) == (place + len(told.data), 0)
        read, place = read + told.data, told.next
    assert read == log


@given(cut_logs(), st.data())
def test_a_hole_holds_a_reader_up_and_a_declared_loss_does_not(
    log_and_rows: tuple[bytes, list[Row]], data: st.DataObject
) -> None:
    log, rows = log_and_rows
    gone = data.draw(st.sampled_from(rows))
    there = [row for row in rows if row is not gone]
    held = piece(there, 1, len(log), ())
    assert held.data == log[: gone.first - 1]
    assert held.next == gone.first
    told = piece(there, 1, len(log), ((gone.first, gone.last + 1),))
    assert told.data == log[: gone.first - 1] + log[gone.last :]
    if gone.last < len(log):
        assert (told.next, told.lost) == (len(log) + 1, len(gone.data))


def test_a_loss_that_covers_a_hole_in_part_does_not_pass_it() -> None:
    rows = [Row(1, 2, b"ab"), Row(6, 7, b"fg")]
    for declared in (((3, 5),), ((4, 6),), ((3, 4), (5, 6))):
        assert piece(rows, 1, 100, declared).data == b"ab"
    assert piece(rows, 1, 100, ((2, 9),)) == (b"abfg", 8, 3)
    assert piece(rows, 4, 100, ((3, 6),)) == (b"fg", 8, 2)
