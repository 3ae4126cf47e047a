"""A spooled file leaves the spool when it is stored, and not before."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from runfold.shipper.spool import Spooled, spooled, upload_spooled


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    (tmp_path / "spool").mkdir()
    return tmp_path


def put(folder: Path, name: str, body: bytes, run: str = "r", tail: str = "") -> None:
    (folder / "spool" / name).write_bytes(body)
    described = {"run_id": run, "sha256": name, "size": len(body), "media_type": "text/plain"}
    (folder / "spool" / f"{name}{tail}.json").write_text(json.dumps(described))


def test_stored_files_are_deleted(folder: Path) -> None:
    put(folder, "aa", b"1")
    put(folder, "bb", b"2")
    stored: list[tuple[str, bytes]] = []
    assert upload_spooled(folder, lambda file: stored.append((file.sha256, file.path.read_bytes()))) == (0, None)
    assert sorted(stored) == [("aa", b"1"), ("bb", b"2")]
    assert list((folder / "spool").iterdir()) == []


def test_a_failure_keeps_the_file_and_ends_the_round(folder: Path) -> None:
    put(folder, "aa", b"1")
    put(folder, "bb", b"2")
    away = ConnectionError("object store away")

    def upload(file: Spooled) -> None:
        raise away

    assert upload_spooled(folder, upload) == (2, away)
    assert len(spooled(folder)) == 2


def test_bytes_of_two_runs_stay_until_both_are_stored(folder: Path) -> None:
    put(folder, "aa", b"1", run="one")
    put(folder, "aa", b"1", run="two", tail=".two")
    seen: list[str] = []

    def upload(file: Spooled) -> None:
        assert file.path.read_bytes() == b"1"
        seen.append(file.run_id)

    assert upload_spooled(folder, upload) == (0, None)
    assert sorted(seen) == ["one", "two"]


def test_what_is_still_being_copied_is_left_alone(folder: Path) -> None:
    (folder / "spool" / "aa").write_bytes(b"half")
    (folder / "spool" / "bb.json").write_text('{"run_id":')
    assert spooled(folder) == []
    assert upload_spooled(folder, lambda file: None) == (0, None)
    assert len(list((folder / "spool").iterdir())) == 2


def test_after_the_deadline_nothing_is_begun(folder: Path) -> None:
    put(folder, "aa", b"1")
    assert upload_spooled(folder, lambda file: None, deadline=0.0) == (1, None)
