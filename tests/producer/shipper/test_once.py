"""`runfold ship --once`: what was journaled is on the broker, once; what is left is named."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from runfold.journal import folder as journals
from runfold.shipper.drain import Drain
from runfold.shipper.once import DONE, LEFT, REFUSED, Binding, ship_once
from runfold.shipper.sending import Cluster
from runfold_schemas import events
from runfold_schemas.events import LaneEnd
from runfold_schemas.settings import Settings
from runfold_schemas.watermark import Lane
from tests.producer.shipper.ledger import Ledger, journal, python, read
from tests.services import OwnWorkspace, Services
from tests.waiting import until

POINTS = "for i in range(int(sys.argv[3])): lane.log(f's{i % 3}', i * 0.5, i)\n"


def settings_of(services: Services, workspace: OwnWorkspace) -> Settings:
    return Settings.model_construct(kafka=services.kafka, topic_prefix=workspace.prefix, api=None)


def expected(count: int) -> dict[int, tuple[str, int, object]]:
    return {i + 1: (f"s{i % 3}", i, i * 0.5) for i in range(count)}


def ship(
    root: Path, services: Services, workspace: OwnWorkspace, bind_to: Binding | None = None
) -> tuple[int, list[str]]:
    lines: list[str] = []
    code = ship_once(root, settings_of(services, workspace), lines.append, bind_to=bind_to, timeout_s=60)
    return code, lines


def test_a_closed_journal_is_shipped_and_spoken_for(
    tmp_path: Path, services: Services, workspace: OwnWorkspace
) -> None:
    script = (
        POINTS + "for k in 'abc': fact('run', 'r', lambda key=k, **f: events.TagSet(**f, key=key))\njournal.close()"
    )
    writer = journal(
        tmp_path,
        workspace.workspace,
        script.replace("lambda key=k, **f", "lambda k=k, **f").replace("key=key", "key=k"),
        40_000,
    )
    code, lines = ship(tmp_path, services, workspace)
    assert (code, len(lines)) == (DONE, 1)
    assert lines[0].startswith(writer)
    found = read(services, workspace)
    assert found.points("r") == {writer: expected(40_000)}
    assert [event.key for event in found.facts().values()] == ["a", "b", "c"]  # type: ignore[union-attr]
    (closed,) = found.of(events.WriterClosed)
    assert closed.lanes == (LaneEnd("facts", 3), LaneEnd("points", 40_000))


@pytest.mark.parametrize("end", ["os._exit(7)", "os.kill(os.getpid(), 9)"])
def test_an_orphan_is_shipped_to_its_end_and_spoken_for(
    end: str, tmp_path: Path, services: Services, workspace: OwnWorkspace
) -> None:
    writer = journal(tmp_path, workspace.workspace, POINTS + end, 1_000)
    assert ship(tmp_path, services, workspace)[0] == DONE
    found = read(services, workspace)
    assert found.points("r") == {writer: expected(1_000)}
    (closed,) = found.of(events.WriterClosed)
    assert closed.lanes == (LaneEnd("points", 1_000),)


def test_what_is_acknowledged_is_not_sent_again(tmp_path: Path, services: Services, workspace: OwnWorkspace) -> None:
    journal(tmp_path, workspace.workspace, POINTS + "journal.close()", 1_000)
    ship(tmp_path, services, workspace)
    before = read(services, workspace)
    assert ship(tmp_path, services, workspace)[0] == DONE
    assert read(services, workspace) == before


def test_a_checkpoint_of_another_cluster_is_void(tmp_path: Path, services: Services, workspace: OwnWorkspace) -> None:
    writer = journal(tmp_path, workspace.workspace, POINTS + "journal.close()", 1_000)
    ship(tmp_path, services, workspace)
    (folder,) = journals.journals(tmp_path)
    checkpoint = journals.read_checkpoint(folder)
    assert checkpoint is not None
    journals.write_checkpoint(folder, {**checkpoint, "cluster_id": "another"})
    once = len(read(services, workspace).messages)
    assert ship(tmp_path, services, workspace)[0] == DONE
    found = read(services, workspace)
    assert len(found.messages) == 2 * once
    assert found.points("r") == {writer: expected(1_000)}


def test_a_slower_shipper_never_takes_a_checkpoint_back(
    tmp_path: Path, services: Services, workspace: OwnWorkspace
) -> None:
    journal(tmp_path, workspace.workspace, POINTS + "journal.close()", 1_000)
    (folder,) = journals.journals(tmp_path)
    cluster = Cluster(services.kafka, workspace.prefix)
    slow = Drain(folder, cluster)
    until(lambda: slow.step() and slow.acknowledged, 20, "the slower one to be acknowledged")
    assert ship(tmp_path, services, workspace)[0] == DONE
    after = journals.read_checkpoint(folder)
    slow.finished = False
    slow._dirty = True  # as if it were a second behind
    slow.close()
    cluster.close()
    assert journals.read_checkpoint(folder) == after


def test_an_unbound_journal_is_skipped_and_named(tmp_path: Path, services: Services, workspace: OwnWorkspace) -> None:
    writer = journal(tmp_path, None, POINTS + "journal.close()", 10)
    code, lines = ship(tmp_path, services, workspace)
    assert code == DONE
    assert lines == [f"{writer}  skipped: it belongs to no workspace; bind it with --workspace and --experiment"]
    assert read(services, workspace) == Ledger([])


def test_a_binding_is_for_good(tmp_path: Path, services: Services, workspace: OwnWorkspace) -> None:
    script = (
        "fact('run', 'r', lambda **f: events.RunStarted(**f))\n"
        "fact('experiment', '', lambda **f: events.RunEnrolled(**f, run_id='r'))\njournal.close()"
    )
    writer = journal(tmp_path, None, script)
    assert ship(tmp_path, services, workspace, Binding(workspace.workspace, "digits"))[0] == DONE
    found = read(services, workspace)
    (started,) = found.of(events.RunStarted)
    assert started.experiment == "digits"
    assert (Lane("facts", "experiment", "digits", writer), 1) in found.facts()
    code, lines = ship(tmp_path, services, workspace, Binding(workspace.workspace, "other"))
    assert code == REFUSED
    assert "'digits'" in lines[0]
    assert read(services, workspace) == found
    assert ship(tmp_path, services, workspace)[0] == DONE, "it ships on without the option, from its own binding"


def test_nobody_speaks_for_a_frozen_writer(tmp_path: Path, services: Services, workspace: OwnWorkspace) -> None:
    script = """
