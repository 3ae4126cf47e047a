"""`runfold metrics`: what a run has logged, its points as a table, CSV or JSON, and plots in the terminal."""

from __future__ import annotations

import csv
import sys
from collections.abc import Iterator, Mapping, Sequence
from enum import Enum
from typing import Annotated, Any

import typer

from runfold_schemas import exits

from . import cells, completing, runs_shown
from .border import AsJson, AsOf, NotBefore, RunId, Stopped, Topic, Workspace, client, watermark
from .finding import run_id_of
from .printing import Printer
from .tables import Column, table

app = Topic("metrics", "What runs have logged: lists, points, plots.")


class X(str, Enum):
    """What points are placed by."""

    step = "step"
    time = "time"
    relative = "relative"
    ordinal = "ordinal"


class Fold(str, Enum):
    """How ranks become one series."""

    none = "none"
    ranks = "ranks"


Metrics = Annotated[
    list[str] | None,
    typer.Option(
        "--metric", "-m", help='A name, or a column as ["name", "column"]; may be repeated.',
        autocompletion=completing.metrics,
    ),
]  # fmt: skip
Attempt = Annotated[str | None, typer.Option(help="Of this attempt, or all; else the latest that wrote the step.")]
Rank = Annotated[int | None, typer.Option(min=0, help="Of this rank alone.")]
ByX = Annotated[X, typer.Option("--x", help="What points are placed by.")]
Folded = Annotated[Fold, typer.Option("--fold", help="ranks: their mean, with least and greatest.")]
From = Annotated[float | None, typer.Option("--from", help="Least x.")]
To = Annotated[float | None, typer.Option("--to", help="Greatest x.")]
BUCKETS_SHOWN = 40
PLOTTED_MAX = 8


@app.asks("list")
def list_metrics(
    run: RunId,
    prefix: Annotated[str | None, typer.Option(help="Only names that begin so.")] = None,
    regex: Annotated[str | None, typer.Option(help="Only names that match.")] = None,
    limit: Annotated[int, typer.Option("--limit", "-n", min=1, max=1000, help="Metrics at most.")] = 1000,
    cursor: Annotated[str | None, typer.Option(help="Go on: `next_cursor` of an earlier answer.")] = None,
    as_of: AsOf = None,
    workspace: Workspace = None,
    not_before: NotBefore = None,
    as_json: AsJson = False,
) -> None:
    """List the metrics of a run: last, least and greatest value, how many points. Ends 3 when there is none.

    Example: runfold metrics list @latest --regex 'val/.*'
    """
    printer, api = Printer(as_json), client(workspace)
    page = api.metric_summaries(
        run_id_of(api, run), prefix=prefix, regex=regex, as_of=as_of, cursor=cursor, limit=limit,
        not_before=watermark(not_before),
    )  # fmt: skip
    if as_json:
        printer.document(page)
    elif page["metrics"]:
        printer.show(runs_shown.summaries(page["metrics"], printer.width))
        printer.note(cells.n_of_m(page["n"], page["of"], "metrics"))
    else:
        printer.note("no metric matches" if prefix or regex else "nothing was logged")
    raise typer.Exit(exits.OK if page["metrics"] else exits.NOTHING)


@app.asks("show")
def show(
    run: RunId,
    names: Annotated[list[str], typer.Argument(metavar="METRIC...", help="Names.", autocompletion=completing.metrics)],
    buckets: Annotated[
        int | None,
        typer.Option(min=0, max=10_000, help="Points a series at most, extremes kept; 0: all. [40; JSON and CSV: 0]"),
    ] = None,
    x: ByX = X.step,
    rank: Rank = None,
    attempt: Attempt = None,
    fold: Folded = Fold.none,
    first: From = None,
    last: To = None,
    as_csv: Annotated[bool, typer.Option("--csv", help="Print CSV.")] = False,
    as_of: AsOf = None,
    workspace: Workspace = None,
    not_before: NotBefore = None,
    as_json: AsJson = False,
) -> None:
    """Show points of metrics of a run.

    Example: runfold metrics show @latest loss --csv > loss.csv
    """
    printer, api = Printer(as_json), client(workspace)
    shown = buckets if buckets is not None else 0 if as_json or as_csv else BUCKETS_SHOWN
    page = api.series(
        [run_id_of(api, run)], names, rank=rank, attempt=_attempt(attempt), fold=fold.value, buckets=shown, x=x.value,
        first=first, last=last, as_of=as_of, not_before=watermark(not_before),
    )  # fmt: skip
    if as_json:
        printer.document(page)
    elif as_csv:
        writer = csv.writer(sys.stdout, lineterminator="\n")
        writer.writerow(["run_id", "metric", "column", "rank", "attempt", x.value, "value"])
        for series in page["series"]:
            writer.writerows(_rows(series))
    elif page["series"]:
        heads = [
            Column("metric"), Column("column"), Column("rank", right=True, whole=True),
            Column("attempt", right=True, whole=True), Column(x.value, right=True, whole=True),
            Column("value", right=True),
        ]  # fmt: skip
        rows = [[cells.text(_told(value, x)) for value in row[1:]] for s in page["series"] for row in _rows(s)]
        printer.show(table(heads, rows, printer.width))
        n, of = sum(s["n"] for s in page["series"]), sum(s["of"] for s in page["series"])
        printer.note(cells.n_of_m(n, of, "points") + ("" if n == of else "; --buckets 0 shows all"))
    if not page["series"]:
        printer.note(f"the run has no metric {', '.join(names)}")
        raise typer.Exit(exits.NOTHING)


