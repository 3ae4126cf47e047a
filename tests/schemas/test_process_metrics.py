"""The list of process metrics, and what a process serves of it."""

from __future__ import annotations

import subprocess
import sys

import pytest
from prometheus_client.parser import text_string_to_metric_families

from runfold_schemas.process_metrics import ALL, ProcessMetric, Registry, Service

UNITS = ("_seconds", "_bytes", "_total", "_records", "_partitions", "_journals", "_troubles", "_ok", "_in_flight")


@pytest.mark.parametrize("metric", ALL, ids=lambda metric: metric.name)
def test_each_is_named_by_what_and_unit_and_says_what_it_tells(metric: ProcessMetric) -> None:
    assert metric.name.startswith("runfold_")
    assert metric.name.endswith((*UNITS, "_connections"))
    assert metric.name.endswith("_total") == (metric.kind == "counter")
    assert metric.about.endswith(".")
    assert metric.services


def test_no_name_stands_twice_and_no_label_is_without_bound() -> None:
    assert len({metric.name for metric in ALL}) == len(ALL)
    assert not {"workspace", "run_id", "writer_id", "path"} & {label for metric in ALL for label in metric.labels}


@pytest.mark.parametrize("service", ["projector-state", "projector-artifacts", "watchdog", "shipper", "api"])
def test_a_service_serves_its_own_part_of_the_list(service: Service) -> None:
    metrics = Registry(service)
    for metric in ALL:
        if service in metric.services:
            labels = ["x"] * len(metric.labels)
            if metric.kind == "counter":
                metrics.count(metric, *labels, by=2)
            elif metric.kind == "gauge":
                metrics.ask(metric, lambda: 2.0, *labels)
            else:
                metrics.observe(metric, 2.0, *labels)
    body, media_type = metrics.text()
    assert media_type.startswith("text/plain")
    families = {family.name: family for family in text_string_to_metric_families(body.decode())}
    own = {metric.name.removesuffix("_total") for metric in ALL if service in metric.services}
    assert {name for name in families if name.startswith("runfold_")} == own
    assert "process_resident_memory_bytes" in families
    assert all(families[name].samples for name in own)


def test_a_training_process_does_not_load_the_client() -> None:
    code = "import sys, runfold, runfold.shipper.thread; assert 'prometheus_client' not in sys.modules"
    subprocess.run([sys.executable, "-c", code], check=True)
