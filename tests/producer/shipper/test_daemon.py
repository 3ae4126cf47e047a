"""`runfold ship`: all journals of a node, the living, the dead and those that come later."""

from __future__ import annotations

import json
import os
import signal
import socket
import subprocess
import sys
import threading
import urllib.request
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from urllib.error import HTTPError

import pytest

from runfold.journal import folder as journals
from runfold.journal.writer import Journal
from runfold.shipper import daemon
from runfold_schemas import events
from runfold_schemas.settings import Settings
from tests.producer.shipper.ledger import journal, python, read
from tests.services import OwnWorkspace, Services
from tests.waiting import until

POINTS = "for i in range(100): lane.log('loss', i * 0.5, i)\n"


class Node:
    """A running `runfold ship` and its folder of journals."""

    def __init__(self, root: Path, kafka: str, prefix: str) -> None:
        with socket.socket() as probe:
            probe.bind(("127.0.0.1", 0))
            self.port = probe.getsockname()[1]
        self.root = root
        environment = {name: value for name, value in os.environ.items() if not name.startswith("RUNFOLD_")}
        self.process = subprocess.Popen(
            [sys.executable, "-m", "runfold_deploy.command", "ship"],
            env={
                **environment,
                "RUNFOLD_HOME": str(root.parent),
                "RUNFOLD_KAFKA": kafka,
                "RUNFOLD_TOPIC_PREFIX": prefix,
                "RUNFOLD_JOURNAL": str(root),
                "RUNFOLD_PROBE_PORT": str(self.port),
            },
            stderr=subprocess.PIPE,
            text=True,
        )

    def probe(self, path: str) -> tuple[int, dict[str, Any]]:
        try:
            with urllib.request.urlopen(f"http://127.0.0.1:{self.port}{path}", timeout=5) as answer:
                return answer.status, json.loads(answer.read())
        except HTTPError as error:
            return error.code, json.loads(error.read())
        except OSError:
            return 0, {}


@pytest.fixture
def node(tmp_path: Path, services: Services, workspace: OwnWorkspace) -> Iterator[Node]:
    node = Node(tmp_path / "journals", services.kafka, workspace.prefix)
    until(lambda: node.probe("/readyz")[0] == 200, 20, "a ready shipper")
    yield node
    node.process.kill()
    node.process.communicate()


def test_journals_that_come_later_are_found_orphans_spoken_for(
    node: Node, services: Services, workspace: OwnWorkspace
) -> None:
    writers = {journal(node.root, workspace.workspace, POINTS + end) for end in ("journal.close()", "os._exit(7)")}
    until(lambda: len(read(services, workspace).of(events.WriterClosed)) == 2, 20, "both writers to be spoken for")
    found = read(services, workspace)
    assert {closed.writer_id for closed in found.of(events.WriterClosed)} == writers
    assert {writer: len(points) for writer, points in found.points("r").items()} == dict.fromkeys(writers, 100)


def test_a_living_journal_is_followed(node: Node, services: Services, workspace: OwnWorkspace) -> None:
    script = """
import sys
from pathlib import Path
from runfold.journal.writer import Journal
lane = Journal.create(Path(sys.argv[1]), workspace="local").points("r")
for line in sys.stdin:
    lane.log("loss", float(line))
"""
    writer = python(script, node.root)
    assert writer.stdin is not None
    for count in (1, 2, 3):
        writer.stdin.write(f"{count}\n")
        writer.stdin.flush()
        until(
            lambda count=count: sum(map(len, read(services, workspace).points("r").values())) == count,  # type: ignore[misc]
            20,
            f"{count} points",
        )
    assert read(services, workspace).of(events.WriterClosed) == []
    writer.kill()
    writer.communicate()
    until(lambda: read(services, workspace).of(events.WriterClosed), 10, "the killed writer to be spoken for")


