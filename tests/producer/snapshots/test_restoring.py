"""A ZIP that came from elsewhere leaves its directory by no way, and fills no disk."""

from __future__ import annotations

import os
import stat
import struct
import zipfile
from collections.abc import Callable
from pathlib import Path

import pytest

from runfold.exceptions import SnapshotException
from runfold.snapshots import restoring


def made(path: Path, fill: Callable[[zipfile.ZipFile], object]) -> Path:
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        fill(archive)
    return path


def named(name: str, mode: int = stat.S_IFREG | 0o644) -> zipfile.ZipInfo:
    info = zipfile.ZipInfo("x")
    info.filename = info.orig_filename = name  # the constructor would clean it
    info.external_attr = mode << 16
    return info


@pytest.mark.parametrize("name", ["../out", "a/../../out", "/out", "a//b", "./a", "..", "a/./b"])
def test_a_path_that_leaves_the_directory_is_refused(tmp_path: Path, name: str) -> None:
    archive = made(tmp_path / "a.zip", lambda z: z.writestr(named(name), "x"))
    with pytest.raises(SnapshotException, match="a path that leaves the directory"):
        restoring.check(archive)


@pytest.mark.parametrize("kind", [stat.S_IFLNK, stat.S_IFIFO, stat.S_IFBLK])
def test_links_and_devices_are_refused(tmp_path: Path, kind: int) -> None:
    archive = made(tmp_path / "a.zip", lambda z: z.writestr(named("a", kind | 0o777), "/etc/passwd"))
    with pytest.raises(SnapshotException, match="a link or a device"):
        restoring.check(archive)


@pytest.mark.filterwarnings("ignore:Duplicate name")
def test_a_name_that_comes_twice_is_refused(tmp_path: Path) -> None:
    archive = made(tmp_path / "a.zip", lambda z: (z.writestr("a", "x"), z.writestr("a", "y")))
    with pytest.raises(SnapshotException, match="comes twice"):
        restoring.check(archive)


def test_a_file_that_is_a_directory_as_well_is_refused(tmp_path: Path) -> None:
    archive = made(tmp_path / "a.zip", lambda z: (z.writestr("a", "x"), z.writestr("a/b", "y")))
    with pytest.raises(SnapshotException, match="'a' is a file and a directory"):
        restoring.check(archive)


def test_more_than_the_limit_is_refused(tmp_path: Path) -> None:
    def fill(archive: zipfile.ZipFile) -> None:
        for number in range(4):
            with archive.open(str(number), "w") as file:
                for _ in range(80):
                    file.write(b"\0" * (1 << 20))

    archive = made(tmp_path / "a.zip", fill)
    with pytest.raises(SnapshotException, match="it would be 335544320 bytes, at most 314572800"):
        restoring.check(archive)


def test_a_claim_that_deflate_cannot_keep_is_refused(tmp_path: Path) -> None:
    archive = made(tmp_path / "a.zip", lambda z: z.writestr("a", "x"))
    data = bytearray(archive.read_bytes())
    at = data.index(b"PK\x01\x02")
    data[at + 24 : at + 28] = struct.pack("<I", 100 << 20)
    archive.write_bytes(data)
    with pytest.raises(SnapshotException, match="claims 104857600 bytes in"):
        restoring.check(archive)


def test_entries_that_share_their_bytes_are_refused(tmp_path: Path) -> None:
    archive = made(tmp_path / "a.zip", lambda z: (z.writestr("a", os.urandom(5_000)), z.writestr("b", os.urandom(10))))
    data = bytearray(archive.read_bytes())
    first, second = data.index(b"PK\x01\x02"), data.rindex(b"PK\x01\x02")
    data[second + 20 : second + 24] = data[first + 20 : first + 24]
    archive.write_bytes(data)
    with pytest.raises(SnapshotException, match="name more bytes than it has"):
        restoring.check(archive)


def test_what_snapshots_do_not_have_is_refused(tmp_path: Path) -> None:
    archive = tmp_path / "a.zip"
    with zipfile.ZipFile(archive, "w", zipfile.ZIP_BZIP2) as opened:
        opened.writestr("a", "x")
    with pytest.raises(SnapshotException, match="is compressed by method 12"):
        restoring.check(archive)
    made(archive, lambda z: z.writestr("a", "x"))
    data = bytearray(archive.read_bytes())
    data[data.index(b"PK\x01\x02") + 8] |= 1
    archive.write_bytes(data)
    with pytest.raises(SnapshotException, match="is encrypted"):
        restoring.check(archive)
    made(archive, lambda z: z.writestr("axb", "x"))
    archive.write_bytes(archive.read_bytes().replace(b"axb", b"a\0b"))
    with pytest.raises(SnapshotException, match="has two names"):
        restoring.check(archive)


def test_what_is_no_zip_is_refused(tmp_path: Path) -> None:
    (tmp_path / "a.zip").write_text("no zip")
    with pytest.raises(SnapshotException, match="cannot be read as a ZIP"):
        restoring.check(tmp_path / "a.zip")


def test_directories_are_harmless_entries(tmp_path: Path) -> None:
    archive = made(tmp_path / "a.zip", lambda z: (z.writestr("empty/", ""), z.writestr("a/b", "x")))
    assert [entry.filename for entry in restoring.check(archive)] == ["empty/", "a/b"]


def test_more_entries_than_a_snapshot_may_have_are_refused_unread(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    archive = tmp_path / "many.zip"
    with zipfile.ZipFile(archive, "w") as made:
        for number in range(1001):
            made.writestr(str(number), b"")
    monkeypatch.setattr("runfold.snapshots.restoring.WALKED_MAX", 1001)
    assert len(restoring.check(archive)) == 1001
    monkeypatch.setattr("runfold.snapshots.restoring.WALKED_MAX", 1000)
    monkeypatch.setattr(zipfile, "ZipFile", None)
    with pytest.raises(SnapshotException, match="1001 entries"):
        restoring.check(archive)


def test_entries_are_counted_wherever_they_begin(tmp_path: Path) -> None:
    for shift in range(5):
        (tmp_path / "a").write_bytes(bytes((1 << 20) - shift) + b"PK\x01\x02")
        assert restoring._count(tmp_path / "a") == 1
