"""`runfold artifacts`: list the files of a run, bring them, look into one."""

from __future__ import annotations

import contextlib
import json
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path, PurePosixPath
from typing import TYPE_CHECKING, Annotated, Any

import typer

from runfold_schemas import exits

from . import cells
from .border import AsJson, AsOf, NotBefore, RunId, Stopped, Topic, Workspace, client, watermark
from .finding import run_id_of
from .printing import Printer
from .tables import Column, table

if TYPE_CHECKING:
    from runfold.reading.client import ApiClient

app = Topic("artifacts", "Files of runs: list, bring, look into.")

Attempt = Annotated[int | None, typer.Option(min=0, help="Of this attempt; else the latest that wrote it.")]
_STYLES = {"available": "green", "missing": "red", "mismatched": "red", "pending": "yellow"}


@app.asks("ls")
def ls(
    run: RunId,
    prefix: Annotated[str, typer.Argument(metavar="PREFIX", help="Only paths that begin so.", show_default=False)] = "",
    as_of: AsOf = None,
    workspace: Workspace = None,
    not_before: NotBefore = None,
    as_json: AsJson = False,
) -> None:
    """List the files of a run. Ends 3 when there is none.

    With --json: {"artifacts", "n"}.

    Example: runfold artifacts ls @latest outputs/
    """
    printer, api = Printer(as_json), client(workspace)
    found = api.artifacts(run_id_of(api, run), prefix=prefix, as_of=as_of, not_before=watermark(not_before))
    if as_json:
        printer.document({"artifacts": found, "n": len(found)})
    elif found:
        printer.show(listed(found, printer.width))
        printer.note(f"{len(found):,} files, {cells.size(sum(each['size'] for each in found))}")
    else:
        printer.note("no file" + (f" begins with {prefix}" if prefix else ""))
    raise typer.Exit(exits.OK if found else exits.NOTHING)


@app.asks("get")
def get(
    run: RunId,
    paths: Annotated[
        list[str] | None,
        typer.Argument(metavar="[PATH]...", help="Files; one that ends in / is all below it.", show_default=False),
    ] = None,
    everything: Annotated[bool, typer.Option("--all", help="All files of the run.")] = False,
    to: Annotated[Path, typer.Option("--to", help="Folder, or with one file its new name.")] = Path(),
    attempt: Attempt = None,
    force: Annotated[bool, typer.Option("--force", help="Replace files that are there.")] = False,
    as_of: AsOf = None,
    workspace: Workspace = None,
    not_before: NotBefore = None,
    as_json: AsJson = False,
) -> None:
    """Bring files of a run. Each appears whole, with the digest it must have, or not at all; a cut one is gone on with.

    With --json: {"files": [{"path", "file", "size", "sha256"}]}.

    Example: runfold artifacts get @latest outputs/model.pkl --to models/
    """
    printer, api = Printer(as_json), client(workspace)
    run_id = run_id_of(api, run)
    if bool(paths) == everything:
        raise Stopped("name files, or give --all", exits.USAGE, "usage")
    waits = watermark(not_before)
    wanted = chosen(api.artifacts(run_id, as_of=as_of, not_before=waits), paths or [""], attempt)
    places = placed([each["path"] for each in wanted], to, as_file=len(wanted) == 1 and _is_file(paths, to))
    there = [str(place) for place in places if place.exists()]
    if there and not force:
        raise Stopped(f"{', '.join(there[:5])} exists already; --force replaces", exits.FAILED, "exists")
    brought = _bring(printer, api, run_id, wanted, places)
    if as_json:
        printer.document({"files": brought})
    else:
        printer.lines(each["file"] for each in brought)


@app.asks("preview")
def preview(
    run: RunId,
    path: Annotated[str, typer.Argument(metavar="PATH", help="A file.", show_default=False)],
    attempt: Attempt = None,
    first: Annotated[int, typer.Option(min=0, help="Place of the first byte.")] = 0,
    size: Annotated[int, typer.Option("--bytes", min=1, max=4 << 20, help="Bytes at most.")] = 8192,
    as_of: AsOf = None,
    workspace: Workspace = None,
    as_json: AsJson = False,
) -> None:
    """Show the first bytes of a text, JSON or CSV file; of others what they are. In a pipe: the bytes.

    With --json: {"path", "media_type", "first", "n", "text"}, or "base64" where it is no text.

    Example: runfold artifacts preview @latest outputs/report.json
    """
    printer, api = Printer(as_json), client(workspace)
    data, media_type = api.preview(run_id_of(api, run), path, attempt, first=first, limit=size, as_of=as_of)
    if as_json:
        printer.document({"path": path, "media_type": media_type, "first": first, "n": len(data), **_body(data)})
    elif not printer.console.is_terminal:
        sys.stdout.flush()
        sys.stdout.buffer.write(data)
        sys.stdout.buffer.flush()
    else:
        for line in previewed(data, media_type):
            printer.lines([line])
        printer.note(f"{media_type}, {len(data):,} bytes from {first:,} on")


