"""A supervisor by itself, without any service: it runs its job once, and ends it however it is told to."""

from __future__ import annotations

import contextlib
import json
import os
import signal
import socket
import subprocess
import sys
import threading
from collections.abc import Callable, Mapping
from pathlib import Path
from types import MappingProxyType
from typing import Any

import pytest

from runfold.submitting import job
from runfold.submitting.guard import Guard, is_zombie, members, strays
from runfold.submitting.processes import TETHER
from runfold.submitting.ranks import Layout
from runfold_schemas.events import StatusChanged
from tests.producer.shipper import ledger
from tests.services import OwnWorkspace, Services
from tests.waiting import until

Start = Callable[..., subprocess.Popen[bytes]]


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    made = tmp_path / "r"
    made.mkdir()
    return made


@pytest.fixture
def start(tmp_path: Path, folder: Path) -> Start:
    """Writes a script and its job, if there is none yet, and starts a supervisor for it."""

    def started(
        script: str = "", /, services: Mapping[str, str] = MappingProxyType({}), **changes: Any
    ) -> subprocess.Popen[bytes]:
        if script:
            (folder / "train.py").write_text(script)
            made = job.Job(
                "r", "e", None, 0, "", "", "w" * 5, "w" * 5, None, "local", str(folder), "train.py", None, [], "python",
                Layout("", 1, 1), {}, None, 1.0, True, ["logs"],
            )  # fmt: skip
            made._replace(**changes).save(folder)
        environment = {name: value for name, value in os.environ.items() if not name.startswith("RUNFOLD_")}
        environment |= {
            "RUNFOLD_HOME": str(tmp_path / "home"),
            "RUNFOLD_KAFKA": "127.0.0.1:9",
            "RUNFOLD_API": "http://127.0.0.1:9",
            "RUNFOLD_EXIT_DEADLINE_S": "0",
            "RUNFOLD_DECISION_WAIT_S": "0",
            **services,
        }
        return subprocess.Popen([sys.executable, "-m", "runfold.submitting.supervisor", str(folder)], env=environment)

    return started


def ended(folder: Path) -> dict[str, Any]:
    return dict(json.loads((folder / job.CONTROL / "ended.json").read_text()))


class Forwarder:
    """A port that leads to the broker once it is opened. The broker names its own address to who has come by it."""

    def __init__(self, target: str) -> None:
        host, port = target.rsplit(":", 1)
        self._target = (host, int(port))
        self._socket = socket.socket()
        self._socket.bind(("127.0.0.1", 0))
        self.address = f"127.0.0.1:{self._socket.getsockname()[1]}"

    def __enter__(self) -> Forwarder:
        return self

    def __exit__(self, *_: object) -> None:
        self._socket.close()

    def open(self) -> None:
        self._socket.listen()
        threading.Thread(target=self._accept, daemon=True).start()

    def _accept(self) -> None:
        with contextlib.suppress(OSError):
            while True:
                near, far = self._socket.accept()[0], socket.create_connection(self._target)
                for pair in ((near, far), (far, near)):
                    threading.Thread(target=self._pass, args=pair, daemon=True).start()

    @staticmethod
    def _pass(source: socket.socket, target: socket.socket) -> None:
        with contextlib.suppress(OSError):
            while data := source.recv(1 << 16):
                target.sendall(data)
            target.shutdown(socket.SHUT_WR)


WITNESS = "import os; f = os.open('witness', os.O_APPEND | os.O_CREAT | os.O_WRONLY); os.write(f, b'x')\n"
FOREVER = "import threading; threading.Event().wait()\n"


def test_a_job_runs_once_however_many_supervisors_want_it(start: Start, folder: Path) -> None:
    supervisors = [start(WITNESS), *(start() for _ in range(3))]
    codes = sorted(each.wait(60) for each in supervisors)
    assert codes == [0, 3, 3, 3]
    assert (folder / "witness").read_bytes() == b"x"
    assert ended(folder)["status"] == "Completed"
    assert start().wait(60) == 3
    assert (folder / "witness").read_bytes() == b"x"


