"""`runfold export`: a whole project to a file, unsampled, from one snapshot."""

from __future__ import annotations

from enum import Enum
from pathlib import Path
from typing import Annotated

import typer

from runfold_schemas import exits

from . import cells, completing
from .border import AsJson, Stopped, Topic, Workspace, client, folder_of
from .printing import Printer

app = Topic("export")

FORMATS = {
    ".parquet": "parquet",
    ".arrow": "arrow",
    ".arrows": "arrow",
    ".ipc": "arrow",
    ".ndjson": "ndjson",
    ".jsonl": "ndjson",
}


class What(str, Enum):
    """What is exported."""

    points = "points"
    runs = "runs"
    events = "events"
    logs = "logs"


@app.asks("export")
def export(
    file: Annotated[Path, typer.Argument(metavar="FILE", help="Its ending says the format.", show_default=False)],
    what: Annotated[What, typer.Option("--what", help="What of the runs.")] = What.points,
    q: Annotated[
        str,
        typer.Option(
            "--filter", help="Only of runs that match; all of the workspace.", autocompletion=completing.filters
        ),
    ] = "",
    experiment: Annotated[
        str | None,
        typer.Option("--experiment", "-e", help="Only of this one.", autocompletion=completing.experiments),
    ] = None,
    force: Annotated[bool, typer.Option("--force", help="Replace the file, once the new one is whole.")] = False,
    away: Annotated[float, typer.Option(min=0.0, help="Seconds that the API may be away.")] = 60.0,
    workspace: Workspace = None,
    as_json: AsJson = False,
) -> None:
    """Write points, runs, events or logs of all runs that match to a .parquet, .arrow or .ndjson file.

    The file appears whole or not at all; an export that is cut is begun anew, since it is one snapshot. With --json:
    {"file", "what", "format", "bytes", "watermark"}.

    Example: runfold export digits.parquet --experiment digits
    """
    printer = Printer(as_json)
    form = format_of(file)
    folder_of(file)
    if file.exists() and not force:
        raise Stopped(f"{file} exists already; --force replaces it", exits.FAILED, "exists")
    api = client(workspace)
    with printer.progress(f"{what.value} to {file.name}") as moved:
        watermark = api.export(
            file,
            what=what.value,
            format=form,
            q=q,
            experiment=experiment,
            replace=force,
            moved=moved,
            timeout_s=away,
        )
    if as_json:
        told = {"file": str(file), "what": what.value, "format": form, "bytes": moved.total, "watermark": watermark}
        printer.document(told)
    else:
        printer.note(f"{file}: {what.value} as {form}, {cells.size(moved.total)}")


def format_of(file: Path) -> str:
    """The format that a file's ending says.

    :raises Stopped: It says none.
    """
    form = FORMATS.get(file.suffix.lower())
    if form is None:
        allowed = ", ".join(FORMATS)
        raise Stopped(f"the ending of {file.name!r} says no format; allowed are {allowed}", exits.USAGE, "usage")
    return form