def listed(found: Sequence[Mapping[str, Any]], width: int) -> Any:
    """Files, a row each."""
    heads = [
        Column("path"),
        Column("attempt", right=True, whole=True),
        Column("size", right=True, whole=True),
        Column("type"),
        Column("stored", whole=True),
        Column("created (UTC)", whole=True, style="dim"),
        Column("sha256", whole=width >= 180),
    ]
    rows = [
        [
            cells.text(each["path"], "bold"),
            str(each["attempt"]) if each["attempt"] else "",
            cells.size(each["size"]),
            cells.text(each["media_type"]),
            cells.text(each["availability"], _STYLES.get(each["availability"], "")),
            cells.when(each["created_at"]),
            each["sha256"],
        ]
        for each in found
    ]
    return table(heads, rows, width)


def chosen(found: Sequence[Any], paths: Sequence[str], attempt: int | None) -> list[Any]:
    """The files that paths name, each of the attempt or else of the latest.

    :raises Stopped: A path names none.
    """
    latest: dict[str, Any] = {}
    for each in found:
        if attempt is None or each["attempt"] == attempt:
            latest[each["path"]] = max(latest.get(each["path"], each), each, key=lambda one: one["attempt"])
    picked: dict[str, Any] = {}
    for path in paths:
        folder = path == "" or path.endswith("/")
        of_path = {name: each for name, each in latest.items() if (name.startswith(path) if folder else name == path)}
        if not of_path:
            near = ", ".join(list(latest)[:10]) or "none"
            raise Stopped(f"the run has no file {path!r}; it has {near}", exits.NOTHING, "not_found")
        picked.update(of_path)
    return list(picked.values())


def placed(paths: Sequence[str], to: Path, *, as_file: bool) -> list[Path]:
    """Where each goes: below the folder by its path in the run, or under the new name.

    :raises Stopped: A path would leave the folder.
    """
    if as_file:
        return [to]
    for path in paths:
        parts = PurePosixPath(path).parts
        if PurePosixPath(path).is_absolute() or ".." in parts or "\x00" in path or not parts:
            raise Stopped(f"{path!r} would leave the folder; give --to a file name", exits.FAILED, "unsafe")
    return [to.joinpath(*PurePosixPath(path).parts) for path in paths]


def previewed(data: bytes, media_type: str) -> list[str]:
    """Lines for a terminal; of bytes that are no text the first of them in hex."""
    body = _body(data)
    if "text" not in body:
        return [data[i : i + 16].hex(" ") for i in range(0, min(len(data), 256), 16)]
    text = body["text"]
    if "json" in media_type:
        with contextlib.suppress(ValueError):  # cut, or none: as it is
            text = json.dumps(json.loads(text), indent=2, ensure_ascii=False)
    return [cells.shown_log(line) for line in text.splitlines()]


def _body(data: bytes) -> dict[str, str]:
    for cut in range(4):  # the last character may be cut
        try:
            text = data[: len(data) - cut].decode("utf-8")
        except UnicodeDecodeError:
            continue
        if "\x00" not in text:
            return {"text": text}
        break
    import base64

    return {"base64": base64.b64encode(data).decode()}


def _is_file(paths: Sequence[str] | None, to: Path) -> bool:
    return len(paths or ()) == 1 and to != Path() and not to.is_dir() and not str(to).endswith("/")


def _bring(
    printer: Printer, api: ApiClient, run_id: str, wanted: Sequence[Any], places: Sequence[Path]
) -> list[dict[str, Any]]:
    brought = []
    with printer.progress("bringing", sum(each["size"] for each in wanted)) as moved:
        for each, place in zip(wanted, places, strict=True):
            place.parent.mkdir(parents=True, exist_ok=True)
            api.download(api.content(run_id, each["path"], attempt=each["attempt"]), place, moved=moved)
            brought.append({"path": each["path"], "file": str(place), "size": each["size"], "sha256": each["sha256"]})
    return brought
