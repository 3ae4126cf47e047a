"""`runfold health`: how far projectors are behind, what could not be folded, what was refused, how much comes in."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Annotated, Any

import typer
from rich.console import Group, RenderableType
from rich.text import Text

from runfold_schemas import exits

from . import cells
from .border import AsJson, Topic, Workspace, client
from .printing import Printer
from .tables import Column, pairs, table

app = Topic("health")


@app.asks("health")
def health(
    lag_max: Annotated[
        float | None, typer.Option("--lag-max", min=0.0, help="End 1 when a projector is behind by more seconds.")
    ] = None,
    workspace: Workspace = None,
    as_json: AsJson = False,
) -> None:
    """Show the health of a workspace: lag, dead letters, refusals, throughput.

    Example: runfold health --lag-max 60
    """
    printer, api = Printer(as_json), client(workspace)
    found = api.health()
    if as_json:
        printer.document(found)
    else:
        printer.show(page(found, printer.width))
    if lag_max is not None and is_behind(found, lag_max):
        if not as_json:
            printer.note(f"a projector is behind by more than {lag_max:g} s", "red")
        raise typer.Exit(exits.FAILED)


def is_behind(found: Mapping[str, Any], lag_max: float) -> bool:
    """Whether a projector is behind by more; one that has folded nothing yet (no lag is known) is."""
    return any(each["lag_s"] is None or each["lag_s"] > lag_max for each in found["projectors"])


def page(found: Mapping[str, Any], width: int) -> RenderableType:
    """The health of a workspace."""
    letters, refusals, runs = found["dead_letters"], found["refusals"], found["runs"]
    counts = pairs(
        [
            ("running", f"{runs.get('running', 0):,}"),
            ("not responding", Text(f"{runs.get('not_responding', 0):,}", "red" if runs.get("not_responding") else "")),
            ("runs of the last hour", f"{runs.get('last_hour', 0):,}"),
            ("dead letters", _letters(letters)),
            ("refused in the last hour", f"{refusals['last_hour']:,}"),
            *((f"{cells.plain(each['topic'])}", f"{each['per_s']:.1f} a second") for each in found["throughput"]),
        ]
    )  # fmt: skip
    heads = [
        Column("projector"),
        Column("topic"),
        Column("partition", right=True, whole=True),
        Column("next offset", right=True, whole=True),
        Column("end", right=True, whole=True),
        Column("lag", right=True, whole=True),
    ]
    rows: list[list[Text | str]] = [
        [
            cells.text(each["projector"]),
            cells.text(each["topic"]),
            str(each["partition"]),
            str(each["next_offset"]),
            str(each["end_offset"]),
            _lag(each["lag_s"]),
        ]
        for each in found["projectors"]
    ]
    return Group(counts, Text(""), table(heads, rows, width))


def _letters(letters: Mapping[str, Any]) -> Text:
    left = letters.get("open", letters["poison"] + letters["parked"])
    told = f"{letters['poison']:,} poison, {letters['parked']:,} parked" + (
        f"; {left:,} not sent again" if left else ""
    )
    return Text(told, style="red" if left else "")


def _lag(seconds: float | None) -> Text:
    if seconds is None or math.isinf(seconds):
        return Text("unknown", style="red")
    return Text(cells.lasting(seconds), style="red" if seconds > 60 else "yellow" if seconds > 5 else "green")
