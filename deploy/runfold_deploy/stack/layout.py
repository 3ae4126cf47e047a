"""The folder of one local stack, RUNFOLD_HOME.

    stack.json      settings that clients read (mode 0600)
    services.json   the services that were started: pid, start mark, boot id, address, fingerprint
    ports.json      ports, chosen once
    secrets.json    passwords and keys, drawn at first start (mode 0600)
    lock            held by `up` and `down`
    logs/           one file a service
    kafka/ postgres/ s3/   data of the engines
    secrets/        what scripts keep in their key vault, where they name no other provider (mode 0700)
    jars/           Kafka, see `downloads`; RUNFOLD_JARS names another folder

Every file is replaced atomically, so a power-off leaves the old one or the new one.
"""

from __future__ import annotations

import contextlib
import fcntl
import json
import os
import tempfile
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any, NamedTuple

from runfold_deploy.stack.errors import StackError


class Layout(NamedTuple):
    """Names of the files and folders under `home`."""

    home: Path
    jars: Path

    @property
    def stack(self) -> Path:
        """Settings that clients read."""
        return self.home / "stack.json"

    @property
    def services(self) -> Path:
        """The services that were started."""
        return self.home / "services.json"

    @property
    def ports(self) -> Path:
        """Ports by name."""
        return self.home / "ports.json"

    @property
    def secrets(self) -> Path:
        """Passwords and keys by name."""
        return self.home / "secrets.json"

    def log(self, service: str) -> Path:
        """Log file of a service."""
        return self.home / "logs" / f"{service}.log"

    def folder(self, service: str) -> Path:
        """A folder for its owner alone, such as an engine's data; created when absent."""
        folder = self.home / service
        folder.mkdir(mode=0o700, exist_ok=True)
        return folder


def layout(home: Path, environment: Mapping[str, str]) -> Layout:
    """The layout under `home`; nothing is created."""
    jars = environment.get("RUNFOLD_JARS")
    return Layout(home, Path(jars).absolute() if jars else home / "jars")


def create(place: Layout) -> None:
    """Creates the folders, for the owner alone; root leaves a way through, since Postgres runs as `nobody` there.

    Raises:
        StackError: the folder cannot be created.
    """
    try:
        place.home.mkdir(mode=0o700, parents=True, exist_ok=True)
        if os.geteuid() == 0:
            place.home.chmod(place.home.stat().st_mode & 0o7777 | 0o711)
        (place.home / "logs").mkdir(mode=0o700, exist_ok=True)
    except OSError as error:
        raise StackError(f"{place.home} cannot be used: {error}. Set RUNFOLD_HOME to a folder of your own.") from error


@contextlib.contextmanager
def locked(place: Layout, waiting: Callable[[], None]) -> Iterator[None]:
    """Holds the stack's lock, which ends with its holder, however that dies; `waiting` hears that another has it."""
    with (place.home / "lock").open("a") as file:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            waiting()
            fcntl.flock(file, fcntl.LOCK_EX)
        yield


def read(path: Path) -> dict[str, Any]:
    """The JSON object in a file; empty where there is none.

    Raises:
        StackError: the file is not what was written there.
    """
    try:
        body = json.loads(path.read_text())
    except FileNotFoundError:
        return {}
    except (OSError, ValueError) as error:
        raise StackError(f"{path} cannot be read: {error}. Move it away, then: runfold up") from error
    if not isinstance(body, dict):
        raise StackError(f"{path} holds no JSON object. Move it away, then: runfold up")
    return body


def write(path: Path, body: Mapping[str, Any]) -> None:
    """Replaces a JSON file atomically and durably, readable by its owner alone."""
    descriptor, name = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name}.")  # mode 0600
    try:
        with os.fdopen(descriptor, "w") as file:
            json.dump(body, file, indent=2)
            file.write("\n")
            file.flush()
            os.fsync(file.fileno())
        Path(name).replace(path)
    except BaseException:
        Path(name).unlink(missing_ok=True)
        raise
