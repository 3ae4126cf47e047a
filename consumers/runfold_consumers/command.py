"""The commands of the server side: `project state`, `project artifacts`, `project watchdog`, `api`, `rebuild`,
`checksum`.
"""

from __future__ import annotations

import gc
import logging
import os
import signal
import sys
import threading
from collections.abc import Callable
from typing import TYPE_CHECKING, Annotated, Any, NoReturn

import typer

if TYPE_CHECKING:
    from runfold_consumers.engine.projection import Companion, Projection
    from runfold_schemas.settings import Settings

app = typer.Typer(no_args_is_help=True, help="What runs beside the broker.")
project = typer.Typer(no_args_is_help=True, help="Projectors: fold the log into Postgres and the object store.")
app.add_typer(project, name="project")

InARow = Annotated[
    int, typer.Option("--dead-letters-in-a-row", min=0, help="Stop when more records in a row cannot be folded.")
]
Ratio = Annotated[
    float,
    typer.Option(
        "--dead-letters-ratio", min=0, max=1, help="Stop when more of a topic's last 1,000 records cannot be folded."
    ),
]
Instance = Annotated[
    str | None,
    typer.Option(help="Stable name of this member of the group: a restart gets its partitions back at once."),
]
Port = Annotated[
    int,
    typer.Option(
        "--probe-port",
        envvar="RUNFOLD_PROBE_PORT",
        min=0,
        help="Port on 127.0.0.1 for /livez and /readyz; 0 takes a free one.",
    ),
]


Workspace = Annotated[str | None, typer.Option(help="One workspace; all of them when it is left out.")]


@project.command("state")
def project_state(in_a_row: InARow = 100, ratio: Ratio = 0.1, instance: Instance = None, probe_port: Port = 0) -> None:
    """Folds facts and telemetry into schema `state` and publishes the decisions. Ends 0 on SIGTERM, 1 when somebody
    must look.
    """
    from runfold_consumers.engine.contracts import Contracts
    from runfold_consumers.engine.health import Health
    from runfold_consumers.engine.loop import CONDITIONS
    from runfold_consumers.engine.publishing import Publisher
    from runfold_consumers.state.projector import StateProjector

    settings = _begin()
    bootstrap, postgres = settings.need("kafka"), settings.need("postgres")
    contracts = Contracts(bootstrap, settings.topic_prefix)
    projection = StateProjector(contracts.partition_count, contracts.lookup)
    publisher = Publisher(bootstrap, settings.topic_prefix, postgres)
    _run(settings, projection, contracts, Health(CONDITIONS), (publisher,), in_a_row, ratio, instance, probe_port)


@project.command("artifacts")
def project_artifacts(
    in_a_row: InARow = 100, ratio: Ratio = 0.1, instance: Instance = None, probe_port: Port = 0
) -> None:
    """Writes small artifacts to the object store and reads the others back. Ends as `project state` does."""
    from runfold_consumers.artifacts.objects import SERVICE
    from runfold_consumers.artifacts.projector import ArtifactProjection
    from runfold_consumers.artifacts.verifying import Rechecker
    from runfold_consumers.engine.contracts import Contracts
    from runfold_consumers.engine.health import Health
    from runfold_consumers.engine.loop import CONDITIONS

    settings = _begin()
    contracts = Contracts(settings.need("kafka"), settings.topic_prefix)
    health = Health((*CONDITIONS, SERVICE))
    projection = ArtifactProjection(_objects(settings), contracts.lookup)
    rechecker = Rechecker(settings.need("postgres"), _objects(settings), health)
    _run(settings, projection, contracts, health, (rechecker,), in_a_row, ratio, instance, probe_port)


@project.command("watchdog")
def project_watchdog(
    interval_s: Annotated[float, typer.Option(min=0.1, help="Seconds between two looks.")] = 5.0, probe_port: Port = 0
) -> None:
    """States that a run is not responding when it has fallen silent, and what it was when it is heard again. Ends as
    `project state` does.
    """
    from runfold_consumers.engine.health import Health
    from runfold_consumers.watchdog.watching import CONDITIONS, Watchdog
    from runfold_schemas.settings import SettingsError

    settings = _begin()
    health = Health(CONDITIONS)
    try:
        watchdog = Watchdog(settings, health, interval_s)
    except SettingsError as error:
        _end(str(error))
    _work("watchdog", watchdog.run, health, probe_port)