@app.asks("plot")
def plot(
    runs: Annotated[
        list[str],
        typer.Argument(
            metavar="RUN...", help="Runs, as in `runs show`.", autocompletion=completing.runs, show_default=False
        ),
    ],
    metrics: Metrics = None,
    x: ByX = X.step,
    log: Annotated[bool, typer.Option("--log", help="A log axis for values.")] = False,
    rank: Rank = None,
    attempt: Attempt = None,
    fold: Folded = Fold.none,
    first: From = None,
    last: To = None,
    width: Annotated[int, typer.Option(min=0, help="Columns; 0: the terminal's.")] = 0,
    height: Annotated[int, typer.Option(min=0, help="Lines; 0: what suits the terminal.")] = 0,
    as_of: AsOf = None,
    workspace: Workspace = None,
    not_before: NotBefore = None,
    as_json: AsJson = False,
) -> None:
    """Plot metrics in the terminal, several runs over each other; values that are not finite are marked.

    Without --metric: the first ones of the run that have numbers. With --json: the points that would be drawn, as
    the API answers them.

    Example: runfold metrics plot digits#3 digits#4 -m loss --log
    """
    from . import plots

    printer, api = Printer(as_json), client(workspace)
    ids = list(dict.fromkeys(run_id_of(api, word) for word in runs))
    waits = watermark(not_before)
    names = list(metrics or ()) or _drawable(api.metric_summaries(ids[0], as_of=as_of, not_before=waits)["metrics"])
    columns = width or (printer.console.width if printer.console.width < 1000 else 100)
    page = api.series(
        ids, names, rank=rank, attempt=_attempt(attempt), fold=fold.value, buckets=max(100, 2 * columns), x=x.value,
        first=first, last=last, as_of=as_of, not_before=waits,
    )  # fmt: skip
    if as_json:
        printer.document(page)
        return
    found = [s for s in page["series"] if s["kind"] in ("double", "long", "bigint", "number")]
    if not found:
        raise Stopped(f"there is nothing to draw of {', '.join(names)}", exits.NOTHING, "not_found")
    lines = [plots.line_of(s, runs=len(ids), metrics=len(names)) for s in found[:PLOTTED_MAX]]
    tall = height or max(10, min(24, printer.console.height - 6 if printer.console.is_terminal else 20))
    title = names[0] if len(names) == 1 else ids[0] if len(ids) == 1 else ""
    colours = printer.console.is_terminal and not printer.console.no_color
    drawn = plots.drawn(
        lines, title=cells.plain(title), x=x.value, width=columns, height=tall, log=log, colours=colours
    )
    printer.lines([drawn])
    if len(found) > PLOTTED_MAX:
        printer.note(f"{PLOTTED_MAX} of {len(found)} series are drawn; --metric, --rank or --fold ranks choose others")


def _attempt(value: str | None) -> int | str | None:
    if value is None or value == "all":
        return value
    if not value.isdecimal():
        raise Stopped(f"--attempt is {value!r}; allowed is a number, or all", exits.USAGE, "usage")
    return int(value)


def _drawable(found: Sequence[Mapping[str, Any]]) -> list[str]:
    """The first metrics that have numbers and are no tables."""
    names = [m["name"] for m in found if m["column"] is None and m["kind"] in ("double", "long", "bigint", "number")]
    if not names:
        raise Stopped("the run has no metric of numbers", exits.NOTHING, "not_found")
    return list(dict.fromkeys(names))[:4]


def _rows(series: Mapping[str, Any]) -> Iterator[list[Any]]:
    """A row a point; what is not finite by its name."""
    marks = {mark["x"]: mark["value"] for mark in series.get("marks") or ()}
    head = [series["run_id"], series["metric"], series["column"], series.get("rank"), series.get("attempt")]
    for at, value in zip(series["x"], series["value"], strict=True):
        yield [*head, at, marks.get(at, "not finite") if value is None else value]


def _told(value: Any, x: X) -> str | None:
    if value is None or isinstance(value, (str, bool)):
        return value if value is None else str(value)
    if isinstance(value, float) and x is X.time and value > 1e8:
        from datetime import datetime, timezone

        return datetime.fromtimestamp(value, timezone.utc).strftime("%Y-%m-%d %H:%M:%S.%f")[:-3]
    return cells.number(value)
