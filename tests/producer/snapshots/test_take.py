"""take_snapshot while every service is away: journaled at once, once for each run, with what git says beside it."""

from __future__ import annotations

import hashlib
import io
import zipfile
from pathlib import Path

from runfold_schemas.events import PropertyAdded, RunStarted, SnapshotTaken
from tests.producer.facade.scripts import began, facts, ran


def project(home: Path) -> Path:
    (home / "project").mkdir()
    (home / "project" / "train.py").write_text("print(1)")
    return home / "project"


def taken(home: Path) -> list[SnapshotTaken]:
    return [fact for fact in facts(home) if isinstance(fact, SnapshotTaken)]


def test_a_small_snapshot_travels_in_its_fact(tmp_path: Path) -> None:
    project(tmp_path)
    said = began("print(run.take_snapshot('project'))", tmp_path)
    (fact,) = taken(tmp_path)
    assert said.stdout.strip() == fact.snapshot_id
    assert (fact.files, fact.content_bytes, fact.directory) == (1, 8, str(tmp_path / "project"))
    assert fact.body is not None
    assert hashlib.sha256(fact.body).hexdigest() == fact.sha256
    assert zipfile.ZipFile(io.BytesIO(fact.body)).read("train.py") == b"print(1)"


def test_id_and_git_facts_are_one_fact_of_properties(tmp_path: Path) -> None:
    project(tmp_path)
    began(
        "run.take_snapshot('project'); print(run.properties)",
        tmp_path,
        AZUREML_GIT_COMMIT="abc",
        AZUREML_GIT_BRANCH="main",
        GIT_CEILING_DIRECTORIES=str(tmp_path.parent),
    )
    added = [fact.properties for fact in facts(tmp_path) if isinstance(fact, PropertyAdded)]
    assert added == [
        {
            "ContentSnapshotId": taken(tmp_path)[0].snapshot_id,
            "azureml.git.branch": "main",
            "mlflow.source.git.branch": "main",
            "azureml.git.commit": "abc",
            "mlflow.source.git.commit": "abc",
        }
    ]


def test_start_logging_takes_the_current_directory_and_waits_for_nobody(tmp_path: Path) -> None:
    (tmp_path / "train.py").write_text("print(1)")
    said = ran(
        """
        import time
        from runfold import Experiment, Workspace
        experiment = Experiment(Workspace("s", "g", "my_workspace"), "digits")
        begun = time.monotonic(); first = experiment.start_logging(); took = time.monotonic() - begun
        begun = time.monotonic(); second = experiment.start_logging(); again = time.monotonic() - begun
        print(took < 1.5, again < 1, first.properties == second.properties != {}, first.status)
        """,
        tmp_path,
    )
    assert said.stdout.split() == ["True", "True", "True", "Running"], said.stderr
    one, two = taken(tmp_path)
    assert one.snapshot_id == two.snapshot_id
    assert one.body is not None
    assert zipfile.ZipFile(io.BytesIO(one.body)).namelist() == ["train.py"]  # and not our own journals


def test_a_run_has_one_snapshot(tmp_path: Path) -> None:
    project(tmp_path)
    said = began(
        """
        first = run.take_snapshot("project")
        try:
            run.take_snapshot("project")
        except SnapshotException as error:
            print(error.message == f"Cannot take snapshot as the run already has one: {first}")
        """,
        tmp_path,
    )
    assert said.stdout.strip() == "True"
    assert len(taken(tmp_path)) == 1


def test_a_snapshot_that_cannot_be_taken_leaves_the_run_as_it_is(tmp_path: Path) -> None:
    said = ran(
        """
        from runfold import Experiment, Workspace
        from runfold.exceptions import SnapshotException
        experiment = Experiment(Workspace("s", "g", "my_workspace"), "digits")
        for directory in ("nowhere", 7, "train.py/x"):
            try:
                experiment.start_logging(snapshot_directory=directory)
            except SnapshotException as error:
                print("refused")
            except Exception as error:
                print(type(error).__name__)
        """,
        tmp_path,
    )
    assert said.stdout.split() == ["refused", "UserErrorException", "refused"]
    assert [fact for fact in facts(tmp_path) if isinstance(fact, RunStarted)]
    assert taken(tmp_path) == []


def test_a_large_snapshot_goes_into_the_spool_while_the_store_is_away(tmp_path: Path) -> None:
    noise = b"".join(hashlib.sha256(bytes([n // 256, n % 256])).digest() for n in range(20_000))
    (project(tmp_path) / "noise.bin").write_bytes(noise)
    said = began("run.take_snapshot('project')", tmp_path)
    (fact,) = taken(tmp_path)
    assert fact.body is None
    (spooled,) = (tmp_path / "journals").glob(f"*/spool/{fact.sha256}")
    assert spooled.stat().st_size == fact.size
    assert zipfile.ZipFile(spooled).read("noise.bin") == noise
    assert said.seconds < 10


def test_a_path_a_link_and_a_single_file_will_do(tmp_path: Path) -> None:
    project(tmp_path)
    (tmp_path / "link").symlink_to("project")
    said = began(
        """
        from pathlib import Path
        ids = [experiment.start_logging(snapshot_directory=None).take_snapshot(each)
               for each in (Path("project"), "link", "./project/", "project/train.py")]
        print(len(set(ids)))
        """,
        tmp_path,
    )
    assert said.stdout.strip() == "1", said.stderr
