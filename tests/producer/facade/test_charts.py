"""Each invariant of run_api section 5 is named where it does not hold, and the reference's own examples hold all."""

from __future__ import annotations

import copy
import math
from typing import Any

import pytest

from runfold.run.charts import violations

SOUND: dict[str, dict[str, Any]] = {
    "confusion_matrix": {"class_labels": ["no", "yes"], "matrix": [[5, 1], [2, 4]]},
    "residuals": {"bin_edges": [-10.5, 0.0, 1, 2, 3], "bin_counts": [0.88, 20, 50.99, 7]},
    "predictions": {
        "bin_averages": [0.25, 0.75],
        "bin_errors": [0.013, 0.042],
        "bin_counts": [56, 34],
        "bin_edges": [0.0, 0.5, 1.0],
    },
    "accuracy_table": {
        "class_labels": ["a", "b"],
        "probability_thresholds": [0.0, 0.5, 1.0],
        "percentile_thresholds": [0.1, 0.4, 0.9],
        "probability_tables": [
            [[6, 4, 0, 0], [5, 1, 3, 1], [0, 0, 4, 6]],
            [[4, 6, 0, 0], [3, 1, 5, 1], [0, 0, 6, 4]],
        ],
        "percentile_tables": [
            [[6, 4, 0, 0], [5, 1, 3, 1], [1, 0, 4, 5]],
            [[4, 6, 0, 0], [3, 1, 5, 1], [1, 0, 6, 3]],
        ],
    },
}
VERSIONS = {"accuracy_table": "1.0.1"}


def document(kind: str) -> dict[str, Any]:
    version = VERSIONS.get(kind, "1.0.0")
    return {"schema_type": kind, "schema_version": version, "data": copy.deepcopy(SOUND[kind])}


@pytest.mark.parametrize("kind", SOUND)
def test_a_sound_document_breaks_nothing(kind: str) -> None:
    assert violations(kind, document(kind)) == []


@pytest.mark.parametrize("kind", SOUND)
@pytest.mark.parametrize("given", [None, 5, "text", [1], {}, {"data": None}, {"data": []}, {"data": {}}], ids=repr)
def test_what_is_no_such_document_is_told_and_never_raised(kind: str, given: object) -> None:
    told = violations(kind, given)
    assert told
    assert all(isinstance(line, str) and len(line) > 10 for line in told)


@pytest.mark.parametrize(
    ("kind", "path", "value", "invariant"),
    [
        ("accuracy_table", ["class_labels"], [1, 2], "class_labels is a list of strings"),
        ("accuracy_table", ["class_labels"], ["a"], "2 tables for 1 classes"),
        ("accuracy_table", ["probability_tables", 0], [[6, 4, 0, 0]], "table 0 has 1 rows for 3 thresholds"),
        ("accuracy_table", ["percentile_tables", 1, 2], [1, 0, 6], "row 2 of table 1 is not [TP, FP, TN, FN]"),
        ("accuracy_table", ["probability_tables", 0, 1], [5, 1, 3, 2], "TP+FN is the same for every threshold"),
        ("accuracy_table", ["probability_tables", 0, 1], [5, 2, 3, 1], "TN+FP is the same for every threshold"),
        ("accuracy_table", ["probability_tables", 0, 1], [5, 1, 3, 2], "TP+FP+TN+FN is the number of samples"),
        ("accuracy_table", ["probability_tables", 0, 1], [5.5, 1, 3, 0.5], "holds counts: whole numbers from 0"),
        ("accuracy_table", ["probability_tables", 0, 1], [math.nan, 1, 3, 1], "holds counts: whole numbers from 0"),
        ("accuracy_table", ["probability_thresholds"], [0.0, 0.4, 1.0], "evenly spaced in [0, 1]"),
        ("accuracy_table", ["percentile_thresholds"], [0.4, 0.1, 0.9], "percentile_thresholds ascend"),
        ("accuracy_table", ["percentile_thresholds"], "high", "percentile_thresholds is a list of numbers"),
        ("confusion_matrix", ["class_labels"], "no", "class_labels is a list of strings"),
        ("confusion_matrix", ["class_labels"], ["a", "b", "c"], "matrix is square"),
        ("confusion_matrix", ["matrix"], [[1, 2]], "matrix is square"),
        ("confusion_matrix", ["matrix", 0], ["x", 1], "matrix is a list of rows of numbers"),
        ("predictions", ["bin_averages"], [0.25], "are equally long: they have 1, 2 and 2 elements"),
        ("predictions", ["bin_edges"], [0.0, 1.0], "one more of bin_edges than of bin_counts"),
        ("predictions", ["bin_errors"], None, "bin_errors is a list of numbers"),
        ("residuals", ["bin_edges"], [0, 1, 2, 3], "one more of bin_edges than of bin_counts"),
        ("residuals", ["bin_edges"], [0, 2, 1, 3, 4], "bin_edges ascend"),
        ("residuals", ["bin_counts"], [True, 1, 1, 1], "bin_counts is a list of numbers"),
    ],
)
def test_each_invariant_is_named(kind: str, path: list[Any], value: object, invariant: str) -> None:
    broken = document(kind)
    place = broken["data"]
    for step in path[:-1]:
        place = place[step]
    place[path[-1]] = value
    assert any(invariant in line for line in violations(kind, broken)), violations(kind, broken)


@pytest.mark.parametrize("kind", SOUND)
@pytest.mark.parametrize("key", ["schema_type", "schema_version"])
def test_a_wrong_or_missing_wrapper_is_named(kind: str, key: str) -> None:
    for broken in ({**document(kind), key: "other"}, {k: v for k, v in document(kind).items() if k != key}):
        assert [line for line in violations(kind, broken) if line.startswith(key)]
