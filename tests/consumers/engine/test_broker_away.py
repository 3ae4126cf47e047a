"""A broker of our own is frozen and killed under a running projector: it says so, goes on, and doubles nothing."""

from __future__ import annotations

import os
import signal
from collections.abc import Iterator
from pathlib import Path

import pytest

from runfold_schemas import topics_admin
from tests.consumers.engine.counting import Ledger, Sender, running
from tests.services import OwnWorkspace, Services
from tests.stack import Stack, send_signal
from tests.waiting import until


@pytest.fixture(scope="module")
def broker(tmp_path_factory: pytest.TempPathFactory, jars: Path) -> Iterator[Stack]:
    """Kafka alone, from the local stack, and ours to break."""
    home = tmp_path_factory.mktemp("broker")
    environment = {name: value for name, value in os.environ.items() if not name.startswith("RUNFOLD_")}
    if maven := os.environ.get("RUNFOLD_MAVEN_REPOSITORY"):
        environment["RUNFOLD_MAVEN_REPOSITORY"] = maven
    stack = Stack(home, environment | {"RUNFOLD_HOME": str(home), "RUNFOLD_JARS": str(jars)})
    stack.run("up", "--only", "kafka")
    yield stack
    send_signal(stack.services()["kafka"]["pid"], signal.SIGCONT)
    stack.run("down")


@pytest.mark.parametrize("fault", [signal.SIGSTOP, signal.SIGKILL])
def test_while_the_broker_is_away_readiness_says_so_and_afterwards_it_goes_on(
    fault: signal.Signals, broker: Stack, services: Services, database: str, ledger: Ledger
) -> None:
    ours = services._replace(kafka=broker.settings()["kafka"])
    workspace = OwnWorkspace(f"away-{fault.name.lower()}", "local")
    topics_admin.create(ours.kafka, *workspace)
    send = Sender(ours, workspace)
    with running(ours, workspace, database) as one:
        one.until_ready()
        send("1", "2")
        until(lambda: ledger.values() == ["1", "2"], 20, "the first records")
        pid = broker.services()["kafka"]["pid"]
        send_signal(pid, fault)
        until(lambda: not one.health.ready()[0], 30, "readiness to be gone")
        assert one.health.ready()[1]["kafka"] != "ok"
        assert one.health.live()[0]
        if fault == signal.SIGSTOP:
            send_signal(pid, signal.SIGCONT)
        else:
            broker.run("up", "--only", "kafka")
        until(lambda: one.error or one.health.ready()[0], 60, "readiness to be back")
        again = Sender(ours, workspace)
        again("3", "4")
        again.close()
        until(lambda: ledger.values() == ["1", "2", "3", "4"], 30, "the records sent after it is back")
        assert one.error is None
    send.producer.close(timeout=1)
    assert ledger.doubled() == 0
