"""log, log_list, log_row, log_table, log_image, the four chart documents, get_metrics.

Values are validated here and go to the journal as (kind, number, text); images and chart documents are artifacts that
carry the metric's name and type. `description` is accepted everywhere and not stored, as in the original.
"""

from __future__ import annotations

import time
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from runfold import notices, validation
from runfold.exceptions import AzureMLException, UserErrorException
from runfold_schemas import limits
from runfold_schemas.events import WarningRecorded
from runfold_schemas.values import classify

from . import files

if TYPE_CHECKING:
    from runfold.validation import Scalar

    from .handle import RunHandle


def log(handle: RunHandle, name: object, value: object, step: object) -> None:
    """Whatever is not simply a float, and whatever the journal would not take."""
    named = validation.metric_name(name)
    at = validation.step(step)
    logged, converted = validation.scalar(named, value)
    if converted:
        notices.once(
            ("text", handle.run_id, named),
            f"metric {named!r} was given a value of type {type(value).__name__}, which is no number; "
            "its text is kept, as the original did.",
        )
    handle.log_point(named, logged, at)


def log_list(handle: RunHandle, name: object, value: object) -> None:
    """Values of one call: one time stamp, consecutive ordinals. An empty list is nothing.

    A float among them makes a float of each int, as in the original.
    """
    named = validation.metric_name(name)
    values = validation.floats(validation.elements(named, value))
    if values:
        lane = handle.lane
        if handle.counted is not None:
            handle.counted.rows(named, len(values), (), values)
        lane.log_list(named, [classify(element) for element in values])


def log_row(handle: RunHandle, name: object, columns: Mapping[str, object]) -> None:
    """One row."""
    named = validation.metric_name(name)
    _columns(named, len(columns))
    _rows(handle, named, [validation.row(named, columns)])


def log_table(handle: RunHandle, name: object, value: object) -> None:
    """All rows of one call. A table without rows is nothing."""
    named = validation.metric_name(name)
    rows = validation.table(named, value)
    if rows:
        _columns(named, len(rows[0]))
        _rows(handle, named, rows)


def _rows(handle: RunHandle, name: str, rows: list[dict[str, Scalar]]) -> None:
    lane = handle.lane
    if handle.counted is not None:
        handle.counted.rows(name, len(rows), rows[0], (cell for row in rows for cell in row.values()))
    lane.log_rows(name, [{column: classify(cell) for column, cell in row.items()} for row in rows])


def log_image(handle: RunHandle, name: object, path: object, plot: object) -> None:
    """An image from a file, a stream, or anything with `savefig`."""
    from runfold.artifacts import sources

    named = validation.metric_name(name)
    if path is not None and plot is not None:
        raise AzureMLException(
            f"path ({path}) and plot ({plot}) were both provided, only one at a time is supported; "
            f"log metric {named!r} twice instead."
        )
    if path is None and plot is None:
        raise AzureMLException("one of path and plot is required as input")
    if path is None:
        stored = validation.artifact_path(f"{_relative(named)}_{int(time.time())}.png")
        body = sources.of_plot(plot)
    else:
        stored = validation.artifact_path(_relative(getattr(path, "name", named) if hasattr(path, "read") else path))
        body = sources.of_image(path, stored, handle.session.spool())
    files.store_body(handle, stored, body, (named, "image"))


def log_document(handle: RunHandle, metric_type: str, name: object, value: object, *, strict: bool = False) -> None:
    """A chart document: JSON as text, or a value that JSON can hold.

    An invariant that does not hold in it is a warning on the run, and the document is kept, as the original kept it.

    :param metric_type: confusion_matrix, accuracy_table, predictions or residuals.
    :param strict: Whether such a document is refused instead.
    :raises UserErrorException: The text is no JSON, or an invariant does not hold and `strict`; nothing was kept.
    :raises TypeError: The value cannot be written as JSON.
    """
    from runfold.artifacts import sources

    named = validation.metric_name(name)
    text, broken = check_document(metric_type, named, value, strict=strict)
    body = sources.of_bytes(text.encode(), "application/json")
    files.store_body(handle, validation.artifact_path(_relative(named)), body, (named, metric_type))
    for invariant in broken:
        warn(handle, named, f"log_{metric_type}: this does not hold: {invariant}")


def check_document(metric_type: str, name: str, value: object, *, strict: bool = True) -> tuple[str, list[str]]:
    """A chart document as JSON, and the invariants that do not hold in it; raises as `log_document`."""
    import json

    from . import charts

    if isinstance(value, str):
        try:
            value = json.loads(value)
        except ValueError as error:
            raise UserErrorException("Invalid JSON provided", inner_exception=error) from error
    text = json.dumps(value, default=_plain)
    broken = charts.violations(metric_type, json.loads(text))  # tuples are lists there, and keys are strings
    if broken and strict:
        raise UserErrorException(
            f"log_{metric_type}({name!r}): {'; '.join(broken)}. Without strict=True it is kept, with a warning."
        )
    return text, broken


def _plain(value: object) -> object:
    """What JSON can hold of an array or a number of numpy's, a tensor, or whatever else lists itself."""
    listed = getattr(value, "tolist", None)
    if listed is None:
        raise TypeError(f"Object of type {type(value).__name__} is not JSON serializable")
    return listed()


def warn(handle: RunHandle, source: str, message: str) -> None:
    """Records a warning on the run, and tells it once in this process.

    :param source: What it is about, such as the name of a metric.
    """
    attempt = handle.session.place.attempt
    kept = validation.shortened(message, limits.STATUS_REASON_BYTES_MAX)
    handle.session.fact(handle.run_id, WarningRecorded, attempt=attempt, source=source, message=kept)
    if handle.session.workspace is not None:  # offline, the original says nothing
        notices.once(("warning", handle.run_id, source), f"run {handle.run_id}, {source!r}: {message}")


def get_metrics(
    handle: RunHandle,
    name: str | None,
    recursive: bool,
    run_type: str | None,
    populate: bool,
    *,
    rank: int | None = None,
    attempt: int | None = None,
    not_before: str | None = None,
) -> dict[str, Any]:
    """`{name: value}`, or `{run_id: {name: value}}` when recursive, in the original's shapes."""
    asked = {
        "name": None if name is None else validation.metric_name(name),
        "recursive": bool(recursive),
        "run_type": None if run_type is None else validation.text("run_type", run_type, limits.TAG_KEY_BYTES_MAX),
        "rank": validation.whole("rank", rank),
        "attempt": validation.whole("attempt", attempt),
    }
    found: dict[str, dict[str, Any]] = handle.session.read(
        lambda api: api.metrics(handle.run_id, **asked),  # type: ignore[arg-type]  # each checked by its function
        not_before,
    )
    if populate:
        found = {run_id: files.populated(handle, run_id, values) for run_id, values in found.items()}
    return found if recursive else found.get(handle.run_id, {})


def _columns(name: str, count: int) -> None:
    if count > limits.COLUMNS_PER_ROW_MAX:
        raise AzureMLException(
            f"a row of metric {name!r} has {count} columns, at most {limits.COLUMNS_PER_ROW_MAX} are allowed."
        )


def _relative(path: object) -> str:
    """A path within the run for what was named by an absolute path or by a metric's name."""
    named = str(path)
    parts = [part for part in named.replace("\\", "/").split("/") if part not in ("", ".", "..")]
    return "/".join(parts) or "image"
