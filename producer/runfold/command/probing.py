"""What `runfold doctor` looks at, on this machine and over the network: the thin edge, which judges nothing.

Everything has a time, nothing is written but a file that is removed at once, and no secret is given back.
"""

from __future__ import annotations

import json
import os
import shutil
import socket
import ssl
import subprocess
import sys
import time
from collections.abc import Sequence
from datetime import datetime, timezone
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple
from urllib.parse import urlsplit

from runfold.journal import folder as folders
from runfold.journal import mounts
from runfold_schemas.home import home

if TYPE_CHECKING:
    from runfold_schemas.settings import Settings

SECRET = "********"


class Origin(NamedTuple):
    """A setting that is not its default: what it is, and where that stands."""

    name: str
    value: str
    source: str


class Reached(NamedTuple):
    """How far one got towards an address: what the name means, in how many seconds a connection came, what went wrong.

    `stage` is the last one that was tried: address, name, connection or tls. `expires` is when the certificate does.
    """

    host: str
    port: int
    addresses: Sequence[str]
    seconds: float
    stage: str
    error: str | None
    expires: datetime | None = None


class JournalFound(NamedTuple):
    """A journal of this machine. `is_sent`: its writer has ended and all of it is acknowledged."""

    writer_id: str
    workspace: str | None
    is_bound: bool
    is_alive: bool
    is_sent: bool
    unacknowledged_bytes: int
    age_s: float


class Ground(NamedTuple):
    """The file system below the journals."""

    folder: Path
    exists: bool
    error: str | None
    file_system: str
    may_map: bool
    free_bytes: int
    total_bytes: int


def origins(settings: Settings, given: Sequence[str] = ()) -> list[Origin]:
    """The settings that somebody has set.

    :param given: Names of those that stand on the command line.
    """
    stack = home() / "stack.json"
    try:
        in_file = json.loads(stack.read_text(encoding="utf-8"))
    except (OSError, ValueError):
        in_file = {}
    found = []
    for name, field in type(settings).model_fields.items():
        variable = f"RUNFOLD_{name.upper()}"
        if name in given:
            source = "command line"
        elif os.environ.get(variable):
            source = "environment"
        elif isinstance(in_file, dict) and in_file.get(name) is not None:
            source = str(stack)
        else:
            continue
        value = getattr(settings, name)
        secret = "SecretStr" in str(field.annotation)
        found.append(Origin(variable, SECRET if secret else str(value), source))
    return found


def reach(host: str, port: int, timeout_s: float, *, tls: bool = False) -> Reached:
    """Resolves a name, connects, and where asked for shakes hands; stops at the first of them that fails."""
    began = time.monotonic()
    addresses: list[str] = []

    def told(stage: str, error: object = None, expires: datetime | None = None) -> Reached:
        text = None if error is None else str(error) or type(error).__name__
        return Reached(host, port, addresses, time.monotonic() - began, stage, text, expires)

    try:
        for *_, place in socket.getaddrinfo(host, port, type=socket.SOCK_STREAM):
            addresses.append(str(place[0]))
    except (OSError, UnicodeError) as error:
        return told("name", error)
    try:
        connection = socket.create_connection((host, port), timeout_s)
    except OSError as error:
        return told("connection", error)
    with connection:
        if not tls:
            return told("connection")
        try:
            with ssl.create_default_context().wrap_socket(connection, server_hostname=host) as secured:
                certificate: Any = secured.getpeercert() or {}
        except OSError as error:  # ssl's errors are among them
            return told("tls", error)
    until = certificate.get("notAfter")
    at = None if until is None else datetime.fromtimestamp(ssl.cert_time_to_seconds(until), timezone.utc)
    return told("tls", None, at)


def reach_address(address: str, timeout_s: float) -> Reached:
    """The same, of an http:// or https:// address."""
    parts = urlsplit(address)
    tls = parts.scheme == "https"
    try:
        port = parts.port or (443 if tls else 80)
    except ValueError as error:
        return Reached(parts.hostname or "", 0, [], 0.0, "address", str(error))
    if parts.scheme not in ("http", "https") or not parts.hostname:
        return Reached("", 0, [], 0.0, "address", f"{address!r} does not begin with http:// or https:// and a name")
    return reach(parts.hostname, port, timeout_s, tls=tls)


def brokers(bootstrap: str) -> list[tuple[str, int]]:
    """Hosts and ports of RUNFOLD_KAFKA; none where one of them is neither."""
    found = []
    for each in bootstrap.split(","):
        host, _, port = each.strip().rpartition(":")
        if not host or not port.isdecimal() or int(port) > 65_535:
            return []
        found.append((host.strip("[]"), int(port)))
    return found


def journals(root: Path, now: float) -> list[JournalFound]:
    """The journals of this machine, oldest first; what disappears meanwhile is left out."""
    found = []
    for folder in folders.journals(root):
        try:
            workspace = folders.header(folder).workspace
            bound = workspace is not None or folders.read_binding(folder) is not None
        except (OSError, ValueError):
            workspace, bound = None, True
        try:
            alive = folders.is_alive(folder)
            checkpoint = folders.read_checkpoint(folder) or {}
            sent = not alive and bool(checkpoint.get("spoken_for"))
            at = max((path.stat().st_mtime for _, path in folders.segments(folder)), default=folder.stat().st_mtime)
            left = 0 if sent else folders.unacknowledged_bytes(folder)
        except OSError:
            continue
        found.append(JournalFound(folder.name, workspace, bound, alive, sent, left, max(0.0, now - at)))
    return found


def ground(root: Path) -> Ground:
    """The file system that journals are on, or would be."""
    place = root
    while not place.exists() and place != place.parent:
        place = place.parent
    usage = shutil.disk_usage(place)
    try:
        file_system = mounts.file_system_of(place, Path("/proc/self/mountinfo").read_text())
    except OSError:
        file_system = ""
    error = None if os.access(place, os.W_OK | os.X_OK) and place.is_dir() else f"{place} may not be written"
    return Ground(root, root.exists(), error, file_system, mounts.may_map(place), usage.free, usage.total)


def stack(timeout_s: float) -> list[dict[str, Any]] | None:
    """The services of the local stack, as `runfold status --json` tells them; None where there is no stack here.

    The room that knows lies above this one, so it is asked as anybody would ask it.

    :raises OSError: It did not answer.
    """
    if not (home() / "services.json").exists():
        return None
    command = [sys.executable, "-m", "runfold_deploy.command", "status", "--json"]
    try:
        done = subprocess.run(command, capture_output=True, text=True, timeout=timeout_s, check=False)
        services = json.loads(done.stdout)["services"]
    except (subprocess.TimeoutExpired, ValueError, KeyError) as error:
        raise OSError(f"runfold status does not answer: {type(error).__name__}") from error
    return list(services)
