"""`runfold deadletters`: records that could not be folded; look at them, and have one said once more."""

from __future__ import annotations

import base64
import itertools
import re
from collections.abc import Mapping, Sequence
from typing import Annotated, Any

import typer
from rich.text import Text

from runfold_schemas import exits

from . import cells
from .border import AsJson, Stopped, Topic, Workspace, client
from .printing import Printer
from .tables import Column, pairs, table

app = Topic("deadletters", "Records that could not be folded.")

Place = Annotated[
    str, typer.Argument(metavar="PLACE", help="TOPIC/PARTITION/OFFSET, as `list` shows it.", show_default=False)
]
_HEX_BYTES = 512


@app.asks("list")
def list_letters(
    limit: Annotated[int, typer.Option("--limit", "-n", min=0, help="At most so many; 0: all.")] = 100,
    workspace: Workspace = None,
    as_json: AsJson = False,
) -> None:
    """List records that could not be folded, newest first. Ends 3 when there is none.

    With --json one a line, with its bytes as base64.

    Example: runfold deadletters list
    """
    printer, api = Printer(as_json), client(workspace)
    letters = api.dead_letters()
    found = list(itertools.islice(letters, limit or None))
    if as_json:
        for each in found:
            printer.line(each)
    elif found:
        printer.show(listed(found, printer.width))
        if next(letters, None) is not None:
            printer.note(f"the newest {len(found):,}; --limit 0 lists all")
    if not found:
        printer.note("there is none: all that was read is folded")
        raise typer.Exit(exits.NOTHING)


@app.asks("show")
def show(place: Place, workspace: Workspace = None, as_json: AsJson = False) -> None:
    """Show one: why it could not be folded, and its bytes.

    Example: runfold deadletters show runfold.team-a.facts/0/4711
    """
    printer, api = Printer(as_json), client(workspace)
    topic, partition, offset = place_of(place)
    found = api.dead_letter(topic, partition, offset)
    if as_json:
        printer.document(found)
    else:
        printer.show(page(found))
        printer.lines(hexed(found["value"]))


@app.asks("retry")
def retry(
    place: Place,
    reason: Annotated[str | None, typer.Option(help="Why; it stays on record.")] = None,
    again: Annotated[bool, typer.Option("--again", help="Though it was sent again before.")] = False,
    workspace: Workspace = None,
    as_json: AsJson = False,
) -> None:
    """Send what a dead letter said once more, after a fact that refers to it. Needs the scope admin.

    Do it once what was in the way is gone: a newer projector, a schema that was missing.

    Example: runfold deadletters retry runfold.team-a.facts/0/4711
    """
    printer, api = Printer(as_json), client(workspace)
    answer = api.retry_dead_letter(*place_of(place), reason=reason, again=again)
    if as_json:
        printer.document(answer)
    else:
        what = f"{answer['event']} of {answer['aggregate_kind']} {cells.plain(answer['aggregate_id'])}"
        printer.note(f"{what} was sent again; it is folded, or set aside anew: runfold deadletters list")


def place_of(text: str) -> tuple[str, int, int]:
    """Topic, partition and offset.

    :raises Stopped: It is no place.
    """
    found = re.fullmatch(r"(?P<topic>[^/]+)/(?P<partition>[0-9]{1,9})/(?P<offset>[0-9]{1,18})", text)
    if found is None:
        raise Stopped(f"{text!r} is no place; allowed is TOPIC/PARTITION/OFFSET", exits.USAGE, "usage")
    return found["topic"], int(found["partition"]), int(found["offset"])


def listed(found: Sequence[Mapping[str, Any]], width: int) -> Any:
    """Dead letters, a row each."""
    heads = [
        Column("place", whole=True),
        Column("recorded (UTC)", whole=True, style="dim"),
        Column("size", right=True, whole=True),
        Column("", whole=True),
        Column("why"),
        Column("sent again (UTC)", whole=True),
    ]
    rows: list[list[Text | str]] = [
        [
            cells.text(f"{each['topic']}/{each['partition']}/{each['offset']}", "bold"),
            cells.when(each["recorded_at"]),
            cells.size(len(base64.b64decode(each["value"] or ""))),
            cells.text(each["kind"], "red" if each["kind"] == "poison" else "yellow"),
            cells.text(each["reason"]),
            cells.when(each.get("retried_at")),
        ]
        for each in found
    ]
    return table(heads, rows, width)


def page(each: Mapping[str, Any]) -> Any:
    """All that is known of one."""
    return pairs((name, cells.text(value)) for name, value in each.items() if name not in ("value", "watermark"))


def hexed(value: str | None) -> list[str]:
    """The first bytes as hex and characters."""
    data = base64.b64decode(value or "")
    lines = []
    for first in range(0, min(len(data), _HEX_BYTES), 16):
        part = data[first : first + 16]
        letters = "".join(chr(byte) if 32 <= byte < 127 else "." for byte in part)
        lines.append(f"{first:06x}  {part.hex(' '):<47}  {letters}")
    if len(data) > _HEX_BYTES:
        lines.append(f"... {len(data) - _HEX_BYTES:,} bytes more; --json has all")
    return lines
