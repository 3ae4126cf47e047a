"""`runfold journal` tells what journals hold, and saves what a damaged one still has."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from typer.testing import CliRunner

from runfold.journal.command import app
from runfold.journal.format import BLOCK
from runfold.journal.writer import Journal

POINTS = 300


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    journal = Journal.create(tmp_path / "journals", workspace="w")
    for number in range(POINTS):
        journal.points("one").log("loss", float(number))
    journal.close()
    return journal.folder


def told(*words: str) -> tuple[int, dict[str, object]]:
    result = CliRunner().invoke(app, ["report", *words, "--json"])
    return result.exit_code, json.loads(result.stdout)


def test_a_sound_journal_is_counted_and_ends_0(folder: Path) -> None:
    code, document = told("--journal", str(folder.parent))
    assert code == 0
    (one,) = document["journals"]  # type: ignore[misc]
    assert (one["writer_id"], one["sound"], one["records"][0]["count"]) == (folder.name, True, POINTS)


def test_a_damaged_one_ends_1_and_its_copy_is_sound(folder: Path, tmp_path: Path) -> None:
    segment = folder / "00000001.seg"
    content = bytearray(segment.read_bytes())
    content[BLOCK + 100] ^= 1
    segment.write_bytes(content)
    code, document = told("--journal", str(folder.parent), folder.name)
    assert code == 1
    (one,) = document["journals"]  # type: ignore[misc]
    lost = sum(loss["last"] - loss["first"] + 1 for loss in one["losses"])
    assert lost == POINTS - one["records"][0]["count"] > 0

    copies = tmp_path / "copies"
    copies.mkdir()
    result = CliRunner().invoke(app, ["copy", folder.name, str(copies), "--journal", str(folder.parent)])
    assert result.exit_code == 0, result.output
    _, document = told("--journal", str(copies))
    (copied,) = document["journals"]  # type: ignore[misc]
    assert copied["damage"] == []
    assert copied["records"] == one["records"]


def test_an_unknown_writer_is_named(folder: Path) -> None:
    result = CliRunner().invoke(app, ["report", "f" * 32, "--journal", str(folder.parent)])
    assert result.exit_code == 2
    assert "f" * 32 in result.output
