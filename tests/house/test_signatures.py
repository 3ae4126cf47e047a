"""The public surface has the original's signatures; what is ours comes after them, by keyword only.

`signatures.txt` holds the facts about azureml-core 1.61.0, a line a member: names, kinds and defaults of parameters as
Python writes them. Of Workspace those are left out that run Azure's own infrastructure.
"""

from __future__ import annotations

import inspect
from collections.abc import Iterator
from importlib import import_module
from pathlib import Path
from typing import NamedTuple

import pytest

# Where each class of the table lives; loaded when its first member is looked at.
CLASSES = {
    "Run": "runfold",
    "Experiment": "runfold",
    "Workspace": "runfold",
    "_SubmittedRun": "runfold.run",
    "_OfflineRun": "runfold.run",
    "ScriptRunConfig": "runfold",
    "RunConfiguration": "runfold",
    "Environment": "runfold",
    "ScriptRun": "runfold",
    "CondaDependencies": "runfold.submitting",
    "DockerConfiguration": "runfold.submitting",
    "MpiConfiguration": "runfold.submitting",
    "PyTorchConfiguration": "runfold.submitting",
    "TensorflowConfiguration": "runfold.submitting",
    "Model": "runfold",
    "Datastore": "runfold",
    "Keyvault": "runfold",
    "InputDatasets": "runfold.run.datasets",
    "OutputDatasets": "runfold.run.datasets",
}


def class_of(owner: str) -> type:
    found: type = getattr(import_module(CLASSES[owner]), owner)
    return found


class Member(NamedTuple):
    """One line of the table."""

    owner: str
    name: str
    parameters: str | None  # None: an attribute, whose kind is read only or settable, or a constant's value
    kind: str


def table() -> Iterator[Member]:
    owner = ""
    for line in (Path(__file__).parent / "signatures.txt").read_text(encoding="utf-8").splitlines():
        if not line.startswith(" "):
            owner = line
        elif "(" in line and " = " not in line.partition("(")[0]:
            name, _, rest = line.strip().partition("(")
            parameters, _, kind = rest.rpartition(")")
            yield Member(owner, name, parameters, kind.strip() or "method")
        elif " = " in line:
            name, _, value = line.strip().partition(" = ")
            yield Member(owner, name, None, f"= {value}")
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
    owner = class_of(member.owner)
    found = inspect.getattr_static(owner, member.name)
    if member.kind.startswith("= "):
        assert repr(found) == member.kind[2:]
        return
    if member.parameters is None:
        assert isinstance(found, property)
        assert (found.fset is not None) == (member.kind == "settable")
        return
    kinds = {"staticmethod": staticmethod, "classmethod": classmethod}
    function = found.__func__ if isinstance(found, (staticmethod, classmethod)) else found
    assert type(found) is kinds.get(member.kind, type(written))
    assert written(inspect.signature(function)) == member.parameters


def public(owner: type) -> Iterator[tuple[str, object]]:
    """Public members, inherited ones too."""
    for name in dir(owner):
        if not name.startswith("_"):
            yield name, inspect.getattr_static(owner, name)


@pytest.mark.parametrize("owner", CLASSES)
def test_what_is_ours_has_a_default(owner: str) -> None:
    for name, found in public(class_of(owner)):
        function = getattr(found, "__func__", found)
        if inspect.isfunction(function):
            for each in inspect.signature(function).parameters.values():
                assert each.kind is not inspect.Parameter.KEYWORD_ONLY or each.default is not each.empty, (name, each)


@pytest.mark.parametrize("owner", CLASSES)
def test_every_public_member_explains_itself(owner: str) -> None:
    for name, found in public(class_of(owner)):
        if callable(found) or isinstance(found, (property, staticmethod, classmethod)):
            assert inspect.getdoc(getattr(found, "__func__", found)), name
