"""The original's config file: where it is looked for, what is read from it, how it is written.

Upward from a directory: `.azureml/config.json` of all directories first, then `aml_config/config.json`, then plain
`config.json`; `project.json` beside each. A plain file counts only when it names a workspace, since config.json may be
anybody's. It may also hold settings (see `runfold_schemas.settings`).

Azure's three identifiers are mapped to the name that topics and tables use (`ledger_name`), by the first of these:

    1. RUNFOLD_WORKSPACE: what it says is a name of the ledger, which nothing maps.
    2. RUNFOLD_WORKSPACES, then `workspaces` of the file: JSON {"name": "ledger name"}, in the variable also
       `name=ledger-name` with commas between them. A name is `subscription/group/workspace`, `group/workspace`,
       `workspace` or `*`, and the most special one that fits counts; upper and lower case do not matter.
    3. The local stack, where nothing but its stack.json says where the ledger is, and all three identifiers are given:
       they mean a workspace of Azure, and the stack has one workspace.
    4. The workspace's name in lower case, '-' for '_'.
"""

from __future__ import annotations

import json
import os
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import NamedTuple

from runfold import notices, validation
from runfold.exceptions import UserErrorException

FOLDERS = (".azureml", "aml_config")
_NAMES = ("config.json", "project.json")
WORKSPACES = "RUNFOLD_WORKSPACES"
_LEDGER = ("kafka", "api")  # settings that name a ledger, be it the local stack's or not


class Found(NamedTuple):
    """What a config file says."""

    file: Path | None
    subscription_id: str
    resource_group: str
    workspace_name: str | None
    location: str | None
    workspaces: Mapping[str, str] | None = None
    """Ledger names by workspace, where the file maps them."""
    names_ledger: bool = False
    """Whether settings in the file say where the ledger is."""


def find(start: str | os.PathLike[str] | None, name: str | None) -> Found:
    """What the nearest config file says; all empty where there is none.

    :param start: The file itself, or where to begin; the current directory where None.
    :param name: Name of the file, for config.json.
    :raises UserErrorException: There is nothing at `start`, or the file is no such file.
    """
    path = where(start)
    if start is None and not path.exists():  # the working directory was deleted
        return Found(None, "", "", None, None)
    if not path.exists():
        raise UserErrorException(f"There is neither a config file nor a directory at {path}.")
    file = path if path.is_file() else _nearest(path, (name,) if name else _NAMES)
    return Found(None, "", "", None, None) if file is None else _read(file)


def where(start: str | os.PathLike[str] | None) -> Path:
    """Where a search begins.

    :raises UserErrorException: It is no path.
    """
    if start is not None and not isinstance(start, (str, os.PathLike)):
        raise UserErrorException(
            f"path must be a file or a directory, as str or path; it is {start!r:.200} of type {type(start).__name__}."
        )
    path = Path(start or ".")
    try:
        return path.absolute()
    except OSError:  # there is no working directory
        return path


def write(below: str | os.PathLike[str] | None, name: str | None, found: Found) -> None:
    """Writes `.azureml/config.json`, or another name, below a directory; the current one where None."""
    folder = where(below) / FOLDERS[0]
    folder.mkdir(parents=True, exist_ok=True)
    said = {name: getattr(found, name) for name in ("subscription_id", "resource_group", "workspace_name")}
    (folder / (name or _NAMES[0])).write_text(json.dumps(said, indent=4), encoding="utf-8")


def ledger_name(
    subscription_id: str,
    resource_group: str,
    workspace_name: str,
    file: Found | None = None,
    environ: Mapping[str, str] = os.environ,
) -> str:
    """The name that topics and tables use for a workspace; see the module for the rules.

    :param file: The config file that named it, if one did.
    :raises UserErrorException: RUNFOLD_WORKSPACES cannot be read, or a name is none that topics can have.
    """
    if workspace_name == environ.get("RUNFOLD_WORKSPACE"):
        return validation.ledger_name(workspace_name)
    said = environ.get(WORKSPACES)
    for table in (_pairs(said) if said else None, file.workspaces if file is not None else None):
        found = _mapped(table or {}, subscription_id or "", resource_group or "", workspace_name)
        if found is not None:
            return validation.ledger_name(found)
    elsewhere = any(environ.get(f"RUNFOLD_{name.upper()}") for name in _LEDGER)
    if subscription_id and resource_group and not elsewhere and not (file is not None and file.names_ledger):
        local = _local_workspace()
        if local is not None:
            notices.note(f"workspace {workspace_name!r} of Azure is {local!r} here; {WORKSPACES} can say otherwise.")
            return validation.ledger_name(local)
    return validation.ledger_name(workspace_name)


