"""The public surface has the original's signatures; what is ours comes after them, by keyword only.

`signatures.txt` holds the facts about azureml-core 1.61.0, a line a member: names, kinds and defaults of parameters as
Python writes them, for the members that Runfold has so far.
"""

from __future__ import annotations

import inspect
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

import pytest

import runfold.run
from runfold import Experiment, Run, Workspace

CLASSES = {
    "Run": Run,
    "Experiment": Experiment,
    "Workspace": Workspace,
    "_SubmittedRun": runfold.run._SubmittedRun,
    "_OfflineRun": runfold.run._OfflineRun,
}


class Member(NamedTuple):
    """One line of the table."""

    owner: str
    name: str
    parameters: str | None  # None: an attribute
    kind: str


def table() -> Iterator[Member]:
    owner = ""
    for line in (Path(__file__).parent / "signatures.txt").read_text(encoding="utf-8").splitlines():
        if not line.startswith(" "):
            owner = line
        elif "(" in line:
            name, _, rest = line.strip().partition("(")
            parameters, _, kind = rest.rpartition(")")
            yield Member(owner, name, parameters, kind.strip() or "method")
        else:
            name, _, kind = line.strip().partition(": ")
            yield Member(owner, name, None, kind)


def written(signature: inspect.Signature) -> str:
    """Parameters without annotations, our own keyword-only ones left out."""
    stars: dict[object, str] = {inspect.Parameter.VAR_KEYWORD: "**", inspect.Parameter.VAR_POSITIONAL: "*"}
    return ", ".join(
        stars.get(each.kind, "") + each.name + (f"={each.default!r}" if each.default is not each.empty else "")
        for each in signature.parameters.values()
        if each.kind is not inspect.Parameter.KEYWORD_ONLY
    )


@pytest.mark.parametrize("member", list(table()), ids=lambda member: f"{member.owner}.{member.name}")
def test_a_member_is_the_originals(member: Member) -> None:
    owner = CLASSES[member.owner]
    found = inspect.getattr_static(owner, member.name)
    if member.parameters is None:
        assert isinstance(found, property)
        assert (found.fset is not None) == (member.kind == "settable")
        return
    kinds = {"staticmethod": staticmethod, "classmethod": classmethod}
    function = found.__func__ if isinstance(found, (staticmethod, classmethod)) else found
    assert type(found) is kinds.get(member.kind, type(written))
    assert written(inspect.signature(function)) == member.parameters


def test_what_is_ours_has_a_default() -> None:
    for owner in CLASSES.values():
        for name, found in vars(owner).items():
            function = getattr(found, "__func__", found)
            if name.startswith("_") or not inspect.isfunction(function):
                continue
            for each in inspect.signature(function).parameters.values():
                assert each.kind is not inspect.Parameter.KEYWORD_ONLY or each.default is not each.empty, (name, each)


def test_every_public_member_explains_itself() -> None:
    for owner in CLASSES.values():
        for name, found in vars(owner).items():
            if not name.startswith("_") and (
                callable(found) or isinstance(found, (property, staticmethod, classmethod))
            ):
                assert inspect.getdoc(getattr(owner, name) if not isinstance(found, property) else found), name
