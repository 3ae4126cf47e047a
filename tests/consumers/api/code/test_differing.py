"""What differs between snapshots is what a naive comparison of their files finds."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from runfold_consumers.api.code.differing import Comparison, Content
from runfold_consumers.api.code.zips import File

PATHS = st.sampled_from(["a", "b", "b/c", "B", "é"])
FILES = st.tuples(st.integers(0, 1), st.integers(0, 1), st.booleans())


def file(path: str, size: int = 1, crc32: int = 1, executable: bool = False) -> File:
    return File(path, size, crc32, executable, None)


@given(st.lists(st.dictionaries(PATHS, FILES), min_size=1, max_size=4))
def test_it_is_what_not_all_have_alike(snapshots: list[dict[str, tuple[int, int, bool]]]) -> None:
    comparison = Comparison()
    for snapshot in snapshots:
        comparison.add(file(path, *content) for path, content in snapshot.items())
    paths = {path for snapshot in snapshots for path in snapshot}
    found = comparison.differences()
    assert len(comparison) == len(paths)
    assert [one.path for one in found] == sorted(p for p in paths if len({s.get(p) for s in snapshots}) > 1)
    for one in found:
        told = [None if at is None else one.contents[at] for at in one.which]
        assert told == [None if one.path not in s else Content(*s[one.path]) for s in snapshots]
        first_seen = dict.fromkeys(at for at in one.which if at is not None)
        assert list(first_seen) == list(range(len(one.contents)))


def test_a_mode_is_a_difference() -> None:
    comparison = Comparison()
    comparison.add([file("a"), file("b")])
    comparison.add([file("a", executable=True), file("b")])
    assert [(one.path, one.which) for one in comparison.differences()] == [("a", (0, 1))]