def _mapped(table: Mapping[str, str], subscription_id: str, resource_group: str, workspace_name: str) -> str | None:
    known = {name.strip("/ ").lower(): ledger for name, ledger in table.items()}
    names = (
        f"{subscription_id}/{resource_group}/{workspace_name}",
        f"{resource_group}/{workspace_name}",
        workspace_name,
        "*",
    )
    return next((known[name.lower()] for name in names if name.lower() in known), None)


def _pairs(text: str) -> Mapping[str, str]:
    if text.lstrip().startswith("{"):
        try:
            return _table(WORKSPACES, json.loads(text))
        except ValueError as error:
            raise UserErrorException(f"{WORKSPACES} cannot be read as JSON: {error}.", inner_exception=error) from error
    pairs = [pair.partition("=") for pair in text.split(",") if pair.strip()]
    wrong = next((name for name, equals, ledger in pairs if not equals or not ledger.strip()), None)
    if wrong is not None:
        raise UserErrorException(
            f"{WORKSPACES} says {wrong!r}; a JSON object is allowed, or pairs: 'my_workspace=ledger-name,*=local'."
        )
    return {name.strip(): ledger.strip() for name, _, ledger in pairs}


def _table(where: object, said: object) -> Mapping[str, str]:
    if not isinstance(said, dict) or not all(isinstance(value, str) for value in said.values()):
        raise UserErrorException(f"{where} must map names of workspaces to ledger names, as a JSON object of texts.")
    return said


def _local_workspace() -> str | None:
    """The workspace that the local stack's stack.json names; read without the machinery of settings, which is heavy."""
    from runfold_schemas.home import home

    try:
        said = json.loads((home() / "stack.json").read_bytes())
    except (OSError, ValueError):
        return None
    found = said.get("workspace") if isinstance(said, dict) else None
    return found if isinstance(found, str) else None


def _nearest(start: Path, names: tuple[str, ...]) -> Path | None:
    for file in _candidates(start, names):
        if file.is_file() and (file.parent.name in FOLDERS or _names_workspace(file)):
            return file
    return None


def _candidates(start: Path, names: tuple[str, ...]) -> Iterator[Path]:
    for folder in (*FOLDERS, ""):
        for name in names:
            for directory in (start, *start.parents):
                yield directory / folder / name


def _names_workspace(file: Path) -> bool:
    try:
        _read(file)
    except UserErrorException:
        return False
    return True


def _read(file: Path) -> Found:
    try:
        body = json.loads(file.read_bytes())
    except (OSError, ValueError) as error:
        raise UserErrorException(f"{file} cannot be read as JSON: {error}.", inner_exception=error) from error
    if isinstance(body, dict) and isinstance(body.get("Scope"), str):  # project.json: one ARM path names all three
        parts = body["Scope"].strip("/").split("/")
        scope = dict(zip((part.lower() for part in parts[::2]), parts[1::2], strict=False))
        body = {
            **body,
            "subscription_id": scope.get("subscriptions"),
            "resource_group": scope.get("resourcegroups"),
            "workspace_name": scope.get("workspaces"),
        }
    name = body.get("workspace_name", body.get("workspace")) if isinstance(body, dict) else None
    if not isinstance(name, str):
        raise UserErrorException(
            f"{file} names no workspace: it needs a JSON object with workspace_name, and may have subscription_id and "
            "resource_group."
        )
    return Found(
        file,
        str(body.get("subscription_id") or ""),
        str(body.get("resource_group") or ""),
        name,
        body.get("location"),
        _table(f"'workspaces' of {file}", body["workspaces"]) if "workspaces" in body else None,
        any(body.get(name) for name in _LEDGER),
    )
