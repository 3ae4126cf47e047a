"""A ZIP is read by ranges, in bounded memory, whatever it says of itself."""

from __future__ import annotations

import io
import os
import tracemalloc
import zipfile
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from runfold.snapshots import contents, packing
from runfold_consumers.api.code import zips
from runfold_consumers.api.code.zips import FILES_MAX, READ_BYTES_MAX, BadZip, File, TooMuch, beginning_of, files_of
from tests.consumers.api.code.zipping import CRC, FLAGS, METHOD, MODE, PACKED, SIZE, reader, with_directory, zipped

PLAIN = zipped({"a.txt": b"123456789", "b/c.txt": b"x" * 5000})
ODD = ("../../etc/passwd", "/etc/passwd", "C:\\x", "a\nb", "", ".", "con", "é\u202e.txt", "a" * 3000, "a//b", "\x1b[2J")


def listed(body: bytes) -> list[File]:
    return files_of(reader(body), len(body))


def begun(body: bytes, path: str, limit: int = 4 << 20) -> tuple[File, bytes] | None:
    return beginning_of(reader(body), len(body), path, limit)


def test_what_a_snapshot_packs_is_listed_and_read(tmp_path: Path) -> None:
    (tmp_path / "b").mkdir()
    (tmp_path / "a.txt").write_bytes(b"123456789")
    (tmp_path / "b" / "run.sh").write_bytes(b"#!/bin/sh\n")
    (tmp_path / "b" / "run.sh").chmod(0o755)
    (tmp_path / "empty").touch()
    target = io.BytesIO()
    packed = packing.pack(contents.of(tmp_path), target)
    body = target.getvalue()
    assert [(f.path, f.size, f.executable) for f in listed(body)] == [
        (entry.path, entry.size, entry.mode == 0o755) for entry in packed.entries
    ]
    assert listed(body)[0] == File("a.txt", 9, 0xCBF43926, False, None)
    assert [begun(body, path) for path in ("b/run.sh", "empty", "c")] == [
        (listed(body)[1], b"#!/bin/sh\n"),
        (listed(body)[2], b""),
        None,
    ]
    assert begun(body, "a.txt", 3) == (listed(body)[0], b"123")


def test_a_small_file_of_a_large_zip_costs_two_reads() -> None:
    body = zipped({"noise": os.urandom(3 << 20), "a.txt": b"a", "more": os.urandom(3 << 20)})
    told: list[tuple[int, int]] = []
    files_of(reader(body, told), len(body))
    assert len(told) == 1
    assert beginning_of(reader(body, told), len(body), "a.txt", 100) is not None
    assert len(told) == 3
    assert sum(limit for _, limit in told) < 1 << 20


def test_names_are_data_and_folders_are_no_files() -> None:
    body = zipped({"folder/": b"", **{name: name.encode() for name in ODD}})
    assert [file.path for file in listed(body)] == list(ODD)
    for name in ODD:
        found = begun(body, name)
        assert found is not None
        assert found[1] == name.encode()


@pytest.mark.parametrize(
    ("body", "why"),
    [
        (with_directory(PLAIN, *FLAGS, 0x801), "is encrypted"),
        (with_directory(PLAIN, *METHOD, zipfile.ZIP_LZMA), "is compressed by method 14, which snapshots do not use"),
        (with_directory(PLAIN, *SIZE, 4_000_000_000), "claims 4000000000 bytes in 11"),
        (with_directory(PLAIN, *MODE, 0o120777 << 16), "is a link or a device"),
        (with_directory(zipped({"a.txt": b"12"}, method=0), *SIZE, 3), "claims 3 bytes in 2"),
    ],
)
def test_a_file_that_no_snapshot_has_is_listed_as_unreadable_and_not_read(body: bytes, why: str) -> None:
    assert listed(body)[0].unreadable == why
    with pytest.raises(BadZip, match=why):
        begun(body, "a.txt")


@pytest.mark.parametrize(
    ("body", "why"),
    [
        (with_directory(PLAIN, *SIZE, 11), r"claims 11 bytes of 'a.txt' and has 9|cannot be read"),
        (with_directory(PLAIN, *SIZE, 8), "Bad CRC-32"),
        (with_directory(PLAIN, *CRC, 7), "Bad CRC-32"),
        (with_directory(PLAIN, *PACKED, 4), "claims 9 bytes of 'a.txt' and has|cannot be read"),
        (PLAIN.replace(b"a.txt", b"b.txt", 1), "differ"),
        (b"PK\x05\x06" + PLAIN[4:], "cannot be read"),
    ],
)
def test_a_file_that_is_not_what_the_directory_says_is_refused(body: bytes, why: str) -> None:
    assert listed(body)[0].path == "a.txt"
    with pytest.raises(BadZip, match=why):
        begun(body, "a.txt")


@pytest.mark.parametrize(
    "body", [b"", b"no zip", b"PK\x05\x06" + b"\xff" * 18, PLAIN[:-30], PLAIN[130:], b"\0" * 70_000]
)
def test_what_is_no_zip_is_called_so(body: bytes) -> None:
    with pytest.raises(BadZip, match="cannot be read"):
        listed(body)


@pytest.mark.filterwarnings("ignore:Duplicate name")
def test_a_path_that_comes_twice_is_refused() -> None:
    target = io.BytesIO()
    with zipfile.ZipFile(target, "w") as archive:
        archive.writestr("a", b"1")
        archive.writestr("a", b"2")
    with pytest.raises(BadZip, match="names 'a' twice"):
        listed(target.getvalue())


def test_only_as_much_of_a_bomb_is_unpacked_as_is_shown() -> None:
    body = zipped({"bomb": b"\0" * (200 << 20)})
    tracemalloc.start()
    try:
        found = begun(body, "bomb", 4 << 20)
        peak = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
    assert found is not None
    assert found[1] == b"\0" * (4 << 20)
    assert peak < 12 << 20


def test_more_files_than_are_looked_at_are_refused_before_they_take_memory(monkeypatch: pytest.MonkeyPatch) -> None:
    many = zipped({f"{at}": b"" for at in range(FILES_MAX)}, method=0)
    assert len(listed(many)) == FILES_MAX
    more = zipped({f"{at}": b"" for at in range(FILES_MAX + 1)}, method=0)
    tracemalloc.start()
    try:
        with pytest.raises(TooMuch, match="more than 20000 files"):
            listed(more)
        assert tracemalloc.get_traced_memory()[1] < 4 << 20
    finally:
        tracemalloc.stop()
    monkeypatch.setattr(zips, "READ_BYTES_MAX", 1000)
    with pytest.raises(TooMuch, match="at most 1000 are read"):
        listed(zipped({f"{at:0200}": b"" for at in range(30)}))
    assert READ_BYTES_MAX >= FILES_MAX * 200


@settings(max_examples=300, deadline=None)
@given(data=st.data())
def test_whatever_a_byte_says_it_is_a_listing_or_a_bad_zip(data: st.DataObject) -> None:
    body = bytearray(PLAIN)
    directory = PLAIN.index(b"PK\x01\x02")
    place = st.one_of(st.integers(0, 40), st.integers(directory, len(body) - 1))  # headers, where sizes are claimed
    for _ in range(data.draw(st.integers(1, 6))):
        body[data.draw(place)] = data.draw(st.integers(0, 255))
    try:
        for file in listed(bytes(body)):
            begun(bytes(body), file.path, 1000)
    except (BadZip, TooMuch):
        pass
