"""What must hold in a chart document (run_api section 5). Pure: a document to the invariants that it breaks.

Nothing is refused here: real callers omit the wrapper, and write other versions. Each broken invariant is one text that
names it, and where it is broken first.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Sequence
from itertools import pairwise
from typing import Any

VERSIONS = {"accuracy_table": "1.0.1", "confusion_matrix": "1.0.0", "predictions": "1.0.0", "residuals": "1.0.0"}


def violations(metric_type: str, document: object) -> list[str]:
    """The invariants that do not hold; empty for a sound document.

    :param metric_type: accuracy_table, confusion_matrix, predictions or residuals.
    :param document: What JSON has for it.
    """
    if not isinstance(document, dict):
        return [f"the document is an object with schema_type, schema_version and data, not {_kind(document)}"]
    found = []
    for key, expected in (("schema_type", metric_type), ("schema_version", VERSIONS[metric_type])):
        if document.get(key) != expected:
            found.append(f"{key} is {expected!r}, not {document.get(key)!r:.80}")
    data = document.get("data")
    if not isinstance(data, dict):
        return [*found, f"data is an object, not {_kind(data)}"]
    return [*found, *_DATA[metric_type](data)]


def _accuracy_table(data: dict[str, Any]) -> Iterator[str]:
    labels = data.get("class_labels")
    if not _list_of(labels, str):
        yield "class_labels is a list of strings"
    classes = len(labels) if isinstance(labels, list) else None
    totals = set()
    for kind in ("probability", "percentile"):
        thresholds: list[Any] = data.get(f"{kind}_thresholds") or []
        if not thresholds or not _numbers(thresholds):
            yield f"{kind}_thresholds is a list of numbers"
            continue
        if any(later < earlier for earlier, later in pairwise(thresholds)):
            yield f"{kind}_thresholds ascend"
        name = f"{kind}_tables"
        tables: Any = data.get(name)
        shape = _shape_broken(tables, classes, len(thresholds))
        if shape is not None:
            yield f"{name} has the shape [classes, thresholds, 4]: {shape}"
            continue
        yield from _counts_broken(name, tables)
        totals |= {sum(row) for table in tables for row in table}
    if len(totals) > 1:
        yield (
            "TP+FP+TN+FN is the number of samples, the same for every class and threshold: there are "
            f"{', '.join(str(total) for total in sorted(totals)[:4])}"
        )
    even: Any = data.get("probability_thresholds")
    if _numbers(even) and len(even) > 1:
        for place, threshold in enumerate(even):
            if not math.isclose(threshold, place / (len(even) - 1), rel_tol=0, abs_tol=1e-6):
                yield f"probability_thresholds are evenly spaced in [0, 1]: number {place} is {threshold!r}"
                break


def _shape_broken(tables: object, classes: int | None, thresholds: int) -> str | None:
    if not isinstance(tables, list):
        return f"it is {_kind(tables)}"
    if classes is not None and len(tables) != classes:
        return f"{len(tables)} tables for {classes} classes"
    for place, table in enumerate(tables):
        if not isinstance(table, list) or len(table) != thresholds:
            size = len(table) if isinstance(table, list) else _kind(table)
            return f"table {place} has {size} rows for {thresholds} thresholds"
        for at, row in enumerate(table):
            if not isinstance(row, list) or len(row) != 4 or not _numbers(row):
                return f"row {at} of table {place} is not [TP, FP, TN, FN]"
    return None


def _counts_broken(name: str, tables: list[list[list[float]]]) -> Iterator[str]:
    rows = [row for table in tables for row in table]
    if any(count < 0 or count != int(count) for row in rows for count in row if math.isfinite(count)) or not all(
        math.isfinite(count) for row in rows for count in row
    ):
        yield f"{name} holds counts: whole numbers from 0"
    for place, table in enumerate(tables):
        if len({tp + fn for tp, _, _, fn in table}) > 1:
            yield f"TP+FN is the same for every threshold of a class: it varies in table {place} of {name}"
            break
    for place, table in enumerate(tables):
        if len({tn + fp for _, fp, tn, _ in table}) > 1:
            yield f"TN+FP is the same for every threshold of a class: it varies in table {place} of {name}"
            break


def _confusion_matrix(data: dict[str, Any]) -> Iterator[str]:
    labels, matrix = data.get("class_labels"), data.get("matrix")
    if not _list_of(labels, str):
        yield "class_labels is a list of strings"
    if not isinstance(matrix, list) or not all(_numbers(row) for row in matrix):
        yield "matrix is a list of rows of numbers"
        return
    classes = len(labels) if isinstance(labels, list) else len(matrix)
    sizes = {len(row) for row in matrix}
    if len(matrix) != classes or sizes - {classes}:
        yield (
            f"matrix is square, with a row and a column for each of {classes} class labels: it has {len(matrix)} rows "
            f"of {', '.join(str(size) for size in sorted(sizes)) or 'no'} columns"
        )


def _predictions(data: dict[str, Any]) -> Iterator[str]:
    names = ("bin_averages", "bin_errors", "bin_counts", "bin_edges")
    broken = [name for name in names if not _numbers(data.get(name))]
    for name in broken:
        yield f"{name} is a list of numbers"
    if broken:
        return
    averages, errors, counts, edges = (data[name] for name in names)
    if not len(averages) == len(errors) == len(counts):
        yield (
            "bin_averages, bin_errors and bin_counts are equally long: they have "
            f"{len(averages)}, {len(errors)} and {len(counts)} elements"
        )
    yield from _edges_broken(edges, len(counts))


def _residuals(data: dict[str, Any]) -> Iterator[str]:
    broken = [name for name in ("bin_edges", "bin_counts") if not _numbers(data.get(name))]
    for name in broken:
        yield f"{name} is a list of numbers"
    if not broken:
        yield from _edges_broken(data["bin_edges"], len(data["bin_counts"]))


def _edges_broken(edges: Sequence[float], bins: int) -> Iterator[str]:
    if len(edges) != bins + 1:
        yield f"there is one more of bin_edges than of bin_counts: {len(edges)} edges for {bins} counts"
    if any(not later > earlier for earlier, later in pairwise(edges)):
        yield "bin_edges ascend"


_DATA: dict[str, Callable[[dict[str, Any]], Iterator[str]]] = {
    "accuracy_table": _accuracy_table,
    "confusion_matrix": _confusion_matrix,
    "predictions": _predictions,
    "residuals": _residuals,
}


def _numbers(given: object) -> bool:
    return isinstance(given, list) and all(
        isinstance(each, (int, float)) and not isinstance(each, bool) for each in given
    )


def _list_of(given: object, kind: type) -> bool:
    return isinstance(given, list) and all(isinstance(each, kind) for each in given)


def _kind(given: object) -> str:
    names = {dict: "an object", list: "a list", str: "a text", bool: "a truth value", type(None): "null"}
    return names.get(type(given), "a number")
