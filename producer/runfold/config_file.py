"""The original's config file: where it is looked for, what is read from it, how it is written.

Upward from a directory: `.azureml/config.json` of all directories first, then `aml_config/config.json`, then plain
`config.json`; `project.json` beside each. A plain file counts only when it names a workspace, since config.json may be
anybody's. It may also hold settings (see `runfold_schemas.settings`).
"""

from __future__ import annotations

import json
import os
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

from runfold.exceptions import UserErrorException

_FOLDERS = (".azureml", "aml_config", "")
_NAMES = ("config.json", "project.json")


class Found(NamedTuple):
    """What a config file says."""

    file: Path | None
    subscription_id: str
    resource_group: str
    workspace_name: str | None
    location: str | None


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
    """Where a search begins."""
    path = Path(start or ".")
    try:
        return path.absolute()
    except OSError:  # there is no working directory
        return path


def write(below: str | os.PathLike[str] | None, name: str | None, found: Found) -> None:
    """Writes `.azureml/config.json`, or another name, below a directory; the current one where None."""
    folder = where(below) / ".azureml"
    folder.mkdir(parents=True, exist_ok=True)
    said = {name: getattr(found, name) for name in ("subscription_id", "resource_group", "workspace_name")}
    (folder / (name or _NAMES[0])).write_text(json.dumps(said, indent=4), encoding="utf-8")


def _nearest(start: Path, names: tuple[str, ...]) -> Path | None:
    for file in _candidates(start, names):
        if file.is_file() and (file.parent.name in _FOLDERS[:2] or _names_workspace(file)):
            return file
    return None


def _candidates(start: Path, names: tuple[str, ...]) -> Iterator[Path]:
    for folder in _FOLDERS:
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
    )
