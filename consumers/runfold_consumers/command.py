"""The commands of the server side: `project state`, `project artifacts`, `project watchdog`, `api`, `rebuild`,
`checksum`.
"""

from __future__ import annotations

import gc
import os
import signal
import sys
import threading
from collections.abc import Callable
from functools import partial
from typing import TYPE_CHECKING, Annotated, Any, NoReturn

import typer

if TYPE_CHECKING:
    from runfold_consumers.engine.health import Health
    from runfold_consumers.engine.projection import Companion, Projection
    from runfold_schemas.process_metrics import Registry
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
        help="Port for /livez, /readyz and /metrics; 0 takes a free one.",
    ),
]


Workspace = Annotated[str | None, typer.Option(help="One workspace; all of them when it is left out.")]


@project.command("state")
def project_state(in_a_row: InARow = 100, ratio: Ratio = 0.1, instance: Instance = None, probe_port: Port = 0) -> None:
    """Folds facts and telemetry into schema `state`, publishes the decisions and merges points. Ends 0 on SIGTERM, 1
    when somebody must look.

    Example: runfold project state
    """
    from runfold_consumers.engine.contracts import Contracts
    from runfold_consumers.engine.health import Health
    from runfold_consumers.engine.loop import CONDITIONS
    from runfold_consumers.engine.publishing import Publisher
    from runfold_consumers.state.merger import Merger
    from runfold_consumers.state.projector import StateProjector
    from runfold_schemas.process_metrics import Registry

    settings = _begin()
    bootstrap, postgres = settings.need("kafka"), settings.need("postgres")
    contracts = Contracts(bootstrap, settings.topic_prefix)
    metrics = Registry("projector-state")
    merger = Merger(postgres, metrics)
    projection = StateProjector(contracts.partition_count, contracts.lookup, merger.hear)
    publisher = Publisher(bootstrap, settings.topic_prefix, postgres)
    beside = (publisher, merger)
    _run(settings, projection, contracts, Health(CONDITIONS), metrics, beside, in_a_row, ratio, instance, probe_port)


@project.command("artifacts")
def project_artifacts(
    in_a_row: InARow = 100, ratio: Ratio = 0.1, instance: Instance = None, probe_port: Port = 0
) -> None:
    """Writes small artifacts to the object store and reads the others back. Ends as `project state` does.

    Example: runfold project artifacts
    """
    from runfold_consumers.artifacts.objects import SERVICE
    from runfold_consumers.artifacts.projector import ArtifactProjection
    from runfold_consumers.artifacts.verifying import Rechecker
    from runfold_consumers.engine.contracts import Contracts
    from runfold_consumers.engine.health import Health
    from runfold_consumers.engine.loop import CONDITIONS
    from runfold_schemas.process_metrics import Registry

    settings = _begin()
    contracts = Contracts(settings.need("kafka"), settings.topic_prefix)
    health = Health((*CONDITIONS, SERVICE))
    projection = ArtifactProjection(_objects(settings), contracts.lookup)
    rechecker = Rechecker(settings.need("postgres"), _objects(settings), health)
    metrics = Registry("projector-artifacts")
    _run(settings, projection, contracts, health, metrics, (rechecker,), in_a_row, ratio, instance, probe_port)


@project.command("watchdog")
def project_watchdog(
    interval_s: Annotated[float, typer.Option(min=0.1, help="Seconds between two looks.")] = 5.0, probe_port: Port = 0
) -> None:
    """States that a run is not responding when it has fallen silent, and what it was when it is heard again. Ends as
    `project state` does.

    Example: runfold project watchdog --interval-s 5
    """
    from runfold_consumers.engine.health import Health
    from runfold_consumers.watchdog.watching import CONDITIONS, Watchdog
    from runfold_schemas.process_metrics import Registry
    from runfold_schemas.settings import SettingsError

    settings = _begin()
    health, metrics = Health(CONDITIONS), Registry("watchdog")
    try:
        watchdog = Watchdog(settings, health, metrics, interval_s)
    except SettingsError as error:
        _end(str(error))
    _work("watchdog", watchdog.run, health, metrics, probe_port)


@app.command()
def api(
    host: Annotated[str, typer.Option(help="Address to listen on.")] = "127.0.0.1",
    port: Annotated[int, typer.Option(min=0, help="Port to listen on; 0 takes a free one.")] = 8400,
) -> None:
    """Serves the query API.

    Example: runfold api --host 0.0.0.0 --port 8400
    """
    from runfold_consumers.api.serving import serve
    from runfold_schemas.settings import SettingsError

    try:
        serve(_begin(), host=host, port=port)
    except SettingsError as error:
        _end(str(error))


@app.command()
def migrate() -> None:
    """Brings Postgres to the tables of this release; harmless when they are there. Ends before anything else starts.

    Example: runfold migrate
    """
    from runfold_consumers.state.migrating import migrate as bring

    bring(_begin().need("postgres"))


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
    """Drops what was folded; projectors that run fold the log again, to the same checksum.

    Example: runfold rebuild --workspace team-a
    """
    from runfold_consumers.engine.positions import forget_observed
    from runfold_consumers.state.rebuild import rebuild as rebuild_state

    postgres = _begin().need("postgres")
    gone = rebuild_state(postgres, workspace)
    if observed:
        forget_observed(postgres, workspace)
    typer.echo(f"{gone} rows dropped; projectors that run fold the log again from its beginning", err=True)


@app.command()
def checksum(workspace: Workspace = None) -> None:
    """Prints one line: the checksum of the folded state, in hex.

    Example: runfold checksum
    """
    from runfold_consumers.state.checksum import checksum as checksum_of

    typer.echo(checksum_of(_begin().need("postgres"), workspace))


def _begin() -> Settings:
    """Loads the settings; logs to standard error, one line an event."""
    from runfold_schemas import service_log
    from runfold_schemas.settings import Settings, SettingsError

    try:
        settings = Settings.load()
    except SettingsError as error:
        _end(str(error))
    service_log.configure(settings.log)
    return settings


def _objects(settings: Settings) -> Any:
    from runfold_consumers.artifacts.objects import Objects

    return Objects(settings.need("s3_address"), settings.need("s3_key"), settings.need("s3_secret"), settings.s3_bucket)


def _run(
    settings: Settings,
    projection: Projection[Any],
    contracts: Any,
    health: Any,
    metrics: Registry,
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
    loop = Loop(options, projection, health, contracts, metrics, companions)
    _work(projection.name, loop.run, health, metrics, probe_port)


def _work(
    name: str, run: Callable[[threading.Event], None], health: Health, metrics: Registry, probe_port: int
) -> None:
    """Runs until a signal comes, with probes beside it; what stops it for good ends the process with exit code 1."""
    import logging

    from runfold.shipper.probes import Probes
    from runfold_consumers.engine.errors import Stop
    from runfold_schemas.process_metrics import CONDITION_OK

    stop = threading.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda *_: stop.set())
    for condition in health.conditions:
        metrics.ask(CONDITION_OK, partial(health.holds, condition), condition)
    probes = Probes(health.live, health.ready, metrics, probe_port)
    log = logging.getLogger(__name__)
    log.info("started", extra={"projector": name, "pid": os.getpid(), "probe_port": probes.port})
    try:
        run(stop)
    except Stop as stopped:
        _end(str(stopped))
    finally:
        probes.close()
    log.info("stopped", extra={"projector": name})


def _end(message: str) -> NoReturn:
    print(f"runfold: {message}", file=sys.stderr)  # noqa: T201
    raise typer.Exit(1)