def test_a_wish_from_before_its_start_keeps_the_script_from_running(start: Start, folder: Path) -> None:
    (folder / job.CONTROL).mkdir()
    (folder / job.CONTROL / "cancel").touch()
    assert start(WITNESS).wait(60) == 0
    assert ended(folder)["status"] == "Canceled"
    assert not (folder / "witness").exists()


@pytest.mark.parametrize("how", ["file", "signal"])
def test_it_ends_its_script_when_it_is_told_to(start: Start, folder: Path, how: str) -> None:
    supervisor = start(WITNESS + FOREVER)
    until((folder / "witness").exists, 60, "the script to run")
    if how == "file":
        assert job.request_cancel(folder)
    else:
        supervisor.send_signal(signal.SIGTERM)
    assert supervisor.wait(60) == 0
    assert ended(folder)["status"] == "Canceled"


def test_a_signal_from_before_its_start_keeps_the_script_from_running(start: Start, folder: Path) -> None:
    supervisor = start(WITNESS + FOREVER)
    until((folder / job.CONTROL / "claimed").exists, 60, "the claim")
    supervisor.send_signal(signal.SIGTERM)
    assert supervisor.wait(60) == 0
    assert ended(folder)["status"] == "Canceled"
    assert not (folder / "witness").exists()


@pytest.mark.parametrize(
    "left",
    [
        "open(b'logs/\\xff.txt', 'w').write('x'); open(b'outputs/\\xff.txt', 'w').write('x')",
        "os.mkfifo('logs/p'); os.symlink('q', 'logs/q'); os.symlink('.', 'logs/r'); os.symlink('nothing', 'outputs/n')",
        "import shutil; shutil.rmtree('logs'); shutil.rmtree('user_logs'); shutil.rmtree('outputs')",
        "import shutil; shutil.rmtree('logs'); os.symlink('/proc', 'logs')",
        "shutil = __import__('shutil'); shutil.rmtree('outputs'); open('outputs', 'w').close()",
        "open('logs/' + 'x' * 250, 'w').write('x'); os.makedirs('logs/' + '/'.join(['y' * 250] * 5))\n"
        "os.chdir('logs/' + '/'.join(['y' * 250] * 5)); open('z', 'w').write('x')",
        "os.close(1); os.close(2)",
        "import sys; sys.stdout.buffer.write(bytes(range(256)) * 40_000 + b'no end')",
    ],
    ids=["names", "no files", "nothing", "elsewhere", "outputs", "long names", "closed", "binary"],
)
def test_whatever_a_script_leaves_in_its_folder_the_run_ends_as_the_script_did(
    start: Start, folder: Path, left: str
) -> None:
    assert start(f"import os\n{left}\n").wait(60) == 0
    assert ended(folder)["status"] == "Completed"


def test_a_job_that_may_run_for_longer_than_any_clock_counts_runs(start: Start, folder: Path) -> None:
    assert start(WITNESS, max_run_duration_s=1e15).wait(60) == 0
    assert ended(folder)["status"] == "Completed"


def test_a_pipe_that_nobody_reads_any_more_ends_who_writes_to_it(start: Start, folder: Path) -> None:
    command = "while :; do echo x; done | head -n 1"
    assert start(WITNESS, script=None, command=command, max_run_duration_s=20).wait(60) == 0
    assert ended(folder)["status"] == "Completed"
    assert (folder / "user_logs" / "std_log.txt").read_text() == "x\n"


def test_what_has_moved_to_a_session_of_its_own_may_end_by_itself_too(start: Start, folder: Path) -> None:
    apart = (
        "import signal, sys, threading\n"
        "def bye(*_): threading.Event().wait(0.3); open('bye', 'w').close(); sys.exit()\n"
        "signal.signal(signal.SIGTERM, bye); open('there', 'w').close(); threading.Event().wait()\n"
    )
    script = f"import subprocess, sys\nsubprocess.Popen([sys.executable, '-c', {apart!r}], start_new_session=True)\n"
    supervisor = start(script + FOREVER, cancel_grace_s=10.0)
    until((folder / "there").exists, 60, "the process apart")
    supervisor.send_signal(signal.SIGTERM)
    assert supervisor.wait(60) == 0
    assert (folder / "bye").exists()


