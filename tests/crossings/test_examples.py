"""The scripts of examples/, written for azureml.core without a word of Runfold, run unchanged; others see it.

Each is run by `runfold exec` in a copy of its folder, against a real stack or without any; what is asserted afterwards
is asked of the query API by this process, or of the façade by a third one.
"""

from __future__ import annotations

import json
import re
import shutil
import subprocess
import zipfile
from collections import Counter
from pathlib import Path
from typing import Any

import pytest

from tests.stack import COMMAND, Stack
from tests.waiting import until

EXAMPLES = Path(__file__).parents[2] / "examples"
AWAY = {"RUNFOLD_KAFKA": "127.0.0.1:1", "RUNFOLD_API": "http://127.0.0.1:1", "RUNFOLD_EXIT_DEADLINE_S": "1"}


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A copy of the examples, to run them in."""
    shutil.copytree(EXAMPLES, tmp_path / "examples", ignore=shutil.ignore_patterns("__pycache__"))
    return tmp_path / "examples"


def executed(stack: Stack, folder: Path, *words: str, **environment: str) -> list[str]:
    """Runs an example to its end, which must be a good one: the lines of its standard output."""
    done = subprocess.run(
        [*COMMAND, "exec", *words],
        cwd=folder,
        env=stack.bare | {"TMPDIR": str(folder.parent)} | environment,
        capture_output=True,
        text=True,
        timeout=150,
        check=False,
    )
    assert done.returncode == 0, f"{' '.join(words)} ended with {done.returncode}:\n{done.stdout}\n{done.stderr}"
    return done.stdout.splitlines()


def told(lines: list[str], word: str) -> str:
    """What an example says after a word at the beginning of a line."""
    return next(line.split(" ", 1)[1] for line in lines if line.startswith(f"{word} "))


def run_of(stack: Stack, run_id: str) -> dict[str, Any]:
    return stack.get(f"runs/{run_id}")


def asked(stack: Stack, run_id: str, code: str) -> Any:
    """What another process finds: `code` is an expression about `run`."""
    said = stack.script(
        "import json, sys; from runfold import Run, Workspace; run = Run.get(Workspace.from_config(), sys.argv[1]);"
        f"print(json.dumps({code}))",
        run_id,
    )
    return json.loads(said.stdout)


def test_no_example_has_a_word_of_runfold() -> None:
    scripts = sorted(EXAMPLES.rglob("*.py"))
    assert len(scripts) >= 8
    assert [script.name for script in scripts if "runfold" in script.read_text().lower()] == []


def test_every_example_is_run_here() -> None:
    here = Path(__file__).read_text()
    assert [each.name for each in EXAMPLES.glob("*.py") if f'"{each.name}"' not in here] == []


def test_train_as_a_job_of_its_own(stack: Stack, folder: Path) -> None:
    job = {"RUNFOLD_WORKSPACE": "local", "RUNFOLD_EXPERIMENT": "examples", "RUNFOLD_RUN_ID": "train-1"}
    executed(stack, folder, "train.py", "--regularization", "0.1", **job)
    run = run_of(stack, "train-1")
    assert (run["experiment"], run["tags"]) == ("examples", {"algorithm": "logistic regression"})
    assert run["status"] == "Running"  # a job's wrapper owns the final status
    metrics = asked(stack, "train-1", "run.get_metrics()")
    assert metrics["regularization rate"] == 0.1
    assert metrics["accuracy"] > 0.9
    assert len(metrics["samples per class"]) == 10
    matrix = asked(stack, "train-1", "run.get_metrics('confusion matrix', populate=True)['confusion matrix']"
                   ".convert_to_object()")  # fmt: skip
    assert sum(map(sum, matrix["data"]["matrix"])) == 360


def test_train_without_a_job_prints_and_is_shipped_later(stack: Stack, folder: Path) -> None:
    journals = folder.parent / "journals"
    lines = executed(stack, folder, "train.py", RUNFOLD_JOURNAL=str(journals), **AWAY)
    assert "Attempted to log scalar metric accuracy:" in lines
    assert "Attempted to add tag algorithm with value logistic regression" in lines
    shipped = stack.run(
        "ship", "--once", "--journal", str(journals), "--workspace", "local", "--experiment", "shipped-later"
    )
    assert shipped.returncode == 0
    (run,) = stack.get("runs?experiment=shipped-later")["runs"]
    assert run["run_id"].startswith("OfflineRun_")
    assert run["status"] == "Completed"
    assert asked(stack, run["run_id"], "run.get_metrics('accuracy')")["accuracy"] > 0.9


def test_interactive(stack: Stack, folder: Path) -> None:
    lines = executed(stack, folder, "interactive.py")
    run_id = told(lines, "started")
    run = run_of(stack, run_id)
    assert (run["status"], run["display_name"]) == ("Completed", "a sine, fitted")
    found = asked(stack, run_id, "[run.get_metrics(), run.get_file_names()]")
    metrics, files = found
    assert (len(metrics["loss"]), len(metrics["errors"]), len(metrics["points"]["y"])) == (20, 63, 63)
    assert 0.9 < metrics["amplitude"] < 1.1
    assert "results/amplitude.txt" in files
    assert asked(stack, run_id, "run.get_metrics('fit', populate=True)['fit'].data[:4].hex()") == "89504e47"
    assert asked(stack, run_id, "run.get_metrics('residuals', populate=True)['residuals'].convert_to_object()"
                 "['data']['bin_edges']") == [-0.2, -0.1, 0.0, 0.1, 0.2]  # fmt: skip


def test_hyperparameters(stack: Stack, folder: Path) -> None:
    parent = told(executed(stack, folder, "hyperparameters.py"), "parent")
    children = stack.get(f"runs?parent={parent}")["runs"]
    assert Counter(child["status"] for child in children) == {"Completed": 11}
    assert Counter(tuple(child["tags"]) for child in children) == {("kind",): 8, ("seed",): 3}
    metrics = asked(stack, parent, "run.get_metrics()")
    assert metrics == {"tried": [round(0.1 * n, 1) for n in range(8)], "best alpha": pytest.approx(0.35, abs=0.06)}
    assert run_of(stack, parent)["tags"]["best"] in [child["run_id"] for child in children]


def test_blocks(stack: Stack, folder: Path) -> None:
    lines = executed(stack, folder, "blocks.py")
    first, second = told(lines, "first"), told(lines, "second")
    assert run_of(stack, first)["status"] == "Completed"
    failed = run_of(stack, second)
    assert (failed["status"], failed["error"]["message"]) == (
        "Failed",
        "User program failed with ValueError: 41 is not the answer",
    )
    assert set(asked(stack, first, "run.get_file_names()")) >= {"outputs/answer.txt", "logs/user_log.txt"}
    logs = asked(stack, first, "run.get_details_with_logs()['logFiles']")
    assert "hello from the block" in "".join(logs.values())


def test_blocks_while_everything_is_away(stack: Stack, folder: Path) -> None:
    journals = folder.parent / "journals"
    lines = executed(stack, folder, "blocks.py", RUNFOLD_JOURNAL=str(journals), RUNFOLD_WORKSPACE="local", **AWAY)
    stack.run("ship", "--once", "--journal", str(journals))
    statuses = [run_of(stack, told(lines, word))["status"] for word in ("first", "second")]
    assert statuses == ["Completed", "Failed"]


def test_submit(stack: Stack, folder: Path) -> None:
    lines = executed(stack, folder, "submit.py")
    run_id = told(lines, "submitted")
    assert {f"RunId: {run_id}", "hello from submitted", "done", "Execution Summary"} <= set(lines)
    assert told(lines, "kept") == "['0.0', '0.5', '1.0', '1.5', '2.0']"
    run = run_of(stack, run_id)
    assert (run["status"], run["run_type"], run["tags"]) == (
        "Completed",
        "azureml.scriptrun",
        {"purpose": "example"},
    )
    archive = asked(stack, run_id, f"run.restore_snapshot(path={str(folder.parent / 'restored')!r})")
    assert zipfile.ZipFile(archive).namelist() == [".amlignore", "job.py"]
    assert Path(archive).name == f"{run['snapshot_id']}.zip"
    text = stack.script(
        "import sys; from runfold import Run, Workspace; run = Run.get(Workspace.from_config(), sys.argv[1]);"
        "print(run.get_details_with_logs()['logFiles']['user_logs/std_log.txt'])",
        run_id,
    )
    assert text.stdout.splitlines()[:2] == ["hello from submitted", "done"]


def test_manage_runs(stack: Stack, folder: Path) -> None:
    lines = executed(stack, folder, "manage_runs.py")
    run = run_of(stack, told(lines, "managed"))
    assert run["tags"] == {"quality": "fantastic run", "worth another look": None, "epochs": "3"}
    assert run["properties"]["author"] == "azureml-user"
    assert (run["display_name"], run["description"]) == ("the managed one", "shows how runs are managed")
    failed = run_of(stack, told(lines, "failed"))
    assert (failed["status"], failed["error"]["code"], failed["error"]["message"]) == (
        "Failed",
        "DataLost",
        "the data is gone",
    )
    assert run_of(stack, told(lines, "canceled"))["status"] == "Canceled"
    decisions = stack.get(f"runs/{run['run_id']}/decisions")["decisions"]
    refusals = [refusal for each in decisions if each["verdict"] == "refused" for refusal in each["refusals"]]
    assert [(each["key"], each["kept"], each["refused"]) for each in refusals] == [
        ("author", "azureml-user", "different-user")
    ]


def test_the_logging_api(stack: Stack, folder: Path) -> None:
    lines = executed(stack, folder, "logging_api.py")
    run_id = told(lines, "run")
    shapes = asked(stack, run_id, "{n: [len(v), len(v['column 7'])] for n, v in run.get_metrics().items() "
                   "if n in ('table', 'rows')}")  # fmt: skip
    assert shapes == {"table": [15, 3000], "rows": [15, 3000]}
    seconds = float(re.findall(r"twice in ([0-9.]+) s", "\n".join(lines))[0])
    assert seconds < 10
    shown = "\n".join(lines[lines.index("Run") :])
    assert re.search(rf"run id +{run_id}", shown)
    assert re.search(r"Fibonacci mod 10 +1 \(10 values\)", shown)


def test_register_model(stack: Stack, folder: Path) -> None:
    run_id = told(executed(stack, folder, "register_model.py"), "run")
    assert told(executed(stack, folder, "register_model.py"), "registered") == "line 2 line:2"
    model = stack.get("models/line?version=1")
    assert (model["run_id"], model["framework"], model["tags"]) == (
        run_id,
        "Custom",
        {"area": "examples", "points": "4"},
    )
    assert sorted(file["path"] for file in model["files"]) == ["model/readme.txt", "model/weights.json"]


def test_data_and_secrets(stack: Stack, folder: Path) -> None:
    secret = "not-to-be-found-anywhere"
    lines = executed(stack, folder, "data_and_secrets.py", RUNFOLD_SECRET_DATABASE_PASSWORD=secret)
    run_id = told(lines, "run")
    assert asked(stack, run_id, "run.get_metrics()") == {"people": 3, "mean age": 54.0}
    assert stack.get("assets/dataset/people")["version"] == 1
    facts = json.dumps(stack.get(f"runs/{run_id}/events"))
    assert "SecretRead" in facts
    assert secret not in facts


def test_eight_ranks_and_one_that_is_lost(stack: Stack, folder: Path) -> None:
    job = {"RUNFOLD_WORKSPACE": "local", "RUNFOLD_EXPERIMENT": "examples", "RUNFOLD_RUN_ID": "eight-ranks"}
    lines = executed(stack, folder, "elastic/launch.py", "--lose-rank", "3", **job)
    assert "rank 3 was lost; start 1" in lines
    assert "rank 3 goes on at step 30" in lines

    def complete() -> dict[str, Any] | None:
        found = stack.get("runs/eight-ranks/completeness")
        return found if found["complete"] == "complete" else None

    writers = until(complete, 60, "the journal of the killed rank to be sent")["writers"]
    assert sorted((writer["rank"], writer["attempt"]) for writer in writers if writer["rank"] is not None) == sorted(
        [*((rank, 0) for rank in range(8)), (3, 1)]
    )
    expected = 8 * 60
    losses = asked(stack, "eight-ranks", "run.get_metrics('loss')['loss']")
    assert len(losses) == expected  # the five steps that rank 3 did twice are there once
    third = asked(stack, "eight-ranks", "run.get_metrics('loss', rank=3)['loss']")
    assert third == [pytest.approx((13.0 * 0.95 ** (step + 1)) ** 2) for step in range(60)]
    first_start = asked(stack, "eight-ranks", "run.get_metrics('loss', rank=3, attempt=0)['loss']")
    assert len(first_start) == 35  # nothing that the killed process logged is lost


def test_submitted_ranks(stack: Stack, folder: Path) -> None:
    run_id = told(executed(stack, folder, "submit_ranks.py"), "submitted")
    run = run_of(stack, run_id)
    assert run["status"] == "Completed"
    logs = {each["name"] for each in stack.get(f"runs/{run_id}/logs")["logs"]}
    assert {f"user_logs/std_log_process_{rank:02}.txt" for rank in range(4)} <= logs
    assert len(asked(stack, run_id, "run.get_metrics('loss')['loss']")) == 80


def test_an_example_in_azures_own_folder_finds_the_local_stack(stack: Stack, folder: Path) -> None:
    (folder / ".azureml").mkdir()
    identifiers = {"subscription_id": "00000000-0000-0000-0000-000000000001", "resource_group": "Group"}
    (folder / ".azureml" / "config.json").write_text(json.dumps({**identifiers, "workspace_name": "Our_Workspace"}))
    parent = told(executed(stack, folder, "hyperparameters.py"), "parent")
    submitted = told(executed(stack, folder, "submit.py"), "submitted")  # and so does what it submits
    assert [run_of(stack, run_id)["status"] for run_id in (parent, submitted)] == ["Completed", "Completed"]


def test_the_snapshot_of_an_interactive_run_is_restored_by_another_process(stack: Stack, folder: Path) -> None:
    run_id = told(executed(stack, folder, "-c", SNAPSHOT), "run")
    run = run_of(stack, run_id)
    assert run["properties"]["ContentSnapshotId"] == run["snapshot_id"] == asked(stack, run_id, "run.get_snapshot_id()")
    archive = asked(stack, run_id, f"run.restore_snapshot(path={str(folder.parent)!r})")
    assert archive == str(folder.parent / f"{run['snapshot_id']}.zip")
    from runfold.snapshots import contents

    zipfile.ZipFile(archive).extractall(folder.parent / "restored")
    assert contents.of(folder.parent / "restored").snapshot_id == run["snapshot_id"]
    assert (folder.parent / "restored" / "large.bin").stat().st_size == 2_000_000


SNAPSHOT = """
import os
from azureml.core import Experiment, Workspace
os.mkdir("project")
open("project/large.bin", "wb").write(os.urandom(2_000_000))
open("project/train.py", "w").write("print(1)")
run = Experiment(Workspace.from_config(), "snapshots").start_logging(snapshot_directory="project", outputs=False)
print("run", run.id)
run.complete()
"""
