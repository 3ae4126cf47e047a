"""How runs begin and end: first facts, with-blocks, failures, jobs (run_api sections 8.1 and 8.4)."""

from __future__ import annotations

from pathlib import Path

import pytest

from runfold_schemas import events
from runfold_schemas.events import LaneEnd
from tests.producer.facade.scripts import began, facts, points, ran

QUICK = {"RUNFOLD_EXIT_DEADLINE_S": "0.1"}


def statuses(home: Path, run_id: str | None = None) -> list[str]:
    return [
        fact.status
        for fact in facts(home)
        if isinstance(fact, events.StatusChanged) and run_id in (None, fact.aggregate_id)
    ]


def test_the_first_fact_of_a_writer_says_who_it_is(tmp_path: Path) -> None:
    began("", tmp_path, RANK="3", WORLD_SIZE="8", RUNFOLD_ATTEMPT="2", **QUICK)
    opened, started, enrolled, running = facts(tmp_path)
    assert isinstance(opened, events.WriterOpened)
    assert (opened.ordinal, opened.rank, opened.world_size, opened.attempt) == (1, 3, 8, 2)
    assert set(opened.versions) == {"python", "runfold"}
    assert isinstance(started, events.RunStarted)
    assert (started.ordinal, started.experiment, started.display_name, started.attempt) == (2, "digits", "first", 2)
    assert (started.outputs, started.snapshot_directory, started.target) == ("./outputs", None, "local")
    assert isinstance(enrolled, events.RunEnrolled)
    assert (enrolled.aggregate_kind, enrolled.aggregate_id, enrolled.ordinal) == ("experiment", "digits", 1)
    assert enrolled.run_id == started.aggregate_id
    assert isinstance(running, events.StatusChanged)
    assert (running.ordinal, running.status, running.attempt, tuple(running.lanes)) == (3, "Running", 2, ())


@pytest.mark.parametrize(
    ("outputs", "expected"),
    [("None", "./outputs"), ("True", "./outputs"), ("''", "./outputs"), ("False", None), ("'made'", "made")],
)
def test_outputs_are_understood_as_the_original_does(tmp_path: Path, outputs: str, expected: str | None) -> None:
    began(f"experiment.start_logging(outputs={outputs}, snapshot_directory='.')", tmp_path, **QUICK)
    started = [fact for fact in facts(tmp_path) if isinstance(fact, events.RunStarted)][-1]
    assert (started.outputs, started.snapshot_directory) == (expected, ".")


def test_a_terminal_status_says_where_the_writers_lanes_end(tmp_path: Path) -> None:
    began("run.log('a', 1); run.log('a', 2); run.complete()", tmp_path, **QUICK)
    last = facts(tmp_path)[-1]
    assert isinstance(last, events.StatusChanged)
    assert tuple(last.lanes) == (LaneEnd("facts", last.ordinal), LaneEnd("points", 2))


@pytest.mark.parametrize(
    ("body", "returncode", "status", "message"),
    [
        ("pass", 0, ["Running", "Completed"], None),
        ("raise ValueError('oh')", 1, ["Running", "Failed"], "User program failed with ValueError: oh"),
        ("raise SystemExit(0)", 5, ["Running"], None),
        ("raise SystemExit", 5, ["Running"], None),
        ("raise SystemExit(3)", 3, ["Running", "Failed"], "User program failed with SystemExit: 3"),
        ("raise KeyboardInterrupt", 1, ["Running", "Failed"], "User program failed with KeyboardInterrupt: "),
    ],
)
def test_a_with_block_ends_the_run_as_the_original_does(
    tmp_path: Path, body: str, returncode: int, status: list[str], message: str | None
) -> None:
    done = began(
        "import os\nwith run as same:\n    assert same is run\n    os.chdir('/')\n"
        f"    {body}\nassert os.getcwd() != '/'\n" + ("raise SystemExit(5)" if returncode == 5 else ""),
        tmp_path,
        **QUICK,
    )
    # Python ends itself by SIGINT where a Ctrl-C is left over, and where SIGINT is not ignored.
    assert done.returncode in (returncode, -2 if "Interrupt" in body else returncode), done.stderr
    assert statuses(tmp_path) == status
    assert [fact.message for fact in facts(tmp_path) if isinstance(fact, events.ErrorRecorded)] == (
        [message] if message is not None else []
    )


def test_fail_takes_text_and_exceptions_and_nothing_else(tmp_path: Path) -> None:
    done = began(
        """
        try:
            run.fail(b"bytes")
        except TypeError as e:
            print(e)
        run.fail("words", "Mine", _set_status=False)
        run.fail(UserErrorException("ours"), "ignored")
        """,
        tmp_path,
        **QUICK,
    )
    assert "bytes" in done.stdout
    errors = [fact for fact in facts(tmp_path) if isinstance(fact, events.ErrorRecorded)]
    assert [(each.code, each.message) for each in errors] == [("Mine", "words"), ("UserError", "ours")]
    assert statuses(tmp_path) == ["Running", "Failed"]


