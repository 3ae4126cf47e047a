"""`runfold topics create | check | show`: the topics of a workspace from the command line.

Ends 0 when all is well, 1 when topics are not what they must be, 2 for a wrong option or setting, 5 when the broker
does not answer. `--json` prints one JSON object on standard output and nothing else there.
"""

from __future__ import annotations

import json
import sys
from collections.abc import Callable
from typing import Annotated, Any, NoReturn

import typer

from runfold_schemas import exits

app = typer.Typer(name="topics", help="The Kafka topics of a workspace.", no_args_is_help=True, add_completion=False)

WRONG, USAGE, AWAY = exits.FAILED, exits.USAGE, exits.AWAY

Kafka = Annotated[str | None, typer.Option(help="Addresses host:port, with commas between them. [RUNFOLD_KAFKA]")]
Prefix = Annotated[str | None, typer.Option(help="First part of the topics' names. [RUNFOLD_TOPIC_PREFIX]")]
Workspace = Annotated[str | None, typer.Option(help="Name of the workspace. [RUNFOLD_WORKSPACE]")]
AsJson = Annotated[bool, typer.Option("--json", help="Print one JSON object.")]


@app.command()
def create(
    kafka: Kafka = None,
    prefix: Prefix = None,
    workspace: Workspace = None,
    partitions: Annotated[int | None, typer.Option(min=1, help="Partitions of facts and decisions. [4]")] = None,
    telemetry_partitions: Annotated[int | None, typer.Option(min=1, help="Partitions of telemetry. [8]")] = None,
    replication: Annotated[int | None, typer.Option(min=1, help="Copies of each partition. [1]")] = None,
    as_json: AsJson = False,
) -> None:
    """Creates what is missing: the four topics, the manifest, the released schemas. May be repeated.

    Example: runfold topics create --workspace team-a
    """
    from runfold_schemas import topics_admin

    where = _where(kafka, prefix, workspace)
    asked = {"facts": partitions, "telemetry": telemetry_partitions}
    counts = {kind: count for kind, count in asked.items() if count is not None}
    manifest = _asked(lambda: topics_admin.create(*where, partitions=counts, replication=replication), as_json)
    _print_manifest(where, manifest, as_json)


@app.command()
def check(kafka: Kafka = None, prefix: Prefix = None, workspace: Workspace = None, as_json: AsJson = False) -> None:
    """Compares topics, settings and contract with the manifest; changes nothing.

    Example: runfold topics check --workspace team-a
    """
    from runfold_schemas import topics_admin

    where = _where(kafka, prefix, workspace)
    problems = _asked(lambda: topics_admin.check(*where), as_json)
    if as_json:
        _print_json({"kafka": where[0], "workspace": where[2], "problems": problems})
    else:
        for problem in problems:
            _console().print(f"[red]✗[/red] {_plain(problem)}", soft_wrap=True)
        if not problems:
            _console().print(f"[green]✓[/green] The topics of {where[1]}.{where[2]} are as their manifest says.")
    raise typer.Exit(WRONG if problems else 0)


@app.command()
def show(kafka: Kafka = None, prefix: Prefix = None, workspace: Workspace = None, as_json: AsJson = False) -> None:
    """Prints the manifest.

    Example: runfold topics show --workspace team-a --json
    """
    from runfold_schemas import topics_admin
    from runfold_schemas.topics import topics_of

    where = _where(kafka, prefix, workspace)
    contract = _asked(lambda: topics_admin.read_contract(where[0], topics_of(where[1], where[2])), as_json)
    _print_manifest(where, contract.manifest, as_json)


def _where(kafka: str | None, prefix: str | None, workspace: str | None) -> tuple[str, str, str]:
    from runfold_schemas.settings import Settings, SettingsError

    try:
        settings = Settings.load(kafka=kafka, topic_prefix=prefix, workspace=workspace)
        return settings.need("kafka"), settings.topic_prefix, settings.need("workspace")
    except SettingsError as error:
        _end(str(error), USAGE)


def _asked(question: Callable[[], Any], as_json: bool) -> Any:
    from runfold_schemas.topics_admin import BrokerAway, TopicsError

    try:
        if as_json or not sys.stderr.isatty():
            return question()
        from rich.console import Console

        with Console(stderr=True).status("asking the broker ..."):
            return question()
    except BrokerAway as error:
        _end(str(error), AWAY)
    except TopicsError as error:
        _end(str(error), WRONG)
    except ValueError as error:
        _end(str(error), USAGE)


def _print_manifest(where: tuple[str, str, str], manifest: Any, as_json: bool) -> None:
    from runfold_schemas.topics import KINDS, Topics

    names = Topics(where[1], where[2])
    if as_json:
        _print_json({"kafka": where[0], "workspace": where[2], "manifest": json.loads(manifest.to_json())})
        return
    from rich.table import Table

    table = Table("topic", "partitions", "replication", "cleanup", box=None, pad_edge=False, header_style="bold")
    for kind in KINDS:
        cleanup = manifest.configs(kind)["cleanup.policy"]
        table.add_row(names.named(kind), str(manifest.partitions[kind]), str(manifest.replication), cleanup)
    _console().print(table)
    if manifest.replication == 1:
        _console().print("[yellow]One copy of each partition: for one machine only.[/yellow]")


def _console() -> Any:
    from rich.console import Console

    return Console(highlight=False)


def _plain(text: str) -> str:
    from rich.markup import escape

    return escape(text)


def _print_json(body: dict[str, Any]) -> None:
    typer.echo(json.dumps(body, indent=2))


def _end(why: str, code: int) -> NoReturn:
    typer.echo(why, err=True)
    raise typer.Exit(code)


if __name__ == "__main__":
    app()
