"""`runfold open`: the address of a page, printed, and opened where there is a browser."""

from __future__ import annotations

from typing import Annotated
from urllib.parse import quote, urlencode

import typer

from . import completing
from .border import AsJson, Topic, Workspace, client, settings
from .finding import LATEST, run_id_of
from .printing import Printer

app = Topic("open")


@app.asks("open")
def open_page(
    runs: Annotated[
        list[str] | None,
        typer.Argument(
            metavar="[RUN]...",
            help="One run, several to compare, or none: the table of runs.",
            autocompletion=completing.runs,
            show_default=False,
        ),
    ] = None,
    q: Annotated[
        str, typer.Option("--filter", help="Without RUN: of runs that match.", autocompletion=completing.filters)
    ] = "",
    only_print: Annotated[bool, typer.Option("--print", help="Print the address and open nothing.")] = False,
    workspace: Workspace = None,
    as_json: AsJson = False,
) -> None:
    """Print the address of the page of runs, of one run, or of a comparison, and open it in a browser.

    In a pipe, over SSH without a display, or with --json it is only printed.

    Example: runfold open @latest
    """
    printer = Printer(as_json)
    words = runs or []
    where = settings(workspace)
    if any(word == LATEST or "#" in word for word in words):
        api = client(workspace)
        words = [run_id_of(api, word) for word in words]
    address = address_of(where.need("api"), where.need("workspace"), words, q)
    if as_json:
        printer.document({"address": address})
        return
    printer.lines([address])
    if printer.console.is_terminal and not only_print:
        typer.launch(address)


def address_of(api: str, workspace: str, run_ids: list[str], q: str = "") -> str:
    """Address of a page: the runs of a workspace, one run, or several side by side."""
    base = f"{api.rstrip('/')}/w/{quote(workspace, safe='')}"
    if not run_ids:
        return f"{base}/runs" + (f"?{urlencode({'q': q})}" if q else "")
    if len(run_ids) == 1:
        return f"{base}/runs/{quote(run_ids[0], safe='')}"
    return f"{base}/compare?{urlencode({'runs': ','.join(run_ids)})}"