def test_a_job_whose_guard_was_killed_ends_all_the_same(start: Start, folder: Path) -> None:
    supervisor = start(WITNESS + "import threading; threading.Event().wait(2)\n")
    until((folder / "witness").exists, 60, "the script to run")
    children = Path(f"/proc/{supervisor.pid}/task/{supervisor.pid}/children").read_text().split()
    (guard,) = [pid for pid in children if b"supervisor" in Path(f"/proc/{pid}/cmdline").read_bytes()]
    os.kill(int(guard), signal.SIGKILL)
    assert supervisor.wait(60) == 0
    assert ended(folder)["status"] == "Completed"


def test_last_words_wait_for_a_broker_that_was_away_for_the_whole_job(
    start: Start, folder: Path, services: Services, workspace: OwnWorkspace
) -> None:
    with Forwarder(services.kafka) as broker:
        where = {
            "RUNFOLD_KAFKA": broker.address,
            "RUNFOLD_TOPIC_PREFIX": workspace.prefix,
            "RUNFOLD_EXIT_DEADLINE_S": "0.5",
        }
        supervisor = start(WITNESS, where, ledger_workspace=workspace.workspace)
        until((folder / job.CONTROL / "ended.json").exists, 60, "the job to end")
        with pytest.raises(subprocess.TimeoutExpired):
            supervisor.wait(3)
        broker.open()
        assert supervisor.wait(60) == 0
    statuses = [each.status for each in ledger.read(services, workspace).of(StatusChanged)]
    assert statuses == ["Preparing", "Running", "Finalizing", "Completed"]


def test_a_supervisor_that_waits_for_the_broker_may_be_told_to_leave(start: Start, folder: Path) -> None:
    supervisor = start(WITNESS, {"RUNFOLD_EXIT_DEADLINE_S": "1"})
    until((folder / job.CONTROL / "ended.json").exists, 60, "the job to end")
    supervisor.send_signal(signal.SIGTERM)
    assert supervisor.wait(20) == 0
    assert ended(folder)["status"] == "Completed"


def test_an_interpreter_that_has_gone_is_a_failed_job(start: Start, folder: Path) -> None:
    assert start(WITNESS, interpreter="/no/such/python").wait(60) == 0
    assert ended(folder)["status"] == "Failed"
    assert "/no/such/python" in ended(folder)["message"]


def test_a_program_is_tied_to_who_started_it() -> None:
    tied = [sys.executable, "-I", "-S", str(TETHER)]
    assert subprocess.run([*tied, str(os.getpid()), "true"], check=False).returncode == 0
    assert subprocess.run([*tied, "1", "true"], check=False).returncode == 1
    missing = subprocess.run([*tied, str(os.getpid()), "/no/such"], capture_output=True, check=False)
    assert missing.returncode == 127
    assert b"/no/such cannot be started" in missing.stderr


def test_a_guard_ends_what_is_left_when_its_pipe_ends() -> None:
    cookie = f"test/{os.urandom(8).hex()}"
    code = (
        "import os, subprocess, sys\nfrom runfold.submitting.guard import Guard\n"
        f"guard = Guard({cookie!r})\n"
        "a = subprocess.Popen(['sleep', '1000'], start_new_session=True); guard.watch(a.pid)\n"
        f"env = {{**os.environ, 'RUNFOLD_JOB': {cookie!r}}}\n"
        "b = subprocess.Popen(['sleep', '1000'], start_new_session=True, env=env)\n"
        "print(a.pid, b.pid, flush=True); os.kill(os.getpid(), 9)\n"
    )
    said = subprocess.run([sys.executable, "-c", code], stdout=subprocess.PIPE, text=True, check=False)
    grouped, moved = (int(word) for word in said.stdout.split())
    until(
        lambda: not members(grouped) and (is_zombie(moved) or not Path(f"/proc/{moved}").exists()),
        20,
        "both to be gone",
    )
    assert strays(cookie) == []


def test_a_guard_that_is_dismissed_ends_nothing() -> None:
    guard = Guard("nobody")
    left = subprocess.Popen(["sleep", "1000"], start_new_session=True)
    guard.watch(left.pid)
    guard.dismiss()
    assert left.poll() is None
    left.kill()
    left.wait()
