"""`runfold sql`: read-only SQL over the stable views of the ledger."""

from __future__ import annotations

import sys
from collections.abc import Mapping
from enum import Enum
from pathlib import Path
from typing import Annotated, Any

import typer

from runfold_schemas import exits

from . import cells
from .border import AsJson, Stopped, Topic, Workspace, client, folder_of
from .printing import Printer
from .tables import Column, table

app = Topic("sql")

_NUMBERS = ("int", "float", "double", "numeric", "real", "bigint", "smallint")
_ACCEPT = {".csv": "text/csv", ".arrow": "application/vnd.apache.arrow.stream"}


class Form(str, Enum):
    """How rows are printed."""

    table = "table"
    csv = "csv"


@app.asks("sql")
def sql(
    query: Annotated[
        str, typer.Argument(metavar="QUERY", help="A SELECT; - reads it from standard input.", show_default=False)
    ],
    limit: Annotated[int, typer.Option("--limit", "-n", min=1, max=10_000, help="Rows at most.")] = 1000,
    form: Annotated[Form, typer.Option("--format", help="How rows are printed.")] = Form.table,
    to: Annotated[Path | None, typer.Option("--to", help="Write them to this .csv or .arrow file instead.")] = None,
    force: Annotated[bool, typer.Option("--force", help="Replace that file.")] = False,
    workspace: Workspace = None,
    as_json: AsJson = False,
) -> None:
    """Query the views runs, tags, properties, metrics, artifacts, experiments, events, decisions and statuses.

    With --json: {"columns": [{"name", "type"}], "rows", "n", "truncated"}.

    Example: runfold sql "SELECT status, count(*) FROM runs GROUP BY status"
    """
    printer, api = Printer(as_json), client(workspace)
    text = sys.stdin.read() if query == "-" else query
    if to is not None:
        accept = _ACCEPT.get(to.suffix.lower())
        if accept is None:
            raise Stopped(f"{to.name!r}: allowed endings are {', '.join(_ACCEPT)}", exits.USAGE, "usage")
        folder_of(to)
        if to.exists() and not force:
            raise Stopped(f"{to} exists already; --force replaces it", exits.FAILED, "exists")
        data = api.sql_bytes(text, accept=accept, limit=limit)
        written = _write(to, data)
        if as_json:
            printer.document({"file": str(to), "bytes": written})
        else:
            printer.note(f"{to}: {cells.size(written)}")
        return
    if form is Form.csv and not as_json:
        sys.stdout.write(api.sql_bytes(text, accept="text/csv", limit=limit).decode())
        return
    answer = api.sql(text, limit=limit)
    if as_json:
        printer.document(answer)
        return
    printer.show(tabled(answer, printer.width))
    printer.note(f"{answer['n']:,} rows" + (", and there are more: --limit" if answer["truncated"] else ""))


def tabled(answer: Mapping[str, Any], width: int) -> Any:
    """Rows as a table."""
    heads = [
        Column(cells.plain(column["name"]), right=any(word in column["type"].lower() for word in _NUMBERS))
        for column in answer["columns"]
    ]
    rows = [[cells.text(cells.number(value, 10)) for value in row] for row in answer["rows"]]
    return table(heads, rows, width)


def _write(to: Path, data: bytes) -> int:
    part = to.with_name(f".{to.name}.part")
    try:
        part.write_bytes(data)
        part.replace(to)
    finally:
        part.unlink(missing_ok=True)
    return len(data)
