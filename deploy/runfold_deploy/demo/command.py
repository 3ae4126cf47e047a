"""`runfold demo`: starts what is missing, trains, waits until the ledger has all of it, and shows the run."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Annotated, Any, TypeVar

import typer
from rich._export_format import CONSOLE_SVG_FORMAT
from rich.console import Console
from rich.terminal_theme import SVG_EXPORT_THEME

from runfold.command.opening import address_of
from runfold.exceptions import AzureMLException, RunNotFoundError, ServiceException
from runfold.reading.client import ApiClient
from runfold_deploy.demo import report
from runfold_deploy.stack import layout
from runfold_deploy.stack import up as ups
from runfold_deploy.stack.errors import StackError
from runfold_deploy.stack.progress import Report
from runfold_deploy.stack.waiting import until
from runfold_schemas.settings import Settings, home

app = typer.Typer(add_completion=False, pretty_exceptions_enable=False)
T = TypeVar("T")

_VISIBLE_S = 60.0
_PAUSE_S = 0.1


@app.command()
def demo(
    width: Annotated[int, typer.Option(help="Columns to print in; 0 takes the terminal's.")] = 0,
    picture: Annotated[Path | None, typer.Option(help="Also write what is printed to this SVG file.")] = None,
) -> None:
    """Train on handwritten digits against the local stack, then show the run.

    Example: runfold demo
    """
    told = Report(Console(stderr=True))
    began = time.monotonic()
    try:
        ups.up(layout.layout(home(), os.environ), os.environ, told)
        with told.step("training on 1,797 handwritten digits, one child run per learning rate"):
            run_id, refused = _train()
        api = ApiClient(Settings.load())
        with told.step("waiting for the projections"):
            shown = _everything(api, run_id)
    except (StackError, AzureMLException, ServiceException) as error:
        told.say(f"runfold demo: {error}", style="red")
        raise typer.Exit(1) from None
    told.say(f"done after {time.monotonic() - began:.1f} s\n")
    console = Console(width=width or None, highlight=False, record=picture is not None)
    report.show(console, *shown)
    if refused:
        console.print(f"[dim]The script was told:[/] {refused}\n", markup=True)
    settings = Settings.load()
    _next(console, run_id, address_of(settings.need("api"), settings.need("workspace"), [run_id]))
    if picture is not None:
        console.save_svg(str(picture), title="runfold demo", theme=SVG_EXPORT_THEME, code_format=_without_fonts())


def _without_fonts() -> str:
    """Rich's picture, but with the reader's own fonts: its own would be loaded from elsewhere."""
    return re.sub(r"@font-face \{\{.*?\}\}", "", CONSOLE_SVG_FORMAT, flags=re.DOTALL)


def _train() -> tuple[str, str]:
    """Runs the training as a script of its own. Returns the run id, and what it was told of the refused change."""
    trained = subprocess.run(
        [sys.executable, "-m", "runfold_deploy.demo.digits"], capture_output=True, text=True, check=False
    )
    if trained.returncode:
        raise StackError(f"the training ended with {trained.returncode}:\n{trained.stderr}")
    refusals = [json.loads(line)["refused"] for line in trained.stderr.splitlines() if line.startswith('{"refused"')]
    message = next((line for text in refusals for line in text.splitlines() if "Message:" in line), "")
    return trained.stdout.strip(), message.split("Message:")[-1].strip()


def _everything(api: ApiClient, run_id: str) -> tuple[Any, ...]:
    """All that `report.show` needs, once the run is complete and its files were read back."""
    run = _when(
        lambda: _found(api, run_id), lambda run: bool(run) and run["complete"] != "open", "the run to be complete"
    )
    artifacts = _when(
        lambda: api.artifacts(run_id),
        lambda artifacts: all(artifact["availability"] for artifact in artifacts),
        "its files to be read back",
    )
    children = api.runs(parent=run_id)["runs"]
    metrics = api.metrics(run_id, recursive=True)
    return (
        run,
        metrics.get(run_id, {}),
        [(child, metrics.get(child["run_id"], {})) for child in reversed(children)],
        artifacts,
        api.decisions(run_id),
    )


def _found(api: ApiClient, run_id: str) -> Any:
    """The run, or None while the projector has not seen it."""
    try:
        return api.run(run_id)
    except RunNotFoundError:
        return None


def _when(ask: Callable[[], T], is_right: Callable[[T], bool], what: str) -> T:
    """The first answer that is right, asked for again and again until the deadline."""
    found: list[T] = []

    def right() -> bool:
        found[:] = [ask()]
        return is_right(found[0])

    if not until(right, _VISIBLE_S, _PAUSE_S):
        raise StackError(f"waited {_VISIBLE_S:.0f} s for {what}; `runfold status` tells how the services are")
    return found[0]


def _next(console: Console, run_id: str, page: str) -> None:
    console.print("[bold]What to do next[/]")
    console.print(f"  {page}", markup=False, soft_wrap=True)
    console.print(f"  runfold runs show {run_id}", markup=False)
    console.print("  from runfold import Run, Workspace", markup=False)
    console.print(f'  Run.get(Workspace.from_config(), "{run_id}").get_metrics()', markup=False)
    console.print("[dim]  the stack stays up; your next script needs no configuration[/]")
    console.print("  runfold status        how the services are, and where their logs lie")
    console.print("  runfold checksum      one line for all that the ledger holds; `runfold rebuild` gives the same")
    console.print("  runfold down          stops everything; the data stays")