def test_children_know_their_parent_and_end_by_themselves(tmp_path: Path) -> None:
    done = began(
        """
        with run.child_run("a", run_id="kid one") as kid:
            print(kid.name, kid.status, kid.parent is run, kid.type, kid)
        print(run.child_run().name.startswith("run_"))
        """,
        tmp_path,
        **QUICK,
    )
    assert done.stdout.startswith("first>a NotStarted True None Run(Experiment: digits,\nId: kid one,\nType: None,")
    assert done.stdout.endswith("True\n")
    assert statuses(tmp_path, "kid one") == ["Running", "Completed"]
    started = [fact for fact in facts(tmp_path) if isinstance(fact, events.RunStarted)]
    assert started[1].parent_run_id == started[2].parent_run_id == started[0].aggregate_id


JOB = {"RUNFOLD_WORKSPACE": "jobs", "RUNFOLD_EXPERIMENT": "e", "RUNFOLD_RUN_ID": "e_1_abc"}
AZUREML = {
    "AZUREML_RUN_ID": "e_1_abc",
    "AZUREML_ARM_SUBSCRIPTION": "s",
    "AZUREML_ARM_RESOURCEGROUP": "g",
    "AZUREML_ARM_WORKSPACE_NAME": "Jobs",
    "AZUREML_ARM_PROJECT_NAME": "e",
    "AZUREML_RUN_TOKEN": "t",
    "AZUREML_SERVICE_ENDPOINT": "u",
}


@pytest.mark.parametrize("job", [JOB, AZUREML])
def test_the_job_owns_the_status_of_its_run(tmp_path: Path, job: dict[str, str]) -> None:
    done = ran(
        """
        from runfold import Run
        from runfold.run import _SubmittedRun
        run = Run.get_context()
        assert run is Run.get_context(allow_offline=False) and type(run) is _SubmittedRun and isinstance(run, Run)
        print(run.id, run.experiment.name)
        run.complete(); run.log("late", 1.0); run.fail("why"); run.cancel()
        try:
            with run as same:
                assert same is run
                raise ValueError("passes")
        except ValueError as e:
            print(e)
        """,
        tmp_path,
        **job,
        **QUICK,
    )
    assert done.stdout == "e_1_abc e\npasses\n", done.stderr
    assert statuses(tmp_path) == ["Running"]
    assert [fact.message for fact in facts(tmp_path) if isinstance(fact, events.ErrorRecorded)] == ["why"]
    assert points(tmp_path) == [("late", None, "double", 1, 1.0)]
    assert any("cancel is not supported for submitted runs" in line for line in done.told)


def test_any_missing_variable_of_a_job_means_offline(tmp_path: Path) -> None:
    for name in AZUREML:
        partial = {key: value for key, value in AZUREML.items() if key != name}
        done = ran("from runfold import Run; print(Run.get_context().id[:11])", tmp_path, **partial)
        assert done.stdout == "OfflineRun_\n", name


def test_a_forked_child_is_another_writer_and_says_so_first(tmp_path: Path) -> None:
    done = began(
        """
        import os
        run.log("a", 1.0)
        child = os.fork()
        if child == 0:
            run.log("a", 2.0)
            run.tag("by", "child")
            os._exit(0)
        os.waitpid(child, 0)
        run.log("a", 3.0)
        run.complete()
        """,
        tmp_path,
        **QUICK,
    )
    assert done.returncode == 0, done.stderr
    said: dict[str, list[str]] = {}
    for fact in facts(tmp_path):
        said.setdefault(fact.writer_id, []).append(type(fact).__name__)
    assert sorted(said.values()) == [
        ["WriterOpened", "RunStarted", "RunEnrolled", "StatusChanged", "StatusChanged"],
        ["WriterOpened", "TagSet"],
    ]
    assert sorted(value for *_, value in points(tmp_path)) == [1.0, 2.0, 3.0]


def test_a_fork_while_the_shipper_is_being_imported_leaves_the_child_whole_modules(tmp_path: Path) -> None:
    done = began(
        """
        import os, sys
        child = os.fork()  # the shipper's thread has just begun to import
        if child == 0:
            half = [name for name, module in sys.modules.items()
                    if getattr(getattr(module, "__spec__", None), "_initializing", False)]
            print(half, flush=True)
            os._exit(0)
        os.waitpid(child, 0)
        """,
        tmp_path,
        **QUICK,
    )
    assert done.stdout == "[]\n", done.stderr


def test_who_ends_a_run_twice_is_told(tmp_path: Path) -> None:
    done = began("run.complete(); run.complete(); run.fail('late'); print(run.status)", tmp_path, **QUICK)
    assert done.stdout == "Completed\n"
    assert len([line for line in done.told if "was Completed already" in line]) == 1
    assert statuses(tmp_path) == ["Running", "Completed", "Completed", "Failed"]


def test_a_wrong_attempt_is_told_at_once(tmp_path: Path) -> None:
    done = began("", tmp_path, RUNFOLD_ATTEMPT="second", **QUICK)
    assert done.returncode == 1
    assert "RUNFOLD_ATTEMPT is 'second'; a whole number from 0" in done.stderr
