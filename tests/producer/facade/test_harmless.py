"""A training is never harmed: by disks, homes, threads, forks, signals and interpreters that are not as they should be.

All services are away in these scripts; what they print is what a training would have printed without Runfold.
"""

from __future__ import annotations

from pathlib import Path

import pytest

from runfold_schemas import events
from tests.producer.facade.scripts import Ended, began, facts, points, ran

QUICK = {"RUNFOLD_EXIT_DEADLINE_S": "0.5"}
# Python itself writes cut-off byte code where files may not grow.
NO_BYTE_CODE = {"PYTHONDONTWRITEBYTECODE": "1"}
WORKSPACE = 'from runfold import *\nexperiment = Experiment(Workspace("s", "g", "harmless"), "e")\n'


def ended_well(done: Ended) -> None:
    assert done.returncode == 0, done.stderr
    assert done.stdout.endswith("ok\n"), done.stderr
    assert "Traceback" not in done.stderr, done.stderr


def test_where_no_file_can_be_written_a_training_runs_and_is_told_that_nothing_is_kept(tmp_path: Path) -> None:
    done = ran(
        "import resource; resource.setrlimit(resource.RLIMIT_FSIZE, (0, 0))\n"
        + WORKSPACE
        + "run = experiment.start_logging()\n"
        "with run.child_run() as kid:\n    kid.log('a', 1.0)\n"
        "run.log_list('l', [1, 2]); run.log_row('r', a=1); run.tag('t'); run.add_properties({'p': '1'})\n"
        "run.complete(); print('ok')",
        tmp_path,
        **QUICK,
        **NO_BYTE_CODE,
    )
    ended_well(done)
    assert sum("NOTHING IS KEPT" in line for line in done.told) == 1, done.stderr


def test_when_the_disk_is_full_a_small_stream_is_kept_and_a_large_one_is_refused_by_name(tmp_path: Path) -> None:
    done = began(
        """
        import io, resource
        run.tag("room")
        resource.setrlimit(resource.RLIMIT_FSIZE, (1000, 1000))
        run.upload_file("small", io.BytesIO(bytes(100_000)))
        try:
            run.upload_file("large", io.BytesIO(bytes(1_000_000)))
        except AzureMLException as error:
            assert "no room" in error.message
            print("ok")
        """,
        tmp_path,
        **QUICK,
        **NO_BYTE_CODE,
    )
    ended_well(done)
    assert not list(tmp_path.glob("journals/*/spool/*"))


def test_a_user_without_a_home_keeps_journals_among_temporary_files(tmp_path: Path) -> None:
    done = ran(
        """
        import os, pwd
        def nobody(uid):
            raise KeyError(uid)
        pwd.getpwuid = nobody
        os.geteuid = lambda: 54321
        del os.environ["HOME"], os.environ["RUNFOLD_HOME"]
        """
        + WORKSPACE.replace("\n", "\n        ")
        + """
        experiment.start_logging().complete(); print("ok")
        """,
        tmp_path,
        TMPDIR=str(tmp_path),
        **QUICK,
    )
    ended_well(done)
    assert len(list(tmp_path.glob("runfold-54321/journals/*/header"))) == 1


def test_a_journal_that_is_deleted_harms_nobody_and_is_not_made_again_in_parts(tmp_path: Path) -> None:
    done = began(
        """
        import io, os, shutil
        shutil.rmtree(os.environ["RUNFOLD_HOME"] + "/journals")
        for i in range(20_000):
            run.log("a", float(i))
        run.tag("t"); run.upload_file("small", io.BytesIO(b"bytes"))
        run.child_run().complete(); run.complete(); print("ok")
        """,
        tmp_path,
        **QUICK,
    )
    ended_well(done)
    assert not (tmp_path / "journals").exists()


def test_a_with_block_needs_no_working_directory(tmp_path: Path) -> None:
    done = began(
        """
        import os, tempfile
        gone = tempfile.mkdtemp(); os.chdir(gone); os.rmdir(gone)
        with run, run.child_run() as kid:
            kid.log("a", 1)
        try:
            Workspace.from_config()
        except UserErrorException:
            print("ok")
        """,
        tmp_path,
        **QUICK,
    )
    ended_well(done)


def test_where_no_thread_can_be_started_the_journal_keeps_everything(tmp_path: Path) -> None:
    done = ran(
        "import threading\n"
        'def start(self):\n    raise RuntimeError("can\'t start new thread")\n'
        "threading.Thread.start = start\n" + WORKSPACE + "run = experiment.start_logging()\n"
        "run.log('a', 1.0); run.complete(); print('ok')",
        tmp_path,
        RUNFOLD_EXIT_DEADLINE_S="20",
    )
    ended_well(done)
    assert done.seconds < 15, "nobody waits for a thread that there is not"
    assert len(points(tmp_path)) == 1