def test_a_journal_that_its_own_process_ships_is_left_to_it(
    node: Node, services: Services, workspace: OwnWorkspace
) -> None:
    script = """
import os, sys, time
from pathlib import Path
from runfold.journal.writer import Journal
from runfold.shipper.turns import Turn
journal = Journal.create(Path(sys.argv[1]), workspace="local")
Turn(journal.folder).take() and print("taken", flush=True)
journal.points("r").log("loss", 1.0)
sys.stdin.read()
os._exit(0)
"""
    other = journal(node.root, workspace.workspace, POINTS + "journal.close()")
    until(lambda: read(services, workspace).of(events.WriterClosed), 20, "the shipper to be at work")
    writer = python(script, node.root)
    assert writer.stdout is not None
    assert writer.stdout.readline() == "taken\n"
    (mine,) = [folder for folder in journals.journals(node.root) if folder.name != other]
    journal(node.root, workspace.workspace, POINTS + "journal.close()")
    until(lambda: len(read(services, workspace).of(events.WriterClosed)) == 2, 20, "a later journal to be shipped")
    if mine.name not in read(services, workspace).points("r"):  # else the node was faster than the process's own turn
        assert journals.read_checkpoint(mine) is None
    writer.communicate("")
    until(lambda: len(read(services, workspace).of(events.WriterClosed)) == 3, 20, "the orphan to be shipped")


def test_an_offline_journal_is_shipped_once_it_is_bound(
    node: Node, services: Services, workspace: OwnWorkspace
) -> None:
    writer = journal(node.root, None, POINTS + "journal.close()")
    (folder,) = journals.journals(node.root)
    journals.bind(folder, {"workspace": workspace.workspace, "experiment": "digits"})
    until(lambda: read(services, workspace).points("r").keys() == {writer}, 20, "its points")


def test_a_signal_ends_it_cleanly(node: Node, services: Services, workspace: OwnWorkspace) -> None:
    journal(node.root, workspace.workspace, POINTS + "journal.close()")
    until(lambda: read(services, workspace).of(events.WriterClosed), 20, "a journal to be shipped")
    node.process.send_signal(signal.SIGTERM)
    _, errors = node.process.communicate(timeout=10)
    assert (node.process.returncode, "Traceback" in errors) == (0, False)


def test_without_a_broker_it_lives_and_is_not_ready(tmp_path: Path) -> None:
    root = tmp_path / "journals"
    journal(root, "local", POINTS + "journal.close()")
    node = Node(root, "127.0.0.1:1", "x")
    try:
        until(lambda: "kafka" in node.probe("/readyz")[1].get("in the way", ""), 30, "a word")
        assert node.probe("/readyz")[0] == 503
        assert node.probe("/livez")[0] == 200
    finally:
        node.process.kill()
        node.process.communicate()


def test_a_day_after_its_acknowledgement_a_dead_journal_is_removed(
    tmp_path: Path, services: Services, workspace: OwnWorkspace, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(daemon, "KEEP_S", 0.0)
    monkeypatch.setattr(daemon, "TIDY_S", 0.05)
    writer = journal(tmp_path, workspace.workspace, POINTS + "os._exit(7)")
    journal(tmp_path, None, POINTS + "journal.close()")
    settings = Settings.model_construct(kafka=services.kafka, topic_prefix=workspace.prefix, api=None)
    shipper = daemon.NodeShipper(tmp_path, settings)
    thread = threading.Thread(target=shipper.run)
    thread.start()
    try:
        until(lambda: not (tmp_path / writer).exists(), 20, "the journal to go")
    finally:
        shipper.stop()
        thread.join()
    assert len(journals.journals(tmp_path)) == 1, "what is bound to nothing stays"
    assert len(read(services, workspace).points("r")[writer]) == 100


def test_what_a_living_process_says_in_passing_is_claimed_to_be_all(
    node: Node, services: Services, workspace: OwnWorkspace
) -> None:
    mine = Journal.create(node.root, workspace=workspace.workspace)

    def tag(key: str) -> None:
        mine.fact("run", "r", lambda ordinal: events.TagSet("run", "r", mine.writer_id, ordinal, 1, key=key))

    for ends in (1, 2):
        tag(f"k{ends}")
        claims = until(
            lambda wanted=ends: len(found := read(services, workspace).of(events.WriterClosed)) == wanted and found,
            20,
            "the claim",
        )
        assert [tuple(each) for each in claims[-1].lanes] == [("facts", ends)]
    mine.close()
