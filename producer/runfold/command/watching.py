"""`runfold runs watch`: runs as they change, from server-sent events; nothing is polled and nothing is read anew that
has not changed.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from datetime import datetime, timezone
from typing import TYPE_CHECKING, Annotated, Any

import typer
from rich.console import Group, RenderableType
from rich.text import Text

from runfold_schemas import exits, statuses

from . import cells, completing, runs_shown
from .border import AsJson, Stopped, Workspace, client
from .finding import names_in, run_id_of
from .printing import Printer
from .tables import width_of

if TYPE_CHECKING:
    from runfold.reading.client import ApiClient

ROWS_MAX = 30
METRICS_MAX = 20
ASKED_MAX = 100
"""Runs in one question."""


def watch(
    runs: Annotated[
        list[str] | None,
        typer.Argument(
            metavar="[RUN]...",
            help="Runs, as in `runs show`; none: the newest of the workspace.",
            autocompletion=completing.runs,
            show_default=False,
        ),
    ] = None,
    q: Annotated[
        str | None,
        typer.Option("--filter", help="Without RUN: only runs that match.", autocompletion=completing.filters),
    ] = None,
    columns: Annotated[
        list[str] | None,
        typer.Option("--columns", "-c", help="More columns: refs, with commas.", autocompletion=completing.refs),
    ] = None,
    exit_status: Annotated[
        bool, typer.Option("--exit-status", help="End 0 only when every run is Completed, else 1.")
    ] = False,
    away: Annotated[float, typer.Option(min=0.0, help="Seconds that the API may be away.")] = 300.0,
    workspace: Workspace = None,
    as_json: AsJson = False,
) -> None:
    """Show runs live, until those that were named have ended.

    With --json a line for each run that changed: {"watermark", "changed": the kinds of change, "run"}.

    Example: runfold runs watch @latest --exit-status && echo done
    """
    printer, api = Printer(as_json), client(workspace)
    ids = list(dict.fromkeys(run_id_of(api, word) for word in runs or ()))
    if ids and q:
        raise Stopped("name runs or give --filter, not both", exits.USAGE, "usage")
    if len(ids) > ASKED_MAX:
        raise Stopped(f"at most {ASKED_MAX} runs are watched at once", exits.USAGE, "usage")
    refs = names_in(columns or ())
    seen = Watched(api, ids, q or "", refs)
    updates = follow(seen, away)
    if as_json:
        _lines(printer, updates)
    elif printer.console.is_terminal:
        _live(printer, seen, updates)
    else:
        _words(printer, seen, updates)
    if exit_status and any(run["status"] != statuses.COMPLETED for run in seen.rows):
        raise typer.Exit(exits.FAILED)


class Watched:
    """The runs that are shown, as last read."""

    def __init__(self, api: ApiClient, ids: Sequence[str], q: str, refs: Sequence[str]) -> None:
        self.api, self.ids, self.q, self.refs = api, list(ids), q, list(refs)
        self.rows: list[Any] = []
        self.metrics: list[Any] = []
        self.metrics_of = 0

    @property
    def is_over(self) -> bool:
        """All that were named have ended."""
        return bool(self.ids) and all(run["status"] in statuses.TERMINAL for run in self.rows)

    def read(self, changed: Mapping[str, Sequence[str]] | None) -> list[Any]:
        """Reads what changed (None: all), and gives the rows that did.

        :raises Stopped: A run that was named is not there.
        """
        if self.ids:
            wanted = self.ids if changed is None else [run_id for run_id in self.ids if run_id in changed]
            found = {run["run_id"]: run for run in self._named(wanted)} if wanted else {}
            missing = [run_id for run_id in wanted if run_id not in found]
            if missing:
                raise Stopped(
                    f"there is no run {', '.join(missing)} in the workspace {self.api.workspace}",
                    exits.NOTHING,
                    "not_found",
                )
            kept = {run["run_id"]: run for run in self.rows} | found
            self.rows = [kept[run_id] for run_id in self.ids]
        else:
            found_page = self.api.search(self.q, columns=self.refs, limit=ROWS_MAX)["runs"]
            found = {run["run_id"]: run for run in found_page if changed is None or run["run_id"] in changed}
            self.rows = list(found_page)
        points = changed is None or any("points" in kinds for kinds in changed.values())
        if len(self.ids) == 1 and points:
            page = self.api.metric_summaries(self.ids[0], limit=METRICS_MAX)
            self.metrics, self.metrics_of = list(page["metrics"]), page["of"]
        return list(found.values())

    def _named(self, ids: Sequence[str]) -> list[Any]:
        among = ", ".join(completing.quoted(run_id) for run_id in ids)
        return list(self.api.search(f"run_id in ({among})", columns=self.refs, limit=len(ids))["runs"])


class Update:
    """Rows that changed, with the kinds of change by run."""

    def __init__(self, watermark: str, rows: Sequence[Any], kinds: Mapping[str, Sequence[str]]) -> None:
        self.watermark, self.rows, self.kinds = watermark, list(rows), kinds


def follow(seen: Watched, away: float) -> Iterator[Update]:
    """Updates until all is over. The stream is opened before the first read, so that nothing between them is missed."""
    fresh = True
    for change in seen.api.changes(run_ids=seen.ids, timeout_s=away):
        if fresh or change.more:
            yield Update(change.watermark, seen.read(None), {} if fresh else change.runs)
        elif change.runs:
            yield Update(change.watermark, seen.read(change.runs), change.runs)
        fresh = False
        if seen.is_over:
            return


def shown(seen: Watched, width: int, now: datetime) -> RenderableType:
    """What is watched, now."""
    parts: list[RenderableType] = [runs_shown.listed(seen.rows, seen.refs, now, width)]
    if seen.metrics:
        note = cells.n_of_m(len(seen.metrics), seen.metrics_of, "metrics")
        parts += [Text(""), runs_shown.summaries(seen.metrics, width), Text(note, style="dim")]
    if not seen.rows:
        parts = [Text("no run yet", style="dim")]
    return Group(*parts)


def _lines(printer: Printer, updates: Iterator[Update]) -> None:
    for update in updates:
        for run in update.rows:
            changed = update.kinds.get(run["run_id"], [])
            printer.line({"watermark": update.watermark, "changed": changed, "run": run})


def _words(printer: Printer, seen: Watched, updates: Iterator[Update]) -> None:
    """A line a change, where no table can stand still."""
    for update in updates:
        for run in update.rows:
            values = [f"{ref}={cells.number(run['values'].get(ref))}" for ref in seen.refs]
            told = [cells.when(_now().isoformat()), run["run_id"], run["status"], *values]
            printer.lines(["  ".join(cells.plain(each) for each in told)])


def _live(printer: Printer, seen: Watched, updates: Iterator[Update]) -> None:
    from rich.live import Live

    with Live(
        get_renderable=lambda: shown(seen, width_of(printer.console), _now()),
        console=printer.console,
        refresh_per_second=2,
        vertical_overflow="crop",
    ) as live:
        for _ in updates:
            live.refresh()


def _now() -> datetime:
    return datetime.now(timezone.utc)