@app.command()
def api(
    host: Annotated[str, typer.Option(help="Address to listen on.")] = "127.0.0.1",
    port: Annotated[int, typer.Option(min=0, help="Port to listen on; 0 takes a free one.")] = 8400,
) -> None:
    """Serves the query API."""
    from runfold_consumers.api.serving import serve

    serve(_begin(), host=host, port=port)


@app.command()
def rebuild(
    workspace: Workspace = None,
    observed: Annotated[
        bool,
        typer.Option(
            "--observed", help="Also have artifacts looked at and decisions published anew: the log is another one."
        ),
    ] = False,
) -> None:
    """Drops what was folded; projectors that run fold the log again, to the same checksum."""
    from runfold_consumers.engine.positions import forget_observed
    from runfold_consumers.state.rebuild import rebuild as rebuild_state

    postgres = _begin().need("postgres")
    gone = rebuild_state(postgres, workspace)
    if observed:
        forget_observed(postgres, workspace)
    typer.echo(f"{gone} rows dropped; projectors that run fold the log again from its beginning", err=True)


@app.command()
def checksum(workspace: Workspace = None) -> None:
    """Prints one line: the checksum of the folded state, in hex."""
    from runfold_consumers.state.checksum import checksum as checksum_of

    typer.echo(checksum_of(_begin().need("postgres"), workspace))


def _begin() -> Settings:
    """Logs to standard error, one line an event; loads the settings."""
    from runfold_schemas.settings import Settings, SettingsError

    logging.basicConfig(
        stream=sys.stderr, level=logging.INFO, format="%(asctime)s level=%(levelname)s logger=%(name)s %(message)s"
    )
    logging.getLogger("kafka").setLevel(
        logging.ERROR
    )  # its warnings about a broker that is away come many a second; ours come once
    try:
        return Settings.load()
    except SettingsError as error:
        _end(str(error))


def _objects(settings: Settings) -> Any:
    from runfold_consumers.artifacts.objects import Objects

    return Objects(settings.need("s3_address"), settings.need("s3_key"), settings.need("s3_secret"), settings.s3_bucket)


def _run(
    settings: Settings,
    projection: Projection[Any],
    contracts: Any,
    health: Any,
    companions: tuple[Companion, ...],
    in_a_row: int,
    ratio: float,
    instance: str | None,
    probe_port: int,
) -> None:
    from runfold_consumers.engine.dead_letters import Limit
    from runfold_consumers.engine.loop import Loop, Options

    gc.freeze()  # what is imported stays; and records, which make no cycles, are not worth looking at every 700 of them
    gc.set_threshold(50_000, 20, 50)
    options = Options(
        settings.need("kafka"), settings.topic_prefix, settings.need("postgres"), Limit(in_a_row, ratio), instance
    )
    _work(
        projection.name,
        lambda stop: Loop(options, projection, health, contracts, companions).run(stop),
        health,
        probe_port,
    )


def _work(name: str, run: Callable[[threading.Event], None], health: Any, probe_port: int) -> None:
    """Runs until a signal comes, with probes beside it; what stops it for good ends the process with exit code 1."""
    from runfold.shipper.probes import Probes
    from runfold_consumers.engine.errors import Stop

    stop = threading.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda *_: stop.set())
    probes = Probes(health.live, health.ready, probe_port)
    log = logging.getLogger(__name__)
    log.info("event=started projector=%s pid=%d probe_port=%d", name, os.getpid(), probes.port)
    try:
        run(stop)
    except Stop as stopped:
        _end(str(stopped))
    finally:
        probes.close()
    log.info("event=stopped projector=%s", name)


def _end(message: str) -> NoReturn:
    print(f"runfold: {message}", file=sys.stderr)  # noqa: T201
    raise typer.Exit(1)
