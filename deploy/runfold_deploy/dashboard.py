"""The Grafana dashboard of the ledger itself, made from the list of process metrics. `docs/generate.py` writes it to
deploy/grafana/runfold.json, to be imported or provisioned; Prometheus scrapes /metrics of every process.

Source: https://grafana.com/docs/grafana/latest/dashboards/build-dashboards/view-dashboard-json-model/
"""

from __future__ import annotations

import json
from typing import Any, NamedTuple

from runfold_schemas.process_metrics import (
    AWAY,
    BEHIND,
    COMMIT_SECONDS,
    CONDITION_OK,
    CONNECTIONS,
    DEAD_LETTERS,
    IN_FLIGHT,
    IN_THE_WAY,
    JOURNALS,
    LAG_RECORDS,
    LAG_SECONDS,
    MERGED,
    PARTITIONS,
    RECORDS,
    REQUEST_SECONDS,
    REQUESTS,
    SENT,
    STATEMENTS,
    UNACKNOWLEDGED,
    ProcessMetric,
)

WIDTH, HEIGHT = 8, 8
_SOURCE = {"type": "prometheus", "uid": "${source}"}
_RANGE = "[$__rate_interval]"


class Panel(NamedTuple):
    """A chart: what is asked, by a PromQL expression per line of the legend."""

    title: str
    unit: str
    asked: tuple[tuple[str, str], ...]
    """Expression and legend."""


def _rate(metric: ProcessMetric, by: str) -> str:
    return f"sum by ({by}) (rate({metric.name}{_RANGE}))"


def _quantile(share: str, metric: ProcessMetric, by: str) -> str:
    return f"histogram_quantile({share}, sum by (le, {by}) (rate({metric.name}_bucket{_RANGE})))"


ROWS: tuple[tuple[str, tuple[Panel, ...]], ...] = (
    (
        "Projectors",
        (
            Panel("Lag", "s", ((f"max by (job, topic_kind) ({LAG_SECONDS.name})", "{{job}} {{topic_kind}}"),)),
            Panel(
                "Lag in records",
                "short",
                ((f"sum by (job, topic_kind) ({LAG_RECORDS.name})", "{{job}} {{topic_kind}}"),),
            ),
            Panel("Records folded", "cps", ((_rate(RECORDS, "job, topic_kind"), "{{job}} {{topic_kind}}"),)),
            Panel(
                "Batch, decoded to committed",
                "s",
                (
                    (_quantile("0.5", COMMIT_SECONDS, "topic_kind"), "p50 {{topic_kind}}"),
                    (_quantile("0.99", COMMIT_SECONDS, "topic_kind"), "p99 {{topic_kind}}"),
                ),
            ),
            Panel("Dead letters", "cps", ((_rate(DEAD_LETTERS, "job, topic_kind"), "{{job}} {{topic_kind}}"),)),
            Panel("Points merged", "cps", ((_rate(MERGED, "instance"), "{{instance}}"),)),
            Panel("Partitions held", "short", ((f"sum by (job) ({PARTITIONS.name})", "{{job}}"),)),
        ),
    ),
    (
        "Shippers",
        (
            Panel("Furthest behind", "s", ((f"max by (instance) ({BEHIND.name})", "{{instance}}"),)),
            Panel("Messages sent", "cps", ((_rate(SENT, "instance"), "{{instance}}"),)),
            Panel("Not acknowledged", "bytes", ((f"sum by (instance) ({UNACKNOWLEDGED.name})", "{{instance}}"),)),
            Panel("Journals", "short", ((f"sum by (state) ({JOURNALS.name})", "{{state}}"),)),
            Panel("Troubles", "short", ((f"sum by (instance) ({IN_THE_WAY.name})", "{{instance}}"),)),
            Panel("Watchdog's statements", "cps", ((_rate(STATEMENTS, "status"), "{{status}}"),)),
        ),
    ),
    (
        "API",
        (
            Panel("Requests", "reqps", ((_rate(REQUESTS, "status"), "{{status}}"),)),
            Panel(
                "Time to the end of an answer",
                "s",
                (
                    (_quantile("0.5", REQUEST_SECONDS, "route"), "p50 {{route}}"),
                    (_quantile("0.99", REQUEST_SECONDS, "route"), "p99 {{route}}"),
                ),
            ),
            Panel(
                "In flight, and connections to Postgres",
                "short",
                (
                    (f"sum({IN_FLIGHT.name})", "requests"),
                    (f"sum by (state) ({CONNECTIONS.name})", "connections {{state}}"),
                ),
            ),
        ),
    ),
    (
        "All processes",
        (
            Panel("Conditions that do not hold", "short", ((f"{CONDITION_OK.name} == 0", "{{job}} {{condition}}"),)),
            Panel("Services away", "cps", ((_rate(AWAY, "job, service"), "{{job}}: {{service}}"),)),
            Panel("Memory", "bytes", (("process_resident_memory_bytes", "{{job}} {{instance}}"),)),
        ),
    ),
)


def document() -> str:
    """The dashboard as JSON text, as Grafana imports it."""
    panels: list[dict[str, Any]] = []
    y = 0
    for title, row in ROWS:
        panels.append({"type": "row", "title": title, "collapsed": False, "gridPos": {"h": 1, "w": 24, "x": 0, "y": y}})
        for place, panel in enumerate(row):
            x, line = WIDTH * (place % 3), place // 3
            panels.append(_chart(panel) | {"gridPos": {"h": HEIGHT, "w": WIDTH, "x": x, "y": y + 1 + HEIGHT * line}})
        y += 1 + HEIGHT * -(-len(row) // 3)
    for number, made in enumerate(panels, 1):
        made["id"] = number
    dashboard = {
        "title": "Runfold",
        "uid": "runfold",
        "tags": ["runfold"],
        "schemaVersion": 39,
        "editable": True,
        "refresh": "10s",
        "time": {"from": "now-1h", "to": "now"},
        "templating": {
            "list": [{"name": "source", "label": "Prometheus", "type": "datasource", "query": "prometheus"}]
        },
        "panels": panels,
    }
    return json.dumps(dashboard, indent=2) + "\n"


def _chart(panel: Panel) -> dict[str, Any]:
    return {
        "type": "timeseries",
        "title": panel.title,
        "datasource": _SOURCE,
        "targets": [
            {"refId": chr(ord("A") + place), "expr": expression, "legendFormat": legend, "datasource": _SOURCE}
            for place, (expression, legend) in enumerate(panel.asked)
        ],
        "fieldConfig": {"defaults": {"unit": panel.unit, "min": 0}, "overrides": []},
        "options": {"legend": {"displayMode": "list", "placement": "bottom"}, "tooltip": {"mode": "multi"}},
    }
