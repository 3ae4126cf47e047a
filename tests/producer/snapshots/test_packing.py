"""A snapshot's ZIP: the same bytes for the same content, and what comes out is what went in."""

from __future__ import annotations

import io
import os
import tempfile
import zipfile
from pathlib import Path

from hypothesis import given
from hypothesis import strategies as st

from runfold.snapshots import contents, packing, restoring

NAME = st.text(st.characters(exclude_characters="/\0", exclude_categories=["Cs"]), min_size=1, max_size=20).filter(
    lambda name: name not in (".", "..") and not name.startswith((".aml", ".git"))
)


def packed(root: Path) -> tuple[bytes, contents.Contents]:
    target = io.BytesIO()
    found = packing.pack(contents.of(root), target)
    return target.getvalue(), found


def extracted(archive: Path, directory: Path) -> list[str]:
    """Extracts it as unzip does, modes and all: the paths of its files."""
    entries = restoring.check(archive)
    with zipfile.ZipFile(archive) as opened:
        for entry in entries:
            Path(opened.extract(entry, directory)).chmod(entry.external_attr >> 16 & 0o777)
    return [entry.filename for entry in entries]


@given(st.dictionaries(NAME, st.tuples(st.binary(max_size=200), st.booleans()), max_size=5))
def test_what_was_packed_comes_out_as_it_was(files: dict[str, tuple[bytes, bool]]) -> None:
    with tempfile.TemporaryDirectory() as scratch:
        root, out = Path(scratch) / "in", Path(scratch) / "out"
        (root / "deep").mkdir(parents=True)
        out.mkdir()
        for name, (data, executable) in files.items():
            path = root / "deep" / name
            path.write_bytes(data)
            path.chmod(0o755 if executable else 0o644)
        data, found = packed(root)
        archive = Path(scratch) / "snapshot.zip"
        archive.write_bytes(data)
        assert sorted(extracted(archive, out)) == sorted(entry.path for entry in found.entries)
        again, back = packed(out)
        assert (again, back.snapshot_id) == (data, found.snapshot_id)


def test_times_owners_and_places_change_no_byte(tmp_path: Path) -> None:
    for name, when in (("one", 1e9), ("two", 1.5e9)):
        (tmp_path / name).mkdir()
        (tmp_path / name / "a.py").write_text("a" * 100)
        os.utime(tmp_path / name / "a.py", (when, when))
    assert packed(tmp_path / "one")[0] == packed(tmp_path / "two")[0]


def test_a_log_that_grows_meanwhile_is_packed_as_long_as_it_was(tmp_path: Path) -> None:
    (tmp_path / "train.log").write_text("one\n")
    before = contents.of(tmp_path)
    with (tmp_path / "train.log").open("a") as file:
        file.write("two\n")
    target = io.BytesIO()
    assert packing.pack(before, target).snapshot_id == before.snapshot_id
    assert zipfile.ZipFile(target).read("train.log") == b"one\n"


def test_the_id_is_that_of_what_was_packed(tmp_path: Path) -> None:
    for name in ("a.py", "b.py"):
        (tmp_path / name).write_text("one")
    before = contents.of(tmp_path)
    (tmp_path / "a.py").write_text("two")
    (tmp_path / "b.py").unlink()
    target = io.BytesIO()
    after = packing.pack(before, target)
    assert after.snapshot_id != before.snapshot_id
    assert after.snapshot_id == contents.of(tmp_path).snapshot_id
