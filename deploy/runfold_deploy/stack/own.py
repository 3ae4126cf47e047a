"""Runfold's own services: projectors, watchdog, node shipper and query API, each a Python process without a wrapper."""

from __future__ import annotations

import hashlib
import os
import sys
from collections.abc import Mapping
from functools import cache
from importlib.metadata import version
from importlib.util import find_spec
from pathlib import Path

from runfold_deploy.stack.layout import Layout
from runfold_deploy.stack.service import Launch, Service, fingerprint

COMMANDS = {
    "projector-state": ("project", "state"),
    "projector-artifacts": ("project", "artifacts"),
    "watchdog": ("project", "watchdog"),
    "shipper": ("ship",),
    "api": ("api",),
}
PORTS = tuple(COMMANDS)
_PACKAGES = ("runfold_schemas", "runfold", "runfold_consumers", "runfold_deploy")
_LIBRARIES = ("kafka-python", "fastavro", "psycopg", "minio", "fastapi", "uvicorn")
_KEPT_FROM_USER = ("RUNFOLD_JOURNAL",)  # where the user's scripts journal, the node shipper must look


def service(
    name: str, place: Layout, ports: Mapping[str, int], settings: Mapping[str, str], environment: Mapping[str, str]
) -> Service:
    """One of them, told its addresses by its environment.

    Args:
        settings: contents of stack.json.
        environment: of the user; what concerns runs and other stacks in it is not handed on.
    """
    port = ports[name]
    own = {f"RUNFOLD_{key.upper()}": value for key, value in settings.items()}
    own |= {key: environment[key] for key in _KEPT_FROM_USER if key in environment}
    own |= {"RUNFOLD_HOME": str(place.home), "RUNFOLD_PROBE_PORT": str(port)}

    def prepare() -> Launch:
        listen = ("--port", str(port)) if name == "api" else ()
        command = (sys.executable, "-m", "runfold_deploy.command", *COMMANDS[name], *listen)
        inherited = {key: value for key, value in environment.items() if not key.startswith(("RUNFOLD_", "AZUREML_"))}
        return Launch(command, {**inherited, **own, "PYTHONUNBUFFERED": "1"}, place.home)

    return Service(
        name=name,
        address=f"http://127.0.0.1:{port}",
        ports=(port,),
        fingerprint=fingerprint(code(), sys.executable, sorted(own.items())),
        prepare=prepare,
        stop_seconds=20,
    )


@cache
def code() -> str:
    """Of the code that would run now: our four packages byte by byte, the libraries they lean on by version."""
    digest = hashlib.sha256(" ".join(f"{name}={version(name)}" for name in _LIBRARIES).encode())
    for package in _PACKAGES:
        spec = find_spec(package)
        for root in spec.submodule_search_locations or () if spec else ():
            for path in sorted(_files(Path(root))):
                digest.update(path.encode())
                digest.update(Path(path).read_bytes())
    return digest.hexdigest()[:16]


def _files(root: Path) -> list[str]:
    return [
        os.path.join(folder, name)  # noqa: PTH118 - a thousand Path objects take longer than reading the files
        for folder, folders, names in os.walk(root)
        if not folder.endswith("__pycache__")
        for name in names
        if name.endswith((".py", ".sql", ".avsc", ".json"))
    ]
