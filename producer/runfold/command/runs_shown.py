"""Runs as tables, one run as a page, and several side by side. Pure: answers of the API in, rich's renderables out."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime
from itertools import islice
from typing import TYPE_CHECKING, Any

from rich.console import Group, RenderableType
from rich.text import Text

from . import cells
from .tables import Column, pairs, table

if TYPE_CHECKING:
    from runfold.reading.records import CodeDifference, CodeDifferences

_COMPLETE = {
    "complete": ("complete", "green"),
    "complete_with_declared_loss": ("complete, with declared loss", "yellow"),
    "open": ("not complete yet", "yellow"),
}
FILES_SHOWN = 40
FIELDS = ("status", "experiment", "number", "attempt", "run_type", "target", "created_at", "started_at", "ended_at")


def listed(
    runs: Sequence[Mapping[str, Any]],
    columns: Sequence[str],
    now: datetime | None,
    width: int,
    marks: Sequence[str] = (),
) -> RenderableType:
    """Runs, a row each.

    :param columns: Refs of `values` to show, in this order.
    :param marks: What to show before each row.
    """
    heads = [
        Column("", whole=True),
        Column("run", whole=True),
        Column("status", whole=True),
        Column("name"),
        Column("experiment"),
        Column("created (UTC)", whole=True, style="dim"),
        Column("took", right=True, whole=True),
        Column("children", right=True, whole=True),
        *(Column(ref, right=ref.startswith("metric.")) for ref in columns),
    ]
    rows: list[list[Text | str]] = []
    for place, run in enumerate(runs):
        rows.append(
            [
                cells.text(marks[place] if place < len(marks) else ""),
                cells.text(run["run_id"], "bold"),
                cells.status(run["status"]),
                cells.text(run.get("name")),
                cells.text(cells.label(run)),
                cells.when(run.get("created_at")),
                cells.duration(run, now),
                str(run["children"]) if run.get("children") else "",
                *(cells.number(run.get("values", {}).get(ref)) for ref in columns),
            ]
        )
    return table(heads, rows, width)


def page(
    run: Mapping[str, Any], metrics: Sequence[Mapping[str, Any]], metrics_of: int, now: datetime | None, width: int
) -> RenderableType:
    """One run: what it is, how it went, and what it holds."""
    parts: list[RenderableType] = [_head(run), _facts(run, now)]
    for title, values in (("Tags", run["tags"]), ("Properties", run["properties"])):
        if values:
            parts += [Text(""), _keys(title, values)]
    if metrics:
        parts += [Text(""), summaries(metrics, width), _dim(cells.n_of_m(len(metrics), metrics_of, "metrics"))]
    if run["datasets"]:
        parts += [Text(""), _datasets(run["datasets"], width)]
    if run["warnings"]:
        parts += [Text(""), Text("Warnings", style="bold yellow")]
        parts += [cells.text(f"  {each['source']}: {each['message']}") for each in run["warnings"]]
    if run["error"]:
        error = run["error"]
        parts += [Text(""), cells.text(f"{error['code']}: {error['message'] or ''}", "red")]
    return Group(*parts)


def summaries(metrics: Sequence[Mapping[str, Any]], width: int) -> RenderableType:
    """Metrics of a run, a row each."""
    heads = [
        Column("metric"),
        Column("column"),
        Column("last", right=True),
        Column("at step", right=True, whole=True),
        Column("min", right=True),
        Column("max", right=True),
        Column("points", right=True, whole=True),
        Column("not finite", right=True, whole=True),
        Column("writers", right=True, whole=True),
    ]
    rows: list[list[Text | str]] = [
        [
            cells.text(each["name"]),
            cells.text(each["column"]),
            cells.number(each["last"]),
            "" if each["last_step"] is None else str(each["last_step"]),
            cells.number(each["min"]),
            cells.number(each["max"]),
            f"{each['points']:,}",
            f"{each['nonfinite']:,}" if each["nonfinite"] else "",
            str(each["writers"]) if each["writers"] > 1 else "",
        ]
        for each in metrics
    ]
    return table(heads, rows, width)


def differences(
    runs: Sequence[Mapping[str, Any]], metrics: Sequence[Sequence[Mapping[str, Any]]], *, everything: bool = False
) -> dict[str, list[Any]]:
    """What differs between runs (or `everything`), by ref, a value a run; None where a run has none.

    :param metrics: Summaries of the metrics of each run; of a metric its last value is compared.
    """
    found: dict[str, list[Any]] = {}

    def put(ref: str, place: int, value: Any) -> None:
        found.setdefault(ref, [None] * len(runs))[place] = value

    for place, (run, of_run) in enumerate(zip(runs, metrics, strict=True)):
        for field in FIELDS:
            put(field, place, run.get(field))
        put("code", place, run.get("snapshot_id"))
        for kind in ("tags", "properties"):
            for key, value in run[kind].items():
                put(f"{'tag' if kind == 'tags' else 'property'}.{key}", place, "" if value is None else value)
        for each in of_run:
            column = "" if each["column"] is None else f".{each['column']}"
            put(f"metric.{each['name']}{column}", place, each["last"])
    return {ref: values for ref, values in found.items() if everything or any(v != values[0] for v in values)}


def compared(
    runs: Sequence[Mapping[str, Any]], differing: Mapping[str, Sequence[Any]], width: int
) -> Iterable[RenderableType]:
    """Differences, a row a ref and a column a run; as many tables as fit side by side need."""
    at_once = max(1, (width - 30) // 24) if width < 10_000 else len(runs)
    for first in range(0, len(runs), at_once):
        part = range(first, min(first + at_once, len(runs)))
        heads = [Column("", style="dim"), *(Column(cells.plain(runs[i]["run_id"]), right=False) for i in part)]
        rows = [[cells.text(ref), *(_value(ref, values[i]) for i in part)] for ref, values in differing.items()]
        yield table(heads, rows, width)


def code(runs: Sequence[Mapping[str, Any]], found: CodeDifferences) -> dict[str, list[dict[str, Any] | None]]:
    """The files that differ, by path, what each run has of it; None where it has none, or its code is not known."""
    place = {snapshot_id: at for at, snapshot_id in enumerate(found.snapshot_ids)}
    places = [place.get(run.get("snapshot_id") or "") for run in runs]

    def of_run(file: CodeDifference, at: int | None) -> dict[str, Any] | None:
        which = None if at is None else file["which"][at]
        return None if which is None else {"version": which, **file["contents"][which]}

    return {file["path"]: [of_run(file, at) for at in places] for file in found.files}


def code_compared(
    runs: Sequence[Mapping[str, Any]], files: Mapping[str, Sequence[Mapping[str, Any] | None]], width: int
) -> Iterable[RenderableType]:
    """The first FILES_SHOWN of the files that differ, a row a path and a column a run; letters tell what is alike."""

    def told(content: Mapping[str, Any] | None) -> str | None:
        if content is None:
            return None
        version = content["version"]
        name = chr(ord("A") + version) if version < 26 else f"#{version + 1}"
        return f"{name} {cells.size(content['size'])}{' x' if content['executable'] else ''}"

    shown = {path: list(map(told, contents)) for path, contents in islice(files.items(), FILES_SHOWN)}
    yield from compared(runs, shown, width)
    if len(files) > FILES_SHOWN:
        yield _dim(f"and {len(files) - FILES_SHOWN:,} files more: --json has all")


def tags(run_id: str, values: Mapping[str, str | None]) -> RenderableType:
    """Tags of a run."""
    return _keys(f"Tags of {cells.plain(run_id)}", values) if values else _dim(f"{cells.plain(run_id)} has no tags")


def experiments(found: Sequence[Mapping[str, Any]], width: int) -> RenderableType:
    """Experiments, a row each."""
    heads = [
        Column("experiment"),
        Column("runs", right=True, whole=True),
        Column("created (UTC)", whole=True, style="dim"),
        Column("", whole=True),
        Column("description"),
        Column("tags"),
    ]
    rows = [
        [
            cells.text(each["name"], "bold"),
            f"{each['run_count']:,}",
            cells.when(each["created_at"]),
            "archived" if each["archived"] else "",
            cells.text(each["description"]),
            cells.text(", ".join(f"{k}={'' if v is None else v}" for k, v in sorted(each["tags"].items()))),
        ]
        for each in found
    ]
    return table(heads, rows, width)


def _value(ref: str, value: Any) -> Text:
    if ref == "status":
        return cells.status(value)
    return Text("-", style="dim") if value is None else Text(cells.number(value))


def _head(run: Mapping[str, Any]) -> Text:
    complete, colour = _COMPLETE.get(run["complete"], (run["complete"], "yellow"))
    return Text.assemble(
        (cells.plain(run["display_name"] or run["run_id"]), "bold"),
        "  ",
        cells.status(run["status"]),
        "  ",
        (complete, colour),
    )


def _facts(run: Mapping[str, Any], now: datetime | None) -> RenderableType:
    parent, number = run["parent_run_id"], run["number"]
    return pairs(
        [
            ("run", cells.text(run["run_id"])),
            ("experiment", cells.text(f"{run['experiment'] or ''}{'' if number is None else f' #{number}'}")),
            ("description", cells.text(run["description"])),
            ("parent", cells.text(parent)),
            ("attempt", str(run["attempt"]) if run["attempt"] else None),
            ("type", cells.text(run["run_type"])),
            ("target", cells.text(run["target"])),
            ("created (UTC)", cells.when(run["created_at"])),
            ("started (UTC)", cells.when(run["started_at"])),
            ("ended (UTC)", cells.when(run["ended_at"])),
            ("took", cells.duration(run, now)),
            ("last heard (UTC)", cells.when(run["heartbeat_at"]) if run["ended_at"] is None else None),
            ("by", cells.text(run["submitted_by"])),
            ("status reason", cells.text(run["status_reason"])),
            ("cancel asked (UTC)", cells.when(run["cancel_requested_at"])),
            ("code", cells.text(run["snapshot_id"])),
            ("processes", str(len(run["writers"])) if run["writers"] else None),
        ]
    )


def _keys(title: str, values: Mapping[str, str | None]) -> RenderableType:
    return pairs(
        (
            (cells.plain(key), cells.text("-" if value is None or value == "" else value))
            for key, value in sorted(values.items())
        ),
        title,
    )


def _datasets(links: Sequence[Mapping[str, Any]], width: int) -> RenderableType:
    heads = [Column("", style="dim"), Column("dataset"), Column("version", right=True), Column("id", whole=True)]
    rows = [
        [
            each["direction"],
            cells.text(each["dataset_name"] or each["name"]),
            "" if each["dataset_version"] is None else str(each["dataset_version"]),
            cells.text(each["dataset_id"]),
        ]
        for each in links
    ]
    return table(heads, rows, width, "Datasets")


def _dim(text: str) -> Text:
    return Text(text, style="dim")
