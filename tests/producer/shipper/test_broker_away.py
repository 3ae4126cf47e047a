"""A broker of our own is frozen and killed: the shipper waits, comes back by itself and loses nothing."""

from __future__ import annotations

import logging
import os
import signal
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from runfold.journal.writer import Journal
from runfold.shipper import sending
from runfold.shipper.thread import ShipperThread
from runfold_schemas import topics_admin
from runfold_schemas.settings import Settings
from tests.producer.shipper.ledger import read
from tests.services import OwnWorkspace, Services
from tests.stack import Stack, send_signal
from tests.waiting import until

WORKSPACE = OwnWorkspace(prefix="away", workspace="local")


@pytest.fixture(scope="module")
def broker(tmp_path_factory: pytest.TempPathFactory, request: pytest.FixtureRequest) -> Iterator[Stack]:
    """Kafka alone, from the local stack, and ours to break."""
    home = tmp_path_factory.mktemp("broker")
    environment = {name: value for name, value in os.environ.items() if not name.startswith("RUNFOLD_")}
    environment |= {"RUNFOLD_HOME": str(home), "RUNFOLD_JARS": str(request.config.cache.mkdir("runfold-jars"))}
    stack = Stack(home, environment)
    stack.run("up", "--only", "kafka")
    topics_admin.create(stack.settings()["kafka"], WORKSPACE.prefix, WORKSPACE.workspace)
    yield stack
    send_signal(stack.services()["kafka"]["pid"], signal.SIGCONT)
    stack.run("down")


@pytest.fixture
def services(broker: Stack) -> Services:
    return Services(kafka=broker.settings()["kafka"], postgres="", s3_address="", s3_key="", s3_secret="")


def in_(seconds: float) -> float:
    return time.monotonic() + seconds


@pytest.mark.parametrize("fault", ["frozen", "killed"])
def test_a_broker_that_goes_and_comes_back_costs_nothing_but_time(
    fault: str,
    broker: Stack,
    services: Services,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
) -> None:
    # Shorter than in life, so that connections break while the broker is away and the journal is sent anew.
    monkeypatch.setattr(sending, "REQUEST_S", 1.0)
    monkeypatch.setattr(sending, "DELIVERY_S", 2.0)
    journal = Journal.create(tmp_path, workspace=WORKSPACE.workspace)
    shipper = ShipperThread(
        journal, Settings.model_construct(kafka=services.kafka, topic_prefix=WORKSPACE.prefix, api=None)
    )
    run = f"run-{fault}"
    for step in range(1000):
        journal.points(run).log("loss", 1.0, step)
    assert shipper.flush(in_(20))
    pid = broker.services()["kafka"]["pid"]
    send_signal(pid, signal.SIGSTOP if fault == "frozen" else signal.SIGKILL)
    try:
        for step in range(1000, 101_000):
            journal.points(run).log("loss", 1.0, step)
        with caplog.at_level(logging.WARNING):
            assert not shipper.flush(in_(8))
        assert len(caplog.records) == 1
    finally:
        if fault == "frozen":
            send_signal(pid, signal.SIGCONT)
        else:
            broker.run("up", "--only", "kafka")
    journal.points(run).log("loss", 1.0, 101_000)
    until(lambda: shipper.flush(in_(1)), 60, "everything to be acknowledged")
    shipper.stop(in_(5))
    journal.close()
    (points,) = read(services, WORKSPACE).points(run).values()
    assert [step for _, (_, step, _) in sorted(points.items())] == list(range(101_001))