def test_warnings_that_are_errors_do_not_end_the_shipper(tmp_path: Path) -> None:
    done = began("run.complete(); print('ok')", tmp_path, PYTHONWARNINGS="error", RUNFOLD_EXIT_DEADLINE_S="15")
    assert done.stdout == "ok\n", done.stderr
    assert any("RUNFOLD_KAFKA" in line for line in done.told), done.stderr
    assert "thread ended" not in done.stderr


def test_without_standard_error_nothing_is_raised(tmp_path: Path) -> None:
    done = began(
        "import sys; sys.stderr = None; run.set_tags({'a': 1}); run.complete(); print('ok')", tmp_path, **QUICK
    )
    ended_well(done)


def test_two_workspaces_share_one_deadline_and_one_warning(tmp_path: Path) -> None:
    done = began(
        """
        import time
        other = Experiment(Workspace("s", "g", "other"), "e").start_logging()
        begun = time.monotonic()
        run.complete(); other.complete()
        print(time.monotonic() - begun)
        """,
        tmp_path,
        RUNFOLD_EXIT_DEADLINE_S="6",
    )
    assert 6 < float(done.stdout) < 8, "the second is given a moment of 1 s"
    assert len([line for line in done.told if "cannot be reached" in line]) <= 1, done.stderr


def test_two_workspaces_end_within_one_deadline(tmp_path: Path) -> None:
    started = began("", tmp_path, RUNFOLD_EXIT_DEADLINE_S="0").seconds
    done = began("Experiment(Workspace('s', 'g', 'other'), 'e').start_logging()", tmp_path, RUNFOLD_EXIT_DEADLINE_S="8")
    assert done.seconds - started < 14, "8 s and the stopping of two threads, not 16 s"


def test_what_was_waited_until_an_interrupt_is_not_waited_again(tmp_path: Path) -> None:
    done = began(
        """
        import os, signal, threading, time
        threading.Timer(2, os.kill, (os.getpid(), signal.SIGINT)).start()
        begun = time.monotonic()
        try:
            run.complete()
        except KeyboardInterrupt:
            run.complete()
        print(time.monotonic() - begun)
        """,
        tmp_path,
        RUNFOLD_EXIT_DEADLINE_S="4",
    )
    assert 3.9 < float(done.stdout) < 5.5, done.stderr


def test_a_signal_handler_that_exits_while_the_process_ends_is_one_line(tmp_path: Path) -> None:
    done = began(
        """
        import atexit, os, signal, sys, threading
        other = Experiment(Workspace("s", "g", "other"), "e").start_logging()
        signal.signal(signal.SIGTERM, lambda *_: sys.exit(9))
        atexit.register(lambda: threading.Timer(1, os.kill, (os.getpid(), signal.SIGTERM)).start())
        print("ok")
        """,
        tmp_path,
        RUNFOLD_EXIT_DEADLINE_S="20",
    )
    ended_well(done)
    assert done.seconds < 15
    assert sum("interrupted" in line for line in done.told) == 1, done.stderr


def test_words_of_a_late_exit_hook_are_kept_by_a_writer_that_says_who_it_is(tmp_path: Path) -> None:
    done = ran(
        "import atexit\nbox = []\n"
        "def late():\n    box[0].log('late', 1.0); box[0].tag('late'); box[0].complete(); print('ok')\n"
        "atexit.register(late)\n"
        + WORKSPACE
        + "box.append(experiment.start_logging(run_id='r'))\nbox[0].log('a', 1.0)",
        tmp_path,
        **QUICK,
    )
    ended_well(done)
    assert sum("at the very end" in line for line in done.told) == 1, done.stderr
    by_writer: dict[str, list[str]] = {}
    for fact in facts(tmp_path):
        by_writer.setdefault(fact.writer_id, []).append(type(fact).__name__)
    assert sorted(by_writer.values()) == [
        ["WriterOpened", "RunStarted", "RunEnrolled", "StatusChanged", "SnapshotTaken", "PropertyAdded"],
        ["WriterOpened", "TagSet", "StatusChanged"],
    ]
    assert [name for name, *_ in sorted(points(tmp_path))] == ["a", "late"]


def test_threads_that_speak_while_the_process_ends_speak_as_one_writer_or_the_next(tmp_path: Path) -> None:
    done = began(
        """
        import threading
        def speak():
            i = 0
            while True:
                i += 1
                run.log("t", float(i)); run.tag("t", str(i))
        for _ in range(3):
            threading.Thread(target=speak, daemon=True).start()
        for i in range(20_000):
            run.log("m", 1.0)
        print("ok")
        """,
        tmp_path,
        **QUICK,
    )
    ended_well(done)
    opened: dict[str, int] = {}
    for fact in facts(tmp_path):
        if fact.aggregate_kind == "run":
            assert fact.ordinal == opened.get(fact.writer_id, 0) + 1
            assert isinstance(fact, events.WriterOpened) == (fact.ordinal == 1)
            opened[fact.writer_id] = fact.ordinal
    folders = {folder.name for folder in (tmp_path / "journals").iterdir()}
    assert set(opened) <= folders, "a fact names the writer whose journal it is in"


