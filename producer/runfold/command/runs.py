"""`runfold runs`: find runs, show one, compare several, watch, tag and cancel them; and `runfold experiments`."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime, timezone
from typing import TYPE_CHECKING, Annotated, Any

import typer

from runfold.exceptions import ServiceException
from runfold_schemas import exits

from . import cells, completing, runs_shown
from .border import AsJson, AsOf, NotBefore, RunId, Stopped, Timeout, Topic, Workspace, client, watermark
from .finding import filter_of, names_in, run_id_of
from .printing import Printer
from .watching import watch

if TYPE_CHECKING:
    from runfold.reading.client import ApiClient
    from runfold.reading.records import RunRecord

app = Topic("runs", "Find runs, show, compare, watch, tag and cancel them.")
experiments_app = Topic("experiments")

Runs = Annotated[
    list[str],
    typer.Argument(
        metavar="RUN...", help="Runs, as in `runs show`.", autocompletion=completing.runs, show_default=False
    ),
]
METRICS_SHOWN = 40


@app.asks("list")
def list_runs(
    q: Annotated[
        str,
        typer.Argument(
            metavar="FILTER",
            help="Such as: status = Failed and metric.loss.min < 0.2",
            autocompletion=completing.filters,
            show_default=False,
        ),
    ] = "",
    experiment: Annotated[
        str | None,
        typer.Option("--experiment", "-e", help="Only of this one.", autocompletion=completing.experiments),
    ] = None,
    status: Annotated[list[str] | None, typer.Option(help="Only with this status; may be repeated.")] = None,
    sort: Annotated[
        list[str] | None,
        typer.Option(help="Refs to sort by; - before one turns it round. [-created]", autocompletion=completing.refs),
    ] = None,
    columns: Annotated[
        list[str] | None,
        typer.Option("--columns", "-c", help="More columns: refs, with commas.", autocompletion=completing.refs),
    ] = None,
    children: Annotated[bool, typer.Option("--children", help="Runs that have a parent, too.")] = False,
    limit: Annotated[int, typer.Option("--limit", "-n", min=1, max=500, help="Runs at most.")] = 25,
    cursor: Annotated[str | None, typer.Option(help="Go on: `next_cursor` of an earlier answer.")] = None,
    everything: Annotated[
        bool, typer.Option("--all", help="All of them; with --json one a line, as they come.")
    ] = False,
    ids: Annotated[bool, typer.Option("--ids", help="Print run ids alone, one a line.")] = False,
    as_of: AsOf = None,
    workspace: Workspace = None,
    not_before: NotBefore = None,
    as_json: AsJson = False,
) -> None:
    """Find runs by a filter over status, tags, properties, metrics and times, newest first.

    Ends 3 when none matches. The language: docs/how-to/search.md. --as-of goes with 'parent = "RUN ID"' alone: the
    children that the run had, each as it stood.

    Example: runfold runs list 'tag.team = vision and metric.loss.min < 0.2' --sort metric.loss.min -c metric.loss
    """
    printer, api = Printer(as_json), client(workspace)
    refs, order = names_in(columns or ()), names_in(sort or ())
    asked = filter_of(q, experiment=experiment, status=status or ())
    waits = watermark(not_before)
    if everything and cursor:
        raise Stopped("--all begins at the first run; give it, or --cursor", exits.USAGE, "usage")
    if everything:
        pages = api.search_all(
            asked, sort=order, columns=refs, include_children=children, as_of=as_of, not_before=waits
        )
    else:
        one = api.search(
            asked, sort=order, columns=refs, include_children=children, cursor=cursor, limit=limit, as_of=as_of,
            not_before=waits,
        )  # fmt: skip
        pages = iter([one])
        if as_json and not ids:
            printer.document(one)
            raise typer.Exit(exits.OK if one["runs"] else exits.NOTHING)
    n = 0
    for page in pages:
        n += len(page["runs"])
        if ids:
            printer.lines(run["run_id"] for run in page["runs"])
        elif as_json:
            for run in page["runs"]:
                printer.line(run)
        elif page["runs"]:
            printer.show(runs_shown.listed(page["runs"], refs, _until(as_of), printer.width))
        of, is_exact = page["of"], page["of_is_exact"]
    if not n:
        printer.note("no run matches" if asked else f"the workspace {api.workspace} holds no run")
        raise typer.Exit(exits.NOTHING)
    if not ids and not as_json:
        printer.note(cells.n_of_m(n, of, "runs", is_exact) + ("" if everything or n == of else "; --all shows all"))


@app.asks("show")
def show(
    run: RunId,
    as_of: AsOf = None,
    workspace: Workspace = None,
    not_before: NotBefore = None,
    as_json: AsJson = False,
) -> None:
    """Show a run: status, times, tags, properties, metrics, warnings; as it is, or as it was.

    With --json: {"run", "metrics", "n", "of"}; the run as the API answers, the metrics as `metrics list` does.

    Example: runfold runs show @latest
    """
    printer, api = Printer(as_json), client(workspace)
    waits = watermark(not_before)
    run_id = run_id_of(api, run)
    found = api.run(run_id, as_of=as_of, not_before=waits)
    metrics = api.metric_summaries(run_id, as_of=as_of, limit=1000 if as_json else METRICS_SHOWN)
    if as_json:
        printer.document(
            {"run": found, "metrics": metrics["metrics"], "n": len(metrics["metrics"]), "of": metrics["of"]}
        )
    else:
        printer.show(runs_shown.page(found, metrics["metrics"], metrics["of"], _until(as_of), printer.width))


@app.asks("compare")
def compare(
    runs: Runs,
    everything: Annotated[bool, typer.Option("--all", help="What is equal, too.")] = False,
    workspace: Workspace = None,
    not_before: NotBefore = None,
    as_json: AsJson = False,
) -> None:
    """Show what differs between runs: fields, code and its files, tags, properties, and last values of metrics.

    Of a file that differs, the same letter is the same content, x says executable. With --json: {"runs": their ids,
    "differences": by ref, a value a run, "files": by path, what each run has}.

    Example: runfold runs compare digits#3 digits#4
    """
    printer, api = Printer(as_json), client(workspace)
    waits = watermark(not_before)
    ids = [run_id_of(api, word) for word in runs]
    if len(ids) < 2:
        raise Stopped("name two runs or more", exits.USAGE, "usage")
    found = [api.run(run_id, not_before=waits) for run_id in ids]
    metrics = [list(api.all_metric_summaries(run_id)) for run_id in ids]
    differing = runs_shown.differences(found, metrics, everything=everything)
    files = _files_that_differ(api, printer, found)
    if as_json:
        printer.document({"runs": ids, "differences": differing, "files": files})
        return
    if not differing:
        printer.note("nothing differs")
        return
    printer.show(*runs_shown.compared(found, differing, printer.width))
    if files:
        printer.show(*runs_shown.code_compared(found, files, printer.width))


def _files_that_differ(
    api: ApiClient, printer: Printer, runs: Sequence[RunRecord]
) -> dict[str, list[dict[str, Any] | None]]:
    """What cannot be compared is noted: all else that differs is worth telling without it."""
    ids = list(dict.fromkeys(run["snapshot_id"] for run in runs if run["snapshot_id"]))
    if len(ids) < 2:
        return {}
    try:
        found = api.code_differences(ids)
    except ServiceException as error:
        printer.note(f"the files of the code were not compared: {error.message}")
        return {}
    for each in found.left:
        printer.note(f"not compared: {each['message']}")
    return runs_shown.code(runs, found)


@app.asks("tags")
def tags(
    run: RunId,
    pairs: Annotated[
        list[str] | None, typer.Argument(metavar="[KEY=VALUE]...", help="Tags to set; none: show them.")
    ] = None,
    remove: Annotated[list[str] | None, typer.Option(help="Tag that goes; may be repeated.")] = None,
    workspace: Workspace = None,
    not_before: NotBefore = None,
    as_json: AsJson = False,
) -> None:
    """Show the tags of a run, or set and remove some: stated as an event in your name, and decided like all others.

    With --json: {"run_id", "tags"}, or when something was changed what the API says of the decision.

    Example: runfold runs tags digits#3 reviewed=yes --remove draft
    """
    printer, api = Printer(as_json), client(workspace)
    run_id = run_id_of(api, run)
    wanted: dict[str, str | None] = dict.fromkeys(remove or ())
    for pair in pairs or ():
        key, equals, value = pair.partition("=")
        if not key or not equals:
            raise Stopped(f"{pair!r} is no tag; allowed is KEY=VALUE", exits.USAGE, "usage")
        wanted[key] = value
    if wanted:
        decided = api.change_run(run_id, tags=wanted)
        if as_json:
            printer.document(decided)
        else:
            open_ = decided["verdict"] != "accepted"
            printer.note(f"{run_id}: {'stated, and not decided yet' if open_ else 'accepted'}")
        return
    held = api.run(run_id, not_before=watermark(not_before))["tags"]
    if as_json:
        printer.document({"run_id": run_id, "tags": held})
    else:
        printer.show(runs_shown.tags(run_id, held))


@app.asks("cancel")
def cancel(
    run: RunId,
    reason: Annotated[str | None, typer.Option(help="Why; it stays on record.")] = None,
    workspace: Workspace = None,
    as_json: AsJson = False,
) -> None:
    """Ask for the end of a run. Whoever runs it obeys, and states the end; `runs watch` shows it.

    Example: runfold runs cancel @latest --reason 'loss is NaN'
    """
    printer, api = Printer(as_json), client(workspace)
    run_id = run_id_of(api, run)
    decided = api.cancel_run(run_id, reason)
    if as_json:
        printer.document(decided)
    else:
        printer.note(f"asked {run_id} to end; watch it: runfold runs watch {run_id}")


app.asks("watch")(watch)


@experiments_app.asks("experiments")
def experiments(
    archived: Annotated[bool, typer.Option("--archived", help="Only archived ones.")] = False,
    everything: Annotated[bool, typer.Option("--all", help="Archived ones, too.")] = False,
    workspace: Workspace = None,
    not_before: NotBefore = None,
    timeout: Timeout = 10.0,
    as_json: AsJson = False,
) -> None:
    """List experiments with the number of their runs. Ends 3 when there is none.

    Example: runfold experiments --json
    """
    printer, api = Printer(as_json), client(workspace)
    view = "all" if everything else "archived" if archived else "active"
    found = list(api.experiments(view=view, not_before=watermark(not_before), timeout_s=timeout))
    if as_json:
        printer.document({"experiments": found, "n": len(found)})
    elif found:
        printer.show(runs_shown.experiments(found, printer.width))
    else:
        printer.note("there is no experiment")
    raise typer.Exit(exits.OK if found else exits.NOTHING)


def _until(as_of: str | None) -> datetime | None:
    """The moment up to which runs that have not ended have lasted; a watermark tells no time."""
    if as_of is None:
        return datetime.now(timezone.utc)
    return None if as_of.startswith("w1.") else cells.instant(as_of)
