"""However a process ends, what its calls returned from is in a journal, and its exit code is its own."""

from __future__ import annotations

import signal
from pathlib import Path

import pytest

from runfold.journal.batches import Closed
from runfold.journal.reader import JournalReader
from runfold_schemas import events
from tests.producer.facade.scripts import began, facts, points

QUICK = {"RUNFOLD_EXIT_DEADLINE_S": "0.3"}


def values(home: Path) -> list[object]:
    return [value for *_, value in points(home)]


def closed(home: Path) -> list[Path]:
    """Journals whose writers ended by themselves."""
    found = []
    for folder in (home / "journals").glob("*"):
        reader = JournalReader(folder)
        while batches := reader.read(final=True):
            found += [folder for batch in batches if isinstance(batch, Closed)]
    return found


def test_sigterm_of_default_action_leaves_a_whole_journal(tmp_path: Path) -> None:
    done = began("import os, signal\nrun.log('a', 1.0); run.tag('t'); os.kill(os.getpid(), signal.SIGTERM)", tmp_path)
    assert done.returncode == -signal.SIGTERM
    assert values(tmp_path) == [1.0]
    assert [fact.key for fact in facts(tmp_path) if isinstance(fact, events.TagSet)] == ["t"]


def test_sigterm_that_the_script_turns_into_an_exit_ends_by_our_deadline(tmp_path: Path) -> None:
    done = began(
        """
        import os, signal, sys
        signal.signal(signal.SIGTERM, lambda *_: sys.exit(9))
        with run:
            run.log("a", 1.0); os.kill(os.getpid(), signal.SIGTERM)
        """,
        tmp_path,
        **QUICK,
    )
    assert done.returncode == 9
    assert values(tmp_path) == [1.0]
    assert [fact.status for fact in facts(tmp_path) if isinstance(fact, events.StatusChanged)] == ["Running", "Failed"]


@pytest.mark.parametrize("method", ["fork", "spawn", "forkserver"])
def test_a_worker_of_multiprocessing_ends_its_runs(tmp_path: Path, method: str) -> None:
    script = tmp_path / "work.py"
    script.write_text(
        """
import multiprocessing, sys
from runfold import Experiment, Workspace
from runfold.run.finding import RunHandle
def work(n):
    import runfold.session
    from runfold.run import Run
    session = runfold.session.of("my-workspace")
    handle = RunHandle(session, "r", experiment="digits")
    handle.log_point("a", float(n), None)
if __name__ == "__main__":
    context = multiprocessing.get_context(sys.argv[1])
    experiment = Experiment(Workspace("s", "g", "my_workspace"), "digits")
    run = experiment.start_logging(run_id="r", outputs=False, snapshot_directory=None)
    workers = [context.Process(target=work, args=(n,)) for n in range(2)]
    for worker in workers: worker.start()
    for worker in workers: worker.join()
    print([worker.exitcode for worker in workers])
"""
    )
    done = began(
        f"""
        import subprocess, sys
        print(subprocess.run([sys.executable, {str(script)!r}, {method!r}], capture_output=True, text=True).stdout)
        """,
        tmp_path,
        **QUICK,
    )
    assert done.stdout.strip() == "[0, 0]", done.stderr
    assert sorted(values(tmp_path)) == [0.0, 1.0]  # type: ignore[type-var]
    # The script, its child and both workers have said how far they came.
    assert len(closed(tmp_path)) == 4


def test_a_forked_child_that_leaves_by_os_exit_keeps_its_words(tmp_path: Path) -> None:
    done = began(
        """
        import os
        run.log("a", 1.0)
        child = os.fork()
        if child == 0:
            run.log("a", 2.0); os._exit(3)
        print(os.waitpid(child, 0)[1] >> 8)
        """,
        tmp_path,
        **QUICK,
    )
    assert (done.returncode, done.stdout) == (0, "3\n")
    assert sorted(values(tmp_path)) == [1.0, 2.0]  # type: ignore[type-var]


def test_a_daemon_thread_that_logs_to_the_end_harms_nothing(tmp_path: Path) -> None:
    done = began(
        """
        import threading
        started = threading.Event()
        def forever():
            n = 0
            while True:
                run.log("a", float(n)); n += 1
                started.set()
        threading.Thread(target=forever, daemon=True).start()
        started.wait()
        """,
        tmp_path,
        **QUICK,
    )
    assert done.returncode == 0, done.stderr
    found = values(tmp_path)  # of two writers: the thread may go on when the first has ended
    assert sorted(found) == [float(n) for n in range(len(found))]  # type: ignore[type-var]
    assert "Traceback" not in done.stderr


def test_all_runs_of_a_process_end_within_one_deadline(tmp_path: Path) -> None:
    done = began(
        """
        runs = [experiment.start_logging(snapshot_directory=None, outputs=False) for _ in range(20)]
        for each in runs: each.log("a", 1.0)
        for each in runs: each.complete()
        """,
        tmp_path,
        RUNFOLD_EXIT_DEADLINE_S="1.5",
    )
    assert done.returncode == 0
    assert done.seconds < 15  # and not 20 times 1.5 s and more
    assert len(values(tmp_path)) == 20
