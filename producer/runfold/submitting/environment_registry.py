"""Environments of a workspace: each name has versions, 1, 2, ...; the same definition again is the same version.

A label is a tag of a version, `label/<label>`, on one version at a time; `latest` is on the latest by itself.

Environments that Azure itself provides (names that begin with AzureML or Microsoft) are there for whoever asks by name:
without packages, to run in the interpreter that submits. A registered one of that name goes before.
"""

from __future__ import annotations

import filecmp
import json
import os
import shutil
from collections.abc import Iterable
from pathlib import Path
from typing import TYPE_CHECKING, Any

from runfold import notices, validation
from runfold.exceptions import ServiceException, UserErrorException
from runfold_schemas import limits

from .definition import without_secrets
from .environment_definition import Environment

if TYPE_CHECKING:
    from runfold.reading.records import AssetRecord
    from runfold.workspace import Workspace

KIND = "environment"
LATEST = "latest"
_LABEL = "label/"
_CURATED = ("AzureML", "Microsoft")
_OF_A_VERSION = ("name", "version", "assetId")  # what a definition does not hold, since its version says it


def register(environment: Environment, workspace: Workspace) -> Environment:
    """Keeps an environment as a version of its name, and returns that version.

    :raises ServiceAwayError: What was registered is not visible in time; it stays stated.
    """
    from runfold_schemas.events import AssetRegistered

    name = _name(environment.name)
    said, hidden = without_secrets(environment._document())
    if hidden:
        notices.say(
            f"environment {name!r} is registered without the values of {', '.join(hidden)}: secrets are not "
            "registered; set them in run_config.environment_variables when you submit."
        )
    definition = {key: value for key, value in said.items() if key not in _OF_A_VERSION}
    session = workspace._session
    lane, ordinal = session.about(
        KIND, name, AssetRegistered, definition=json.dumps(definition, sort_keys=True, default=str)
    )
    session.decisions.wait(lane, ordinal, "Environment.register")
    return get(workspace, name)


def get(workspace: Workspace, name: str, version: str | None = None, label: str | None = None) -> Environment:
    """A registered environment, fetched.

    :raises UserErrorException: Version and label are given, or there is none.
    """
    if version is not None and label is not None:
        raise UserErrorException("Give a version or a label, not both.")
    asked = _name(name)
    number = _version(version)
    if label is not None and label.lower() != LATEST:
        number = _labelled(workspace, asked, label)
    try:
        record = workspace._session.read(lambda api: api.asset(KIND, asked, number))
    except ServiceException as error:
        if error.status_code != 404:
            raise
        if asked.startswith(_CURATED):
            return _curated(asked, version)
        there = ", ".join(sorted(listed(workspace))) or "none"
        raise UserErrorException(
            f"There is no environment {asked!r}{f' of version {number}' if number else ''} in workspace "
            f"{workspace.name}; registered are: {there}.",
            inner_exception=error,
        ) from error
    return _of(record)


def listed(workspace: Workspace) -> dict[str, Environment]:
    """The latest version of each name, fetched."""
    found = workspace._session.read(lambda api: list(api.assets(KIND, latest=True)))
    return _Listed({record["name"]: _of(record) for record in found})


class _Listed(dict[str, Environment]):
    """Registered environments by name; Azure's own are there by `[]`, and are not listed."""

    def __missing__(self, name: str) -> Environment:
        if isinstance(name, str) and name.startswith(_CURATED):
            return _curated(name, None)
        raise KeyError(name)


def _curated(name: str, version: str | None) -> Environment:
    notices.once(
        (KIND, name),
        f"environment {name!r} is Azure's; here it stands for the interpreter that submits. Register one of that name "
        "to give it another meaning.",
    )
    made = Environment(name)
    made.version = str(version or 1)
    made.python.user_managed_dependencies = True
    return made


def label(workspace: Workspace, name: str, version: str, labels: Any) -> None:
    """Puts labels on a version, and takes them from others."""
    from runfold_schemas.events import AssetChanged

    number = _version(version)
    if number is None:
        raise UserErrorException("label needs a version; Environment.get(workspace, name).version tells the latest.")
    words = [labels] if isinstance(labels, str) else list(labels) if isinstance(labels, Iterable) else []
    if not words or not all(isinstance(each, str) and each for each in words):
        raise UserErrorException(f"labels is {labels!r:.200}; a list of texts is needed.")
    if LATEST in (each.lower() for each in words):
        raise UserErrorException("The label 'latest' is on the latest version by itself.")
    asked, session = _name(name), workspace._session
    keys = [validation.text("label", _LABEL + each, limits.TAG_KEY_BYTES_MAX) for each in words]
    for record in session.read(lambda api: list(api.assets(KIND, asked))):
        gone = [key for key in keys if key in record["tags"] and record["version"] != number]
        if gone:
            session.about(KIND, asked, AssetChanged, version=record["version"], removed_tags=tuple(gone))
    lane, ordinal = session.about(KIND, asked, AssetChanged, version=number, tags=dict.fromkeys(keys))
    session.decisions.wait(lane, ordinal, "Environment.label")


def add_private_pip_wheel(workspace: Workspace, file_path: str | os.PathLike[str], exist_ok: bool) -> str:
    """Keeps a wheel below RUNFOLD_HOME, where jobs of this machine find it, and returns its file:// address."""
    from runfold_schemas import settings

    wheel = Path(file_path)
    if wheel.suffix != ".whl" or not wheel.is_file():
        raise UserErrorException(f"{wheel} is no wheel: the path of a .whl file is needed.")
    folder = settings.home() / "wheels" / workspace._ledger_name
    kept = folder / wheel.name
    if kept.is_file() and not (exist_ok and filecmp.cmp(kept, wheel, shallow=False)):
        raise UserErrorException(
            f"A wheel {wheel.name} is kept already, at {kept}; give this one another version"
            + ("." if exist_ok else ", or say exist_ok=True if it is the same.")
        )
    folder.mkdir(parents=True, exist_ok=True)
    part = folder / f".{wheel.name}.{os.getpid()}.part"
    shutil.copyfile(wheel, part)
    part.replace(kept)
    return kept.as_uri()


def _labelled(workspace: Workspace, name: str, label: str) -> int:
    tags = json.dumps(_LABEL + label)
    for record in workspace._session.read(lambda api: list(api.assets(KIND, name, tags=tags))):
        return int(record["version"])
    raise UserErrorException(f"No version of environment {name!r} has the label {label!r}.")


def _of(record: AssetRecord) -> Environment:
    made = Environment._of({**record["definition"], "name": record["name"]})
    made.version = str(record["version"])
    made.asset_id = f"{record['name']}:{record['version']}"
    return made


def _version(version: object) -> int | None:
    if version is None:
        return None
    try:
        return int(str(version))
    except ValueError:
        raise UserErrorException(f"version is {version!r:.200}; a whole number from 1 is allowed.") from None


def _name(name: object) -> str:
    return validation.text("name of an environment", name, limits.RUN_ID_CHARACTERS_MAX)
