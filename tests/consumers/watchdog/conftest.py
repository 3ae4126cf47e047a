"""A projector and a watchdog on real services, and processes that promise to be heard."""

from __future__ import annotations

import os
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import psycopg
import pytest

from runfold.journal.writer import Journal
from runfold.shipper.thread import ShipperThread
from runfold_consumers.engine.health import Health
from runfold_consumers.watchdog.watching import CONDITIONS, Watchdog
from runfold_schemas.events import Event, RunStarted, StatusChanged, WriterOpened
from runfold_schemas.process_metrics import Registry
from runfold_schemas.settings import Settings
from tests.services import OwnWorkspace, Services
from tests.waiting import until

HEARTBEAT_S = 0.6
TTL_S = 5 * HEARTBEAT_S
PROGRAM = Path(__file__).with_name("speaking_process.py")


class Site:
    """One workspace with all that a watchdog needs around it."""

    def __init__(self, services: Services, workspace: OwnWorkspace, database: str, folder: Path) -> None:
        self.workspace = workspace.workspace
        self.env = {
            **os.environ,
            "RUNFOLD_KAFKA": services.kafka,
            "RUNFOLD_TOPIC_PREFIX": workspace.prefix,
            "RUNFOLD_POSTGRES": database,
            "RUNFOLD_JOURNAL": str(folder / "journals"),
            "RUNFOLD_HEARTBEAT_S": str(HEARTBEAT_S),
        }
        self.settings = Settings.load(
            kafka=services.kafka,
            topic_prefix=workspace.prefix,
            postgres=database,
            journal=folder / "journals",
            heartbeat_s=HEARTBEAT_S,
        )
        self._connection = psycopg.connect(database, autocommit=True)

    def close(self) -> None:
        self._connection.close()

    def rows(self, query: str, *parameters: object) -> list[Any]:
        return self._connection.execute(query.encode(), parameters).fetchall()

    def status(self, run_id: str) -> str | None:
        found = self.rows("SELECT status FROM state.run_status WHERE run_id = %s", run_id)
        return str(found[0][0]) if found else None

    def until_status(self, run_id: str, status: str, seconds: float = 40) -> None:
        until(lambda: self.status(run_id) == status, seconds, f"{run_id} to be {status}", pause_s=0.1)

    def said(self, run_id: str) -> list[tuple[str, str | None]]:
        """What watchdogs stated of a run, in order."""
        return self.rows(
            """
            SELECT statuses.status, statuses.reason FROM state.statuses JOIN state.writers
            ON (writers.aggregate_id, writers.writer_id) = (statuses.run_id, statuses.writer_id)
            WHERE run_id = %s AND actor = 'watchdog' ORDER BY statuses."offset"
            """,
            run_id,
        )

    @contextmanager
    def projector(self) -> Iterator[subprocess.Popen[bytes]]:
        command = [sys.executable, "-c", "from runfold_consumers.command import app; app()", "project", "state"]
        process = subprocess.Popen(command, env=self.env, stderr=subprocess.DEVNULL)
        try:
            yield process
        finally:
            process.kill()
            process.wait()

    @contextmanager
    def watchdog(self) -> Iterator[Watchdog]:
        """One that looks five times a second."""
        dog, stop = Watchdog(self.settings, Health(CONDITIONS), Registry("watchdog"), 0.2), threading.Event()
        thread = threading.Thread(target=dog.run, args=(stop,), daemon=True)
        thread.start()
        try:
            yield dog
        finally:
            stop.set()
            thread.join(20)
            assert not thread.is_alive()

    @contextmanager
    def speaking(self, run_id: str, *mode: str) -> Iterator[subprocess.Popen[str]]:
        """A process of its own that says that the run is running; see speaking_process."""
        command = [sys.executable, str(PROGRAM), self.workspace, run_id, *mode]
        process = subprocess.Popen(command, env=self.env, stdout=subprocess.PIPE, stdin=subprocess.PIPE, text=True)
        try:
            assert process.stdout is not None
            assert process.stdout.readline().strip() == "ready"
            yield process
        finally:
            process.kill()
            process.communicate()

    @contextmanager
    def writer(self, *, heartbeats: bool = False) -> Iterator[Speaking]:
        """A writer in this process."""
        journal = Journal.create(self.settings.journals(), workspace=self.workspace)
        shipper = ShipperThread(journal, self.settings, heartbeats=heartbeats)
        try:
            yield Speaking(journal, shipper)
        finally:
            shipper.stop(0)


class Speaking:
    """Says facts and has them sent."""

    def __init__(self, journal: Journal, shipper: ShipperThread) -> None:
        self.journal, self.shipper = journal, shipper

    def say(self, run_id: str, event: Callable[..., Event], **fields: Any) -> None:
        writer_id = self.journal.writer_id
        self.journal.fact("run", run_id, lambda ordinal: event("run", run_id, writer_id, ordinal, 1, **fields))
        self.shipper.wake()

    def start(self, run_id: str, attempt: int = 0) -> None:
        self.say(run_id, WriterOpened, actor="ada", attempt=attempt)
        self.say(run_id, RunStarted, experiment="e", attempt=attempt)
        self.say(run_id, StatusChanged, status="Running", attempt=attempt)


@pytest.fixture
def site(services: Services, workspace: OwnWorkspace, database: str, tmp_path: Path) -> Iterator[Site]:
    made = Site(services, workspace, database, tmp_path)
    yield made
    made.close()