def test_a_fork_in_the_middle_of_a_first_word_leaves_a_child_that_can_speak(tmp_path: Path) -> None:
    done = ran(
        WORKSPACE + "import os, signal, threading\n"
        "threading.Thread(target=lambda: experiment.start_logging().log('a', 1.0)).start()\n"
        "for _ in range(25):\n"
        "    pid = os.fork()\n"
        "    if not pid:\n"
        "        signal.alarm(20)\n"
        "        experiment.start_logging().log('c', 1.0)\n"
        "        os._exit(0)\n"
        "    assert os.waitpid(pid, 0)[1] == 0\n"
        "print('ok')",
        tmp_path,
        **QUICK,
    )
    ended_well(done)
    assert sum(name == "c" for name, *_ in points(tmp_path)) == 25


def test_a_copy_is_the_same_run_and_so_is_a_pickle_in_another_process(tmp_path: Path) -> None:
    script = tmp_path / "script.py"
    script.write_text(
        "import copy, multiprocessing, pickle\n"
        + WORKSPACE
        + "if __name__ == '__main__':\n"
        + "    run = experiment.start_logging(run_id='r')\n"
        + "    run.tag('t', 'v')\n"
        + "    for same in (copy.copy(run), copy.deepcopy(run), pickle.loads(pickle.dumps(run))):\n"
        + "        same.log('copied', 1.0)\n"
        + "        assert (same.id, same.tags, same.experiment.name) == ('r', {'t': 'v'}, 'e')\n"
        + "    child = multiprocessing.get_context('spawn').Process(target=run.log, args=('spawned', 2.0))\n"
        + "    child.start(); child.join()\n"
        + "    offline = Run.get_context()\n"
        + "    offline.tag('t')\n"
        + "    assert pickle.loads(pickle.dumps(offline)).id == copy.deepcopy(offline).id == offline.id\n"
        + "    print('ok')\n"
    )
    done = ran(f"import runpy; runpy.run_path({str(script)!r}, run_name='__main__')", tmp_path, **QUICK)
    ended_well(done)
    assert [name for name, *_ in sorted(points(tmp_path))] == ["copied", "copied", "copied", "spawned"]
    said = [type(fact).__name__ for fact in facts(tmp_path) if fact.aggregate_id == "r"]
    assert said.count("RunStarted") == 1
    assert said.count("WriterOpened") == 2


def test_to_complete_one_run_looks_at_its_own_lanes_alone(tmp_path: Path) -> None:
    done = began(
        """
        from runfold.journal.writer import Journal
        looked = []
        all_of = Journal.ends
        Journal.ends = lambda self: looked.append(1) or all_of(self)
        for i in range(300):
            with run.child_run() as kid:
                kid.log("x", i)
        run.add_properties({"a": "1"})
        assert not looked
        print("ok")
        """,
        tmp_path,
        **QUICK,
    )
    ended_well(done)


@pytest.mark.parametrize(
    ("environ", "node"),
    [
        ({}, False),
        ({"RANK": "7", "WORLD_SIZE": "500"}, False),
        ({"RANK": "7", "WORLD_SIZE": "501"}, True),
        ({"RANK": "7", "WORLD_SIZE": "501", "RUNFOLD_SHIPPING": "thread"}, False),
        ({"RUNFOLD_SHIPPING": "node"}, True),
    ],
)
def test_in_a_large_job_no_process_has_a_thread_for_kafka(tmp_path: Path, environ: dict[str, str], node: bool) -> None:
    done = began(
        """
        import sys, threading
        run.log("a", 1.0); run.complete()
        print([thread.name for thread in threading.enumerate()], "kafka" in sys.modules)
        """,
        tmp_path,
        **QUICK,
        **environ,
    )
    assert done.stdout == (
        "['MainThread', 'runfold-pulse'] False\n" if node else "['MainThread', 'runfold-shipper'] True\n"
    ), done.stderr
    known = "known to be visible" if node else "acknowledged by Kafka"
    assert sum(f"facts and points are not {known} yet" in line for line in done.told) == 1, done.stderr


def test_a_float_in_a_list_makes_floats_of_its_integers_when_it_is_logged(tmp_path: Path) -> None:
    began(
        "run.log_list('l', [1, 2.5, True, None, 'a', 10**400 // 10**380]); run.log_list('i', [1, 2])", tmp_path, **QUICK
    )
    assert [(name, kind, value) for name, _, kind, _, value in points(tmp_path)] == [
        *(("l", "double", 1.0), ("l", "double", 2.5), ("l", "bool", 1.0), ("l", "null", 0.0), ("l", "string", "a")),
        *(("l", "double", 1e20), ("i", "long", 1.0), ("i", "long", 2.0)),
    ]
