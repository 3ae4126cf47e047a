"""The dashboard loads: it is what Grafana's model says, and asks only for what our processes serve."""

from __future__ import annotations

import json
import re
from pathlib import Path

import promql_parser
import pytest

from runfold_deploy import dashboard
from runfold_schemas.process_metrics import ALL

FILE = Path(__file__).parents[2] / "deploy" / "grafana" / "runfold.json"
MADE = json.loads(dashboard.document())
CHARTS = [panel for panel in MADE["panels"] if panel["type"] != "row"]
SERVED = {metric.name for metric in ALL} | {
    metric.name + end for metric in ALL if metric.kind == "histogram" for end in ("_bucket", "_sum", "_count")
}
EXPRESSIONS = [target["expr"] for chart in CHARTS for target in chart["targets"]]


def names_in(expression: str) -> set[str]:
    return set(re.findall(r"[a-z_]+_[a-z_]+(?=[\[{) ]|$)", expression)) - {"histogram_quantile", "topic_kind"}


@pytest.mark.parametrize("expression", EXPRESSIONS)
def test_every_expression_is_promql_over_series_that_are_served(expression: str) -> None:
    promql_parser.parse(expression.replace("$__rate_interval", "1m"))
    names = names_in(expression)
    assert names
    assert names <= {*SERVED, "process_resident_memory_bytes"}


def test_every_process_metric_is_shown_somewhere() -> None:
    shown = {name.removesuffix("_bucket") for expression in EXPRESSIONS for name in names_in(expression)}
    assert {metric.name for metric in ALL} <= shown


def test_panels_have_ids_of_their_own_and_do_not_overlap() -> None:
    ids = [panel["id"] for panel in MADE["panels"]]
    assert len(set(ids)) == len(ids)
    taken: set[tuple[int, int]] = set()
    for panel in MADE["panels"]:
        at = panel["gridPos"]
        cells = {(x, y) for x in range(at["x"], at["x"] + at["w"]) for y in range(at["y"], at["y"] + at["h"])}
        assert not cells & taken
        assert at["x"] + at["w"] <= 24
        taken |= cells


def test_the_committed_file_is_what_the_list_makes() -> None:
    assert FILE.read_text() == dashboard.document()
    assert MADE["templating"]["list"][0]["type"] == "datasource"
    assert {chart["datasource"]["uid"] for chart in CHARTS} == {"${source}"}
