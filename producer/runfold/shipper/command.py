"""`runfold ship`: for a node and for as long as it runs, or `--once` over what is left."""

from __future__ import annotations

import contextlib
import logging
import signal
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

if TYPE_CHECKING:
    from runfold_schemas.settings import Settings

app = typer.Typer(add_completion=False)


@app.command()
def ship(
    once: Annotated[bool, typer.Option("--once", help="Ship what is there, then end.")] = False,
    workspace: Annotated[
        str | None, typer.Option(help="With --once: workspace that offline journals are bound to, for good.")
    ] = None,
    experiment: Annotated[
        str | None, typer.Option(help="With --once: experiment that offline journals are bound to, for good.")
    ] = None,
    timeout: Annotated[float, typer.Option(min=0, help="With --once: seconds after which it ends.")] = 60.0,
    journal: Annotated[
        Path | None, typer.Option(help="Folder of the journals, instead of RUNFOLD_JOURNAL.", file_okay=False)
    ] = None,
    probe_port: Annotated[
        int | None,
        typer.Option(
            envvar="RUNFOLD_PROBE_PORT", min=0, help="Port for /livez, /readyz and /metrics; 0 takes a free one."
        ),
    ] = None,
) -> None:
    """Send what this machine's journals hold to Kafka.

    With --once it ends 0 when everything is acknowledged and, where an API is known, visible; 3 when something is
    left; 1 when a journal was refused.

    Example: runfold ship --once
    """
    logging.basicConfig(stream=sys.stderr, level=logging.WARNING, format="%(message)s")
    from runfold_schemas.settings import Settings, SettingsError

    if (workspace is None) != (experiment is None):
        raise typer.BadParameter("--workspace and --experiment go together: a journal is bound to both")
    if workspace is not None and not once:
        raise typer.BadParameter("--workspace and --experiment bind offline journals, which --once does")
    try:
        settings = Settings.load(journal=journal)
        settings.need("kafka")
    except SettingsError as error:
        typer.echo(f"runfold ship: {error}", err=True)
        raise typer.Exit(2) from None
    with contextlib.suppress(ImportError):
        import numpy  # noqa: F401 - where it is installed, columns are encoded twice as fast
    if once:
        raise typer.Exit(_once(settings, workspace, experiment, timeout))
    _run(settings, probe_port)


def _once(settings: Settings, workspace: str | None, experiment: str | None, timeout: float) -> int:
    from runfold.shipper.once import Binding, ship_once
    from runfold_schemas.topics import topics_of

    bind_to = None
    if workspace is not None and experiment is not None:
        try:
            topics_of(settings.topic_prefix, workspace)
        except ValueError as error:
            raise typer.BadParameter(str(error)) from None
        bind_to = Binding(workspace, experiment)
    return ship_once(settings.journals(), settings, typer.echo, bind_to=bind_to, timeout_s=timeout)


def _run(settings: Settings, probe_port: int | None) -> None:
    from runfold.shipper.daemon import NodeShipper
    from runfold.shipper.probes import Probes
    from runfold_schemas import service_log
    from runfold_schemas.process_metrics import Registry

    service_log.configure(settings.log)
    shipper = NodeShipper(settings.journals(), settings)
    probes = None
    if probe_port is not None:
        metrics = Registry("shipper")
        shipper.measure(metrics)
        probes = Probes(shipper.live, shipper.ready, metrics, probe_port)
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda *_: shipper.stop())
    shipper.run()
    if probes is not None:
        probes.close()
