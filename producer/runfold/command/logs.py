"""`runfold logs`: list the logs of a run, print one, follow one as it grows."""

from __future__ import annotations

import base64
import sys
from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING, Annotated, Any

import typer

from runfold_schemas import exits, statuses

from . import cells
from .border import AsJson, AsOf, NotBefore, RunId, Stopped, Topic, Workspace, client, watermark
from .finding import run_id_of
from .printing import Printer
from .tables import Column, table

if TYPE_CHECKING:
    from runfold.reading.client import ApiClient, LogPiece

app = Topic("logs", "Log text of runs: list, show, follow.")

Name = Annotated[
    str | None,
    typer.Argument(metavar="[NAME]", help="Of the log; else the one there is, or std_log.txt.", show_default=False),
]
Attempt = Annotated[int | None, typer.Option(min=0, help="Of this attempt; else the latest.")]
Rank = Annotated[int | None, typer.Option(min=0, help="By the process of this rank; else the lowest.")]
_STANDARD = ("user_logs/std_log.txt", "logs/user_logs/std_log.txt")


@app.asks("list")
def list_logs(
    run: RunId,
    as_of: AsOf = None,
    workspace: Workspace = None,
    not_before: NotBefore = None,
    as_json: AsJson = False,
) -> None:
    """List the logs of a run, by name, attempt and rank. Ends 3 when there is none.

    Example: runfold logs list @latest
    """
    printer, api = Printer(as_json), client(workspace)
    found = api.logs(run_id_of(api, run), as_of=as_of, not_before=watermark(not_before))
    if as_json:
        printer.document({"logs": found, "n": len(found)})
    elif found:
        printer.show(listed(found, printer.width))
    else:
        printer.note("the run has no log")
    raise typer.Exit(exits.OK if found else exits.NOTHING)


@app.asks("show")
def show(
    run: RunId,
    name: Name = None,
    attempt: Attempt = None,
    rank: Rank = None,
    tail: Annotated[int | None, typer.Option("--tail", "-n", min=1, help="Only the last lines.")] = None,
    as_of: AsOf = None,
    workspace: Workspace = None,
    not_before: NotBefore = None,
    as_json: AsJson = False,
) -> None:
    """Print a log, as far as it has arrived without a hole.

    With --json: {"name", "attempt", "writer_id", "text", "lost", "complete"}.

    Example: runfold logs show @latest --tail 50
    """
    printer, api = Printer(as_json), client(workspace)
    run_id = run_id_of(api, run)
    log = chosen(api.logs(run_id, as_of=as_of, not_before=watermark(not_before)), name, attempt, rank)
    if tail is None and not as_json:
        lost = _copied(api, run_id, log, as_of, _writer(printer))
    else:
        kept = bytearray()

        def keep(data: bytes) -> None:
            kept.extend(data)
            if tail is not None:  # of a long log no more is held than is shown
                del kept[: len(kept) - sum(map(len, kept.splitlines(keepends=True)[-tail:]))]

        lost = _copied(api, run_id, log, as_of, keep)
        data = bytes(kept)
        if as_json:
            told = {field: log[field] for field in ("name", "attempt", "writer_id", "rank", "complete")}
            printer.document({**told, "lost": lost, "text": data.decode("utf-8", "replace")})
        else:
            _writer(printer)(data)
    if lost:
        printer.note(f"{lost:,} bytes were declared lost by who wrote them", "yellow")


@app.asks("follow")
def follow(
    run: RunId,
    name: Name = None,
    attempt: Attempt = None,
    rank: Rank = None,
    tail: Annotated[int, typer.Option("--tail", "-n", min=0, help="Begin with the last lines; 0: with new ones.")] = 20,
    away: Annotated[float, typer.Option(min=0.0, help="Seconds that the API may be away.")] = 300.0,
    workspace: Workspace = None,
    as_json: AsJson = False,
) -> None:
    """Print a log as it grows, until it is closed or its run has ended.

    With --json a line for each piece: {"text"} or {"base64"}, {"first", "next"}.

    Example: runfold logs follow @latest
    """
    printer, api = Printer(as_json), client(workspace)
    run_id = run_id_of(api, run)
    log = _awaited(printer, api, run_id, name, attempt, rank, away)
    Following(api, run_id, log, away).run(_lined(printer) if as_json else _plainly(printer), tail)


