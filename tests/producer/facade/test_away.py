"""A training runs to its end, as it would have, while broker, API, projector and object store are all away."""

from __future__ import annotations

from pathlib import Path

from runfold_schemas import events
from tests.producer.facade.scripts import began, facts, points, ran

TRAINING = """
    for epoch in range(100):
        run.log("loss", 1 / (1 + epoch), step=epoch)
    run.log_list("l", [1, 2.5])
    run.log_row("r", a=1, b="x")
    run.log_table("t", {"x": [1, 2], "y": [True, None]})
    run.log_confusion_matrix("cm", {"schema_type": "confusion_matrix", "schema_version": "1.0.0",
                                    "data": {"class_labels": ["a"], "matrix": [[1]]}})
    run.tag("a")
    run.set_tags({"b": "2"})
    run.remove_tags(["a"])
    run.add_properties({"p": "1"})
    run.add_properties({"q": "1"})
    run.upload_file("./outputs/model.bin", __import__("io").BytesIO(b"model"))
    run.display_name = "label"
    with run.child_run("kid") as kid:
        kid.log("x", 1)
    run.complete()
    print(run.status, run.tags)
"""


def test_a_training_ends_normally_and_its_exit_code_is_its_own(tmp_path: Path) -> None:
    done = began(TRAINING + "    raise SystemExit(7)\n", tmp_path)
    assert done.returncode == 7, done.stderr
    assert done.stdout == "Completed {'b': '2'}\n"
    assert done.seconds < 15  # deadlines of 1.5, 1 and 2 s, and the start of two interpreters on a busy machine


def test_each_service_is_warned_of_once_and_one_line_says_what_is_left(tmp_path: Path) -> None:
    done = began(TRAINING, tmp_path)
    warned = done.told
    assert len([line for line in warned if "Kafka at 127.0.0.1:1" in line]) <= 1, warned
    assert len([line for line in warned if "API at http://127.0.0.1:1" in line]) <= 1, warned
    assert len([line for line in warned if "runfold ship --once" in line]) == 1, warned
    assert len(warned) <= 4, warned


def test_all_of_it_is_in_the_journal(tmp_path: Path) -> None:
    began(TRAINING, tmp_path)
    said = [type(fact).__name__ for fact in facts(tmp_path) if fact.aggregate_id != "digits"]
    assert said == [
        *("WriterOpened", "RunStarted", "StatusChanged", "ArtifactLogged", "TagSet", "TagSet", "TagRemoved"),
        *("PropertyAdded", "PropertyAdded", "ArtifactLogged", "RunDescribed"),
        *("WriterOpened", "RunStarted", "StatusChanged", "ArtifactLogged", "StatusChanged"),
        "StatusChanged",
    ]
    kept = points(tmp_path)
    assert [value for name, _, _, _, value in kept if name == "loss"] == [1 / (1 + epoch) for epoch in range(100)]
    assert [(column, kind, value) for name, column, kind, _, value in kept if name == "t"] == [
        ("x", "long", 1.0),
        ("y", "bool", 1.0),
        ("x", "long", 2.0),
        ("y", "null", 0.0),
    ]


def test_after_a_complete_that_ran_out_neither_the_next_one_nor_the_exit_waits(tmp_path: Path) -> None:
    done = began(
        """
        import time
        began = time.monotonic()
        run.complete()
        first = time.monotonic() - began
        experiment.start_logging(snapshot_directory=None).complete()
        print(first, time.monotonic() - began - first)
        """,
        tmp_path,
        RUNFOLD_EXIT_DEADLINE_S="2",
    )
    first, second = map(float, done.stdout.split())
    assert 1.9 < first < 3
    assert second < 0.5


def test_reads_raise_and_name_service_and_setting(tmp_path: Path) -> None:
    done = began(
        """
        import runfold.session
        runfold.session.READ_WAIT_S = 0.5
        for read in (run.get_metrics, run.get_tags, run.get_status, run.get_details, run.get_file_names,
                     lambda: list(run.get_children()), lambda: Run(experiment, "x"), lambda: run.download_file("a")):
            try:
                read()
            except ServiceAwayError as away:
                print(away.service, away.setting, away.address)
        try:
            run.flush(timeout_seconds=0.2)
        except FlushTimeoutError as ran_out:
            print(ran_out.unacknowledged, isinstance(ran_out.inner_exception, ServiceAwayError))
        """,
        tmp_path,
    )
    *away, flushed = done.stdout.splitlines()
    assert away == ["Kafka RUNFOLD_KAFKA 127.0.0.1:1"] * 8, done.stderr
    assert flushed == "4 True"


def test_a_large_file_waits_in_the_spool_and_is_described_there(tmp_path: Path) -> None:
    began("run.upload_file('big.bin', __import__('io').BytesIO(bytes(300_000)))", tmp_path)
    (logged,) = [fact for fact in facts(tmp_path) if isinstance(fact, events.ArtifactLogged)]
    assert (logged.name, logged.size, logged.body) == ("big.bin", 300_000, None)
    (spool,) = (tmp_path / "journals").glob("*/spool")
    assert {file.name for file in spool.iterdir()} == {logged.sha256, f"{logged.sha256}.json"}
    assert (spool / logged.sha256).stat().st_size == 300_000


def test_without_any_setting_a_training_runs_all_the_same(tmp_path: Path) -> None:
    done = began(
        "run.log('a', 1.0); run.add_properties({'p': '1'}); run.complete()", tmp_path, RUNFOLD_KAFKA="", RUNFOLD_API=""
    )
    assert done.returncode == 0, done.stderr
    assert any("RUNFOLD_KAFKA" in line for line in done.told), done.stderr


def test_where_no_journal_can_be_made_it_is_kept_elsewhere_and_the_training_goes_on(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("no folder")
    (tmp_path / "tmp").mkdir()
    done = began("run.log('a', 1.0)", tmp_path, RUNFOLD_JOURNAL=str(tmp_path / "file"), TMPDIR=str(tmp_path / "tmp"))
    assert done.returncode == 0, done.stderr
    assert len(list((tmp_path / "tmp").glob("runfold-journals-*/*/header"))) == 1


def test_standard_output_gets_nothing(tmp_path: Path) -> None:
    done = ran(
        """
        from runfold import Experiment, Workspace
        run = Experiment(Workspace("s", "g", "silent"), "e").start_logging(snapshot_directory=None)
        run.log("a", [1]) if False else run.log("a", (1, 2))
        run.set_tags({"n": 1})
        run.complete()
        """,
        tmp_path,
    )
    assert done.stdout == ""
    assert sum("which is no number" in line for line in done.told) == 1
