"""The migration guide has a row for every public name of the table of signatures, and rows of nothing else."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from .test_signatures import CLASSES, table

GUIDE = Path(__file__).parents[2] / "docs/migration.md"
ROW = re.compile(r"^\| `(\w+)` \| (\w+) \| (.*?) ?\|$", re.MULTILINE)


def rows(owner: str) -> list[tuple[str, str, str]]:
    """Name, verdict and words of each row of a class's section."""
    section = re.search(rf"^## {owner}\n(.*?)(?=^## |\Z)", GUIDE.read_text(encoding="utf-8"), re.MULTILINE | re.DOTALL)
    assert section is not None, f"docs/migration.md has no section {owner}"
    return ROW.findall(section[1])


@pytest.mark.parametrize("owner", CLASSES)
def test_each_public_name_has_one_row(owner: str) -> None:
    told = [name for name, _, _ in rows(owner)]
    assert sorted(told) == sorted(member.name for member in table() if member.owner == owner)


@pytest.mark.parametrize("owner", CLASSES)
def test_a_row_says_same_or_how_it_is_better_or_why_it_differs(owner: str) -> None:
    for name, verdict, words in rows(owner):
        assert verdict in ("same", "better", "different"), (name, verdict)
        assert words or verdict == "same", f"{owner}.{name} is {verdict}: how, why?"


def test_what_is_said_to_be_absent_is_absent() -> None:
    from runfold import Dataset, Environment, Workspace

    text = GUIDE.read_text(encoding="utf-8")
    for owner, carried in (("Workspace", Workspace), ("Environment", Environment), ("Dataset", Dataset)):
        section = text.partition(f"## {owner}\n")[2].partition("\n## ")[0]
        absent = re.findall(r"`(\w+)`", section.partition("Not carried")[2])
        assert absent
        assert [name for name in absent if hasattr(carried, name)] == []
