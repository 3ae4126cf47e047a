"""`runfold events` and `runfold decisions`: what was said about a run, in the order of the log, and how it was
decided.
"""

from __future__ import annotations

import itertools
import json
from collections.abc import Callable, Iterator, Mapping, Sequence
from enum import Enum
from typing import Annotated, Any

import typer
from rich.text import Text

from runfold_schemas import exits

from . import cells
from .border import AsJson, AsOf, NotBefore, RunId, Topic, Workspace, client, watermark
from .finding import run_id_of
from .printing import Printer
from .tables import Column, table

events_app = Topic("events")
decisions_app = Topic("decisions")

Limit = Annotated[int, typer.Option("--limit", "-n", min=0, help="At most so many; 0: all.")]
_VERDICTS = {"accepted": "green", "refused": "red", "conflicting": "red"}
_AT_ONCE = 200
Key = Annotated[str | None, typer.Option(help="Only what was refused for this key, such as a property.")]
_BODY_CHARACTERS = 160


class Verdict(str, Enum):
    """How a fact was decided."""

    accepted = "accepted"
    refused = "refused"
    repeated = "repeated"
    conflicting = "conflicting"


@events_app.asks("events")
def events(
    run: RunId,
    event: Annotated[list[str] | None, typer.Option(help="Only of this kind, such as TagSet; may be repeated.")] = None,
    verdict: Annotated[list[Verdict] | None, typer.Option(help="Only what was decided so; may be repeated.")] = None,
    key: Key = None,
    newest_first: Annotated[bool, typer.Option("--newest-first", help="The latest first.")] = False,
    limit: Limit = 0,
    bodies: Annotated[bool, typer.Option("--bodies", help="What each says, whole.")] = False,
    as_of: AsOf = None,
    workspace: Workspace = None,
    not_before: NotBefore = None,
    as_json: AsJson = False,
) -> None:
    """Show all facts and claims about a run, by offset, with the decision about each. Ends 3 when there is none.

    With --json one event a line.

    Example: runfold events @latest --verdict refused
    """
    printer, api = Printer(as_json), client(workspace)
    found = api.events(
        run_id_of(api, run),
        events=event or (),
        verdicts=[each.value for each in verdict or ()],
        key=key,
        newest_first=newest_first,
        as_of=as_of,
        not_before=watermark(not_before),
    )
    _told(printer, found, limit, lambda part: timeline(part, printer.width, bodies))


@decisions_app.asks("decisions")
def decisions(
    run: RunId,
    writer: Annotated[str | None, typer.Option(help="Only about what this writer said.")] = None,
    key: Key = None,
    limit: Limit = 0,
    as_of: AsOf = None,
    workspace: Workspace = None,
    not_before: NotBefore = None,
    as_json: AsJson = False,
) -> None:
    """Show what of a run's facts was not plainly accepted, by which rule, what was kept and what refused.

    With --json one decision a line. Ends 3 when there is none.

    Example: runfold decisions @latest
    """
    printer, api = Printer(as_json), client(workspace)
    waits = watermark(not_before)
    found = api.decisions(run_id_of(api, run), writer_id=writer, key=key, as_of=as_of, not_before=waits)
    _told(printer, found, limit, lambda part: decided(part, printer.width))


def timeline(events: Sequence[Mapping[str, Any]], width: int, bodies: bool = False) -> Any:
    """Events, a row each."""
    heads = [
        Column("offset", right=True, whole=True),
        Column("broker time (UTC)", whole=True, style="dim"),
        Column("event", whole=True),
        Column("verdict", whole=True),
        Column("says"),
        Column("writer", whole=width >= 200, style="dim"),
    ]
    rows: list[list[Text | str]] = [
        [
            f"{each['partition']}:{each['offset']}",
            cells.when(each["broker_time"]),
            cells.text(each["event"], "bold"),
            _verdict(each),
            said(each["body"], None if bodies else _BODY_CHARACTERS),
            cells.text(each["writer_id"]),
        ]
        for each in events
    ]
    return table(heads, rows, width)


def decided(decisions: Sequence[Mapping[str, Any]], width: int) -> Any:
    """Decisions, a row a refusal."""
    heads = [
        Column("offset", right=True, whole=True),
        Column("event", whole=True),
        Column("verdict", whole=True),
        Column("rule", whole=True),
        Column("key"),
        Column("kept", style="green"),
        Column("refused", style="red"),
        Column("writer", whole=width >= 160, style="dim"),
    ]
    rows: list[list[Text | str]] = []
    for each in decisions:
        for refusal in each["refusals"] or [{"rule": each["rule"], "key": None, "kept": None, "refused": None}]:
            rows.append(
                [
                    str(each["offset"]),
                    cells.text(each["event"], "bold"),
                    _verdict(each),
                    *(cells.text(refusal[field]) for field in ("rule", "key", "kept", "refused")),
                    cells.text(each["writer_id"]),
                ]
            )
    return table(heads, rows, width)


def said(body: Mapping[str, Any] | None, most: int | None) -> Text:
    """What an event says beside its envelope, as `field=value`; cut after `most` characters, with an ellipsis."""
    words = []
    for field, value in (body or {}).items():
        if field in _ENVELOPE or value in (None, "", [], {}):
            continue
        words.append(f"{field}={value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)}")
    text = cells.plain(" ".join(words))
    return Text(text if most is None or len(text) <= most else text[: most - 1] + "…")


_ENVELOPE = frozenset(
    ("event_id", "workspace", "aggregate_kind", "aggregate_id", "run_id", "writer_id", "ordinal", "time", "actor")
)


def _verdict(each: Mapping[str, Any]) -> Text:
    verdict = each["verdict"]
    rule = f" ({each['rule']})" if each.get("rule") and verdict != "accepted" else ""
    return cells.text(f"{verdict}{rule}" if verdict else "", _VERDICTS.get(verdict or "", "yellow"))


def _told(printer: Printer, found: Iterator[Any], limit: int, shown: Callable[[Sequence[Any]], Any]) -> None:
    """So many of it (0: all), as it comes; and whether there is more."""
    n = 0
    while part := list(itertools.islice(found, min(_AT_ONCE, limit - n) if limit else _AT_ONCE)):
        n += len(part)
        if printer.as_json:
            for each in part:
                printer.line(each)
        else:
            printer.show(shown(part))
    if limit and n == limit and not printer.as_json and next(found, None) is not None:
        printer.note(f"the first {n:,}; --limit 0 shows all")
    if not n:
        printer.note("there is none")
        raise typer.Exit(exits.NOTHING)
