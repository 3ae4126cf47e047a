"""Prints a run as a person would like to read it: what it is, how it went, what it holds, and what was refused.

Pure but for the console: everything shown comes in as the query API's answers.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from rich import box
from rich.columns import Columns
from rich.console import Console, Group, RenderableType
from rich.panel import Panel
from rich.table import Table
from rich.text import Text
from rich.tree import Tree

_BARS = "▁▂▃▄▅▆▇█"
_COLOURS = {"Completed": "green", "Failed": "red", "Canceled": "yellow", "Running": "cyan"}
_COMPLETE = {
    "complete": ("complete", "green"),
    "complete_with_declared_loss": ("complete, with declared loss", "yellow"),
    "open": ("not complete yet", "yellow"),
}


def show(
    console: Console,
    run: Mapping[str, Any],
    metrics: Mapping[str, Any],
    children: Sequence[tuple[Mapping[str, Any], Mapping[str, Any]]],
    artifacts: Sequence[Mapping[str, Any]],
    decisions: Sequence[Mapping[str, Any]],
) -> None:
    """Prints one run.

    Args:
        console: Where to print.
        run: The run's document, as GET /v1/workspaces/{w}/runs/{id} answers.
        metrics: Its metrics, as `Run.get_metrics()` returns them.
        children: Its children with their metrics, in the order to show them.
        artifacts: Its files, as GET .../artifacts answers.
        decisions: Its decisions, as GET .../decisions answers; the refused ones are shown.
    """
    console.print(_heading(run))
    console.print(Columns([_pairs("Tags", run["tags"]), _pairs("Properties", run["properties"])], padding=(0, 3)))
    console.print()
    if metrics:
        console.print(_metrics(metrics))
    if children:
        console.print(_children(children))
        console.print()
    if artifacts:
        console.print(_artifacts(artifacts))
    refused = [(decision, refusal) for decision in decisions for refusal in decision.get("refusals", ())]
    if refused:
        console.print(_refusals(refused))


def sparkline(values: Sequence[float], width: int = 24) -> str:
    """Draws numbers as a line of bars: at most `width` of them, each the mean of its share of the values."""
    finite = [v for v in values if v == v and abs(v) != float("inf")]
    if not finite:
        return ""
    buckets = min(width, len(finite))
    means = [
        sum(part) / len(part)
        for i in range(buckets)
        if (part := finite[i * len(finite) // buckets : (i + 1) * len(finite) // buckets])
    ]
    low, high = min(means), max(means)
    return "".join(_BARS[round((m - low) / (high - low) * 7) if high > low else 3] for m in means)


def _heading(run: Mapping[str, Any]) -> RenderableType:
    status = run["status"]
    complete, colour = _COMPLETE.get(run["complete"], (run["complete"], "yellow"))
    lines = Text()
    lines.append(f"{run['display_name'] or run['run_id']}\n", style="bold")
    lines.append(f"{run['experiment']} #{run['number']}  ", style="dim")
    lines.append(status, style=f"bold {_COLOURS.get(status, 'white')}")
    lines.append("  ")
    lines.append(complete, style=colour)
    lines.append(f"\n{run['run_id']}", style="dim")
    lines.append(f"\n{run['started_at']} to {run['ended_at'] or 'now'}, by {run['submitted_by']}", style="dim")
    return Panel(lines, box=box.ROUNDED, expand=False)


def _pairs(title: str, pairs: Mapping[str, Any]) -> RenderableType:
    table = Table(title=title, title_justify="left", title_style="bold", box=None, show_header=False, pad_edge=False)
    for key, value in sorted(pairs.items()):
        table.add_row(Text(key, style="dim"), "" if value is None else str(value))
    return table if pairs else Text(f"{title}: none", style="dim")


def _numbers(value: Any) -> list[float]:
    return [float(v) for v in value if isinstance(v, (int, float))] if isinstance(value, list) else []


def _metrics(metrics: Mapping[str, Any]) -> RenderableType:
    table = Table(title="Metrics", title_justify="left", title_style="bold", box=box.SIMPLE_HEAD)
    for column in ("name", "last", "points", ""):
        table.add_column(column, justify="right" if column in ("last", "points") else "left")
    for name, value in sorted(metrics.items()):
        if isinstance(value, dict):
            rows = max((len(v) if isinstance(v, list) else 1 for v in value.values()), default=0)
            table.add_row(name, f"{len(value)} columns", f"{rows} rows", ", ".join(value))
        elif isinstance(value, list):
            last = value[-1]
            table.add_row(name, _plain(last), str(len(value)), sparkline(_numbers(value)))
        else:
            table.add_row(name, _plain(value), "1", "")
    return table


def _plain(value: Any) -> str:
    if isinstance(value, float):
        return f"{value:.4g}"
    text = str(value)
    return text if len(text) <= 24 else "…" + text[-23:]


def _children(children: Sequence[tuple[Mapping[str, Any], Mapping[str, Any]]]) -> RenderableType:
    tree = Tree(Text("Children", style="bold"), guide_style="dim")
    for child, metrics in children:
        line = Text(f"{child['display_name'] or child['run_id']}  ")
        line.append(child["status"], style=_COLOURS.get(child["status"], "white"))
        node = tree.add(line)
        for name, value in sorted(metrics.items()):
            numbers = _numbers(value)
            if numbers:
                node.add(Text.assemble((f"{name:<20}", "dim"), f" {sparkline(numbers)} ", f"{numbers[-1]:.4g}"))
    return tree


def _artifacts(artifacts: Sequence[Mapping[str, Any]]) -> RenderableType:
    table = Table(title="Files", title_justify="left", title_style="bold", box=box.SIMPLE_HEAD)
    for column in ("path", "bytes", "sha256", "stored"):
        table.add_column(column, justify="right" if column == "bytes" else "left")
    for artifact in artifacts:
        stored = artifact["availability"] or "not looked at yet"
        table.add_row(
            artifact["path"],
            f"{artifact['size']:,}",
            artifact["sha256"][:12] + "…",
            Text(stored, style="green" if stored == "available" else "yellow"),
        )
    return table


def _refusals(refused: Sequence[tuple[Mapping[str, Any], Mapping[str, Any]]]) -> RenderableType:
    table = Table(title="Refused, and on record", title_justify="left", title_style="bold", box=box.SIMPLE_HEAD)
    for column in ("event", "rule", "key", "kept", "refused", "offset"):
        table.add_column(column, justify="right" if column == "offset" else "left")
    for decision, refusal in refused:
        table.add_row(
            decision["event"],
            refusal["rule"],
            refusal["key"],
            Text(str(refusal["kept"]), style="green"),
            Text(str(refusal["refused"]), style="red"),
            str(decision["offset"]),
        )
    return Group(table)
