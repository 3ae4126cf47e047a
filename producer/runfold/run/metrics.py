"""log, log_list, log_row, log_table, log_image, log_confusion_matrix, get_metrics.

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
from runfold_schemas.values import classify

from . import files

if TYPE_CHECKING:
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
    values = [classify(element) for element in validation.floats(validation.elements(named, value))]
    if values:
        handle.lane.log_list(named, values)


def log_row(handle: RunHandle, name: object, columns: Mapping[str, object]) -> None:
    """One row."""
    named = validation.metric_name(name)
    _columns(named, len(columns))
    row = validation.row(named, columns)
    handle.lane.log_rows(named, [{column: classify(row[column]) for column in row}])


def log_table(handle: RunHandle, name: object, value: object) -> None:
    """All rows of one call. A table without rows is nothing."""
    named = validation.metric_name(name)
    rows = validation.table(named, value)
    if rows:
        _columns(named, len(rows[0]))
        classified = [{column: classify(cell) for column, cell in row.items()} for row in rows]
        handle.lane.log_rows(named, classified)


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


def log_document(handle: RunHandle, metric_type: str, name: object, value: object) -> None:
    """A chart document: JSON as text, or a value that JSON can hold. Nothing else is checked, as in the original.

    :param metric_type: confusion_matrix, accuracy_table, predictions or residuals.
    :raises UserErrorException: The text is no JSON.
    :raises TypeError: The value cannot be written as JSON.
    """
    import json

    from runfold.artifacts import sources

    named = validation.metric_name(name)
    if isinstance(value, str):
        try:
            value = json.loads(value)
        except ValueError as error:
            raise UserErrorException("Invalid JSON provided", inner_exception=error) from error
    body = sources.of_bytes(json.dumps(value).encode(), "application/json")
    files.store_body(handle, validation.artifact_path(_relative(named)), body, (named, metric_type))


def get_metrics(
    handle: RunHandle,
    name: str | None,
    recursive: bool,
    run_type: str | None,
    populate: bool,
    not_before: str | None,
) -> dict[str, Any]:
    """`{name: value}`, or `{run_id: {name: value}}` when recursive, in the original's shapes."""
    found: dict[str, dict[str, Any]] = handle.session.read(
        lambda api: api.metrics(handle.run_id, name=name, recursive=recursive, run_type=run_type), not_before
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