class Following:
    """One log that is read as it grows, told of growth by the API's changes."""

    def __init__(self, api: ApiClient, run_id: str, log: Mapping[str, Any], away: float) -> None:
        self._api, self._run_id, self._log, self._away = api, run_id, log, away

    def run(self, told: Callable[[LogPiece, int], None], tail: int) -> None:
        """Tells pieces with the ordinal of their first byte, until the log is closed and all of it was told."""
        first: int | None = None
        for _ in self._api.changes(run_ids=[self._run_id], timeout_s=self._away):
            if first is None:  # read after the stream is open, so that nothing between is missed
                first = self._begin(told, tail)
            is_over = self._is_over()  # asked before the last read
            first = self._read(first, told)
            if is_over:
                return

    def _begin(self, told: Callable[[LogPiece, int], None], tail: int) -> int:
        """The last lines of what is there; the ordinal to go on from."""
        last = [b""]
        place, piece = 1, self._piece(1)
        while piece.data:
            last = [b"".join(last)[-(1 << 20) :] + piece.data]
            place = piece.next
            if piece.next >= piece.end:
                break
            piece = self._piece(piece.next)
        data = b"".join(last[0].splitlines(keepends=True)[-tail:]) if tail else b""
        if data:
            told(piece._replace(data=data, next=place), place - len(data))
        return place

    def _read(self, first: int, told: Callable[[LogPiece, int], None]) -> int:
        while (piece := self._piece(first)).data:
            told(piece, first)
            first = piece.next
            if piece.next >= piece.end:
                break
        return first

    def _piece(self, first: int) -> LogPiece:
        log = self._log
        return self._api.log_bytes(self._run_id, log["name"], log["attempt"], log["writer_id"], first)

    def _is_over(self) -> bool:
        same = [
            each
            for each in self._api.logs(self._run_id)
            if (each["name"], each["writer_id"]) == (self._log["name"], self._log["writer_id"])
        ]
        run = self._api.run(self._run_id)
        ended = run["status"] in statuses.TERMINAL and run["complete"] != "open"
        return ended or all(each["complete"] for each in same)


def chosen(found: Sequence[Any], name: str | None, attempt: int | None, rank: int | None) -> Any:
    """The log that is meant: of the latest attempt and lowest rank where neither is named.

    :raises Stopped: There is none, or it is not clear which.
    """
    fit = [each for each in found if rank is None or each["rank"] == rank]
    fit = [each for each in fit if attempt is None or each["attempt"] == attempt]
    names = list(dict.fromkeys(each["name"] for each in fit))
    if name is None:
        standard = [each for each in _STANDARD if each in names]
        if len(names) > 1 and not standard:
            raise Stopped(f"the run has several logs, name one: {', '.join(names)}", exits.USAGE, "usage")
        name = (standard or names or [None])[0]
    of_name = [each for each in fit if each["name"] == name]
    if not of_name:
        raise Stopped(f"the run has no such log; it has {', '.join(names) or 'none'}", exits.NOTHING, "not_found")
    latest = max(each["attempt"] for each in of_name)
    return min(
        (each for each in of_name if each["attempt"] == latest),
        key=lambda each: (each["rank"] is None, each["rank"] or 0),
    )


def listed(found: Sequence[Mapping[str, Any]], width: int) -> Any:
    """Logs, a row each."""
    heads = [
        Column("log"),
        Column("attempt", right=True, whole=True),
        Column("rank", right=True, whole=True),
        Column("size", right=True, whole=True),
        Column("", whole=True),
        Column("updated (UTC)", whole=True, style="dim"),
        Column("writer", whole=True, style="dim"),
    ]
    rows = [
        [
            cells.text(each["name"], "bold"),
            str(each["attempt"]) if each["attempt"] else "",
            "" if each["rank"] is None else str(each["rank"]),
            cells.size(each["bytes"]),
            "complete" if each["complete"] else "grows",
            cells.when(each["updated_at"]),
            each["writer_id"],
        ]
        for each in found
    ]
    return table(heads, rows, width)


def _awaited(
    printer: Printer, api: ApiClient, run_id: str, name: str | None, attempt: int | None, rank: int | None, away: float
) -> Any:
    """The log; where it has not begun yet, and its run has not ended, it is waited for."""
    told = False
    for _ in api.changes(run_ids=[run_id], timeout_s=away):
        run = api.run(run_id)
        try:
            return chosen(api.logs(run_id), name, attempt, rank)
        except Stopped as stopped:
            if stopped.exit != exits.NOTHING or run["status"] in statuses.TERMINAL:
                raise
            if not told:
                printer.note("no log yet; waiting for it")
            told = True
    raise Stopped("the run has no such log", exits.NOTHING, "not_found")


def _copied(
    api: ApiClient, run_id: str, log: Mapping[str, Any], as_of: str | None, told: Callable[[bytes], Any]
) -> int:
    """Tells all of a log that is there; the bytes that are lost."""
    first, lost = 1, 0
    while True:
        piece = api.log_bytes(run_id, log["name"], log["attempt"], log["writer_id"], first, as_of=as_of)
        lost += piece.lost
        if piece.data:
            told(piece.data)
        if not piece.data or piece.next >= piece.end:
            return lost
        first = piece.next


def _writer(printer: Printer) -> Callable[[bytes], None]:
    """Bytes as they are in a pipe; on a terminal colours stay, and nothing else steers it."""

    def write(data: bytes) -> None:
        if printer.console.is_terminal:
            sys.stdout.write(cells.shown_log(data.decode("utf-8", "replace")))
        else:
            sys.stdout.buffer.write(data)
        sys.stdout.flush()

    return write


def _plainly(printer: Printer) -> Callable[[LogPiece, int], None]:
    write = _writer(printer)
    return lambda piece, first: write(piece.data)


def _lined(printer: Printer) -> Callable[[LogPiece, int], None]:
    def tell(piece: LogPiece, first: int) -> None:
        try:
            body = {"text": piece.data.decode("utf-8")}
        except UnicodeDecodeError:
            body = {"base64": base64.b64encode(piece.data).decode()}
        printer.line({**body, "first": first, "next": piece.next})

    return tell