import sys
from pathlib import Path
from runfold.journal.writer import Journal
journal = Journal.create(Path(sys.argv[1]), workspace="local")
journal.points("r").log("loss", 1.0, 1)
print("ready", flush=True)
sys.stdin.read()
journal.points("r").log("loss", 2.0, 2)
journal.close()
"""
    writer = python(script, tmp_path)
    assert writer.stdout is not None
    assert writer.stdout.readline() == "ready\n"
    os.kill(writer.pid, signal.SIGSTOP)
    try:
        assert ship(tmp_path, services, workspace)[0] == DONE
        found = read(services, workspace)
        assert len(found.of(events.MetricLogged)) == 1
        assert found.of(events.WriterClosed) == []
    finally:
        os.kill(writer.pid, signal.SIGCONT)
    writer.communicate("")
    assert ship(tmp_path, services, workspace)[0] == DONE
    found = read(services, workspace)
    assert [len(points) for points in found.points("r").values()] == [2]
    assert len(found.of(events.WriterClosed)) == 1


def test_killed_again_and_again_it_loses_nothing(tmp_path: Path, services: Services, workspace: OwnWorkspace) -> None:
    writer = journal(tmp_path, workspace.workspace, POINTS + "journal.close()", 120_000)
    command = [sys.executable, "-m", "runfold_deploy.command", "ship", "--once", "--journal", str(tmp_path)]
    environment = {
        **os.environ,
        "RUNFOLD_KAFKA": services.kafka,
        "RUNFOLD_TOPIC_PREFIX": workspace.prefix,
        "RUNFOLD_HOME": str(tmp_path),
    }
    for enough in (1, 4):
        shipper = subprocess.Popen(command, env=environment)
        until(lambda: len(read(services, workspace).messages) >= enough or shipper.poll() is not None, 30, "messages")  # noqa: B023
        shipper.kill()
        shipper.wait()
    done = subprocess.run(command, env=environment, capture_output=True, text=True, timeout=60)
    assert (done.returncode, done.stdout.count("\n")) == (DONE, 1), done.stderr
    assert read(services, workspace).points("r") == {writer: expected(120_000)}


def test_two_at_once_on_one_journal_are_harmless(tmp_path: Path, services: Services, workspace: OwnWorkspace) -> None:
    writer = journal(tmp_path, workspace.workspace, POINTS + "journal.close()", 100_000)
    script = """
import sys
from pathlib import Path
from runfold.shipper.once import ship_once
from runfold_schemas.settings import Settings
settings = Settings.model_construct(kafka=sys.argv[2], topic_prefix=sys.argv[3], api=None)
sys.exit(ship_once(Path(sys.argv[1]), settings, print))
"""
    both = [python(script, tmp_path, services.kafka, workspace.prefix) for _ in range(2)]
    assert [shipper.communicate(timeout=60) and shipper.returncode for shipper in both] == [DONE, DONE]
    assert read(services, workspace).points("r") == {writer: expected(100_000)}


def test_a_broker_that_is_not_there_leaves_everything_and_says_so(tmp_path: Path) -> None:
    journal(tmp_path, "local", POINTS + "journal.close()", 10)
    lines: list[str] = []
    nowhere = Settings.model_construct(kafka="127.0.0.1:1", topic_prefix="x", api=None)
    assert ship_once(tmp_path, nowhere, lines.append, timeout_s=0.5) == LEFT
    assert "127.0.0.1:1 (RUNFOLD_KAFKA)" in lines[0]


def test_topics_that_are_not_there_are_named_with_the_command_that_makes_them(
    tmp_path: Path, services: Services, workspace: OwnWorkspace
) -> None:
    journal(tmp_path, "elsewhere", POINTS + "journal.close()", 10)
    lines: list[str] = []
    assert ship_once(tmp_path, settings_of(services, workspace), lines.append, timeout_s=0.5) == LEFT
    assert "runfold topics create" in lines[0]
