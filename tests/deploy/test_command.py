"""The command `runfold`: quick, complete in its help, and clear about an extra that is missing."""

from __future__ import annotations

import subprocess
import sys

import pytest

from runfold_deploy.command import ROOMS


def runfold(*arguments: str, without: tuple[str, ...] = (), after: str = "") -> subprocess.CompletedProcess[str]:
    """The command in a fresh interpreter where the packages of `without` are not installed."""
    code = (
        f"import sys\nsys.modules.update(dict.fromkeys({without!r}))\nsys.argv[1:] = {list(arguments)!r}\n"
        f"from runfold_deploy.command import main\ntry:\n    main()\nfinally:\n    {after or 'pass'}\n"
    )
    return subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=60)


def test_help_names_every_command_and_loads_no_room() -> None:
    answer = runfold("--help", after="print(sorted(sys.modules), file=sys.stderr)")
    assert answer.returncode == 0
    for name in ("up", "down", "status", *ROOMS):
        assert f" {name} " in answer.stdout
    for library in ("kafka", "fastavro", "psycopg", "psutil", "pydantic", "numpy", "runfold.shipper"):
        assert f"'{library}'" not in answer.stderr


def test_version_is_the_distributions() -> None:
    from runfold._version import __version__

    assert runfold("--version").stdout == f"runfold {__version__}\n"


@pytest.mark.parametrize("name", [name for name in ROOMS if name != "demo"])
def test_every_command_has_help(name: str) -> None:
    answer = runfold(name, "--help")
    assert answer.returncode == 0, answer.stderr
    assert "Usage" in answer.stdout


@pytest.mark.parametrize(
    ("arguments", "without", "extra"),
    [
        (("project", "state"), ("psycopg", "psycopg_pool"), "server"),
        (("api",), ("uvicorn",), "server"),
        (("up",), ("psutil",), "local"),
        (("demo",), ("sklearn",), "demo"),
    ],
)
def test_a_missing_extra_is_named(arguments: tuple[str, ...], without: tuple[str, ...], extra: str) -> None:
    answer = runfold(*arguments, without=without)
    assert answer.returncode == 2
    assert f"runfold {arguments[0]} needs the {extra} extra: pip install 'runfold[{extra}]'" in answer.stderr
    assert "Traceback" not in answer.stderr


def test_an_unknown_command_is_told() -> None:
    answer = runfold("upp")
    assert answer.returncode == 2
    assert "No such command" in answer.stderr
