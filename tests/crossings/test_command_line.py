"""The command line on a whole stack, as a process of its own: its page tells the truth, scripts get JSON and nothing
else, and what is live is live.
"""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
import threading
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner

from runfold.shipper.sending import Cluster, Parcel
from runfold_deploy.command import app
from runfold_schemas import codec, exits, topics
from tests.consumers.api.saying import Saying
from tests.stack import COMMAND, Stack
from tests.waiting import until

PAGE = Path(__file__).parents[2] / "docs/how-to/command-line.md"
BLOCK = re.compile(r"^```(python|sh)\n(.*?)^```$", re.MULTILINE | re.DOTALL)

SAYS = """
import sys
from runfold import Experiment, Workspace
run = Experiment(Workspace.from_config(), "spoken").start_logging(run_id=sys.argv[1], snapshot_directory=None)
run.tag("team", "vision"); run.add_properties({"kept": "1"})
run.log("loss", 2.0); run.log("loss", float("nan")); run.log("loss", 1.0)
open("a.txt", "w").write("alpha"); run.upload_file("outputs/a.txt", "a.txt")
run.flush(); print("said", flush=True)
for line in sys.stdin:
    run.log("loss", float(line)); run.flush()
run.complete()
"""


CODES = """
from pathlib import Path
from runfold import Experiment, Workspace
experiment = Experiment(Workspace.from_config(), "codes")
Path("code").mkdir()
Path("code/same.py").write_text("same")
for number in (1, 2):
    Path("code/train.py").write_text(f"rate = {number}")
    experiment.start_logging(run_id=f"code_{number}", snapshot_directory="code", outputs=False).complete()
"""

Runfold = Callable[..., Any]


@pytest.fixture
def runfold(stack: Stack, monkeypatch: pytest.MonkeyPatch) -> Runfold:
    """Runs a command with --json in this process: what starting one costs is not what these tests are about."""

    def run(*words: str) -> Any:
        asked = [*words, "--json"]
        monkeypatch.setattr("sys.argv", ["runfold", *asked])
        done = CliRunner().invoke(app, asked, env=stack.environment, prog_name="runfold")
        assert "Traceback" not in done.stderr
        return done

    return run


@pytest.fixture(scope="module")
def spoken(stack: Stack, tmp_path_factory: pytest.TempPathFactory) -> str:
    """A run that has ended."""
    place = tmp_path_factory.mktemp("spoken")
    done = subprocess.run(
        [sys.executable, "-c", SAYS, "spoken_1"], cwd=place, env=stack.bare, input="0.5\n", capture_output=True,
        text=True, timeout=90, check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    return "spoken_1"


def test_the_page_tells_the_truth(stack: Stack, tmp_path: Path) -> None:
    path = f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}"
    for kind, block in BLOCK.findall(PAGE.read_text()):
        words = [sys.executable, "-c", block] if kind == "python" else ["bash", "-eo", "pipefail", "-c", block]
        done = subprocess.run(
            words,
            cwd=tmp_path,
            env=stack.bare | {"PATH": path},
            capture_output=True,
            text=True,
            timeout=90,
            check=False,
        )
        assert done.returncode == 0, f"{block}\n{done.stdout}{done.stderr}"
        assert "Traceback" not in done.stderr
    assert (tmp_path / "runs.parquet").read_bytes()[:4] == b"PAR1"
    assert json.loads((tmp_path / "latest.json").read_text()) == {"rate": 0.01}
    assert json.loads((tmp_path / "loss.json").read_text())["series"][0]["n"] == 21
    assert not list(tmp_path.glob(".*.part"))


DOCUMENTS = [
    ("runs", "list"),
    ("runs", "show", "{run}"),
    ("runs", "compare", "{run}", "{run}"),
    ("runs", "tags", "{run}"),
    ("experiments",),
    ("metrics", "list", "{run}"),
    ("metrics", "show", "{run}", "loss"),
    ("metrics", "plot", "{run}"),
    ("artifacts", "ls", "{run}"),
    ("artifacts", "get", "{run}", "outputs/a.txt", "--to", "{place}/a.txt"),
    ("artifacts", "preview", "{run}", "outputs/a.txt"),
    ("logs", "list", "{run}"),
    ("export", "{place}/points.arrow"),
    ("sql", "SELECT count(*) FROM runs"),
    ("health",),
    ("open", "{run}"),
    ("doctor",),
    ("status",),
    ("journal", "report"),
    ("topics", "show"),
    ("topics", "check"),
    ("runs", "tags", "{run}", "seen=yes"),
    ("access-tokens", "list"),
]
STREAMS = [
    ("runs", "list", "--all"),
    ("runs", "watch", "{run}"),
    ("events", "{run}"),
    ("decisions", "{run}"),
    ("deadletters", "list"),
]


@pytest.mark.parametrize("words", [*DOCUMENTS, *STREAMS], ids=" ".join)
def test_every_command_prints_json_and_nothing_else(
    words: tuple[str, ...], runfold: Runfold, spoken: str, tmp_path: Path
) -> None:
    done = runfold(*(word.format(run=spoken, place=tmp_path) for word in words))
    assert done.exit_code in (exits.OK, exits.NOTHING), done.stderr
    parts = [done.stdout] if words in DOCUMENTS else done.stdout.splitlines()
    for part in parts:
        assert isinstance(json.loads(part, parse_constant=lambda name: pytest.fail(f"{name} is no JSON")), dict)
    assert "\x1b" not in done.stdout + done.stderr


def test_runs_are_compared_down_to_the_files_of_their_code(stack: Stack, runfold: Runfold) -> None:
    stack.script(CODES)
    stack.run("ship", "--once")

    def told() -> Any:
        done = runfold("runs", "compare", "code_1", "code_2")
        return json.loads(done.stdout) if done.exit_code == exits.OK and not done.stderr else None

    until(told, 60, "both ZIPs to be stored")
    found = told()
    assert len(set(found["differences"]["code"])) == 2
    assert {path: [content["version"] for content in of_runs] for path, of_runs in found["files"].items()} == {
        "train.py": [0, 1]
    }
    assert "train.py" in stack.run("runs", "compare", "code_1", "code_2").stdout


def test_a_cancel_is_stated_and_what_is_refused_says_by_which_rule(runfold: Runfold, spoken: str) -> None:
    refused = runfold("runs", "cancel", spoken, "--reason", "too late")
    assert (refused.exit_code, refused.stdout) == (exits.FAILED, "")
    assert "status" in json.loads(refused.stderr)["error"]["message"]
    (asked,) = runfold("events", spoken, "--event", "CancelRequested").stdout.splitlines()
    assert (json.loads(asked)["verdict"], json.loads(asked)["body"]["reason"]) == ("refused", "too late")


def test_a_run_is_watched_until_its_end_and_what_is_said_meanwhile_is_seen(stack: Stack, tmp_path: Path) -> None:
    said = subprocess.Popen(
        [sys.executable, "-c", SAYS, "watched_1"], cwd=tmp_path, env=stack.bare, stdin=subprocess.PIPE,
        stdout=subprocess.PIPE, text=True,
    )  # fmt: skip
    assert said.stdin is not None
    assert said.stdout is not None
    assert said.stdout.readline() == "said\n"
    out = tmp_path / "watched"
    with out.open("w") as file:
        watch = subprocess.Popen(
            [*COMMAND, "runs", "watch", "watched_1", "-c", "metric.loss", "--exit-status", "--json"],
            env=stack.bare, stdout=file, stderr=subprocess.PIPE, text=True,
        )  # fmt: skip
    until(lambda: "Running" in out.read_text() or watch.poll() is not None, 30, "the first line")
    said.stdin.write("0.25\n")
    said.stdin.flush()
    until(lambda: "0.25" in out.read_text() or watch.poll() is not None, 30, "the point")
    said.stdin.close()
    assert said.wait(60) == 0
    assert watch.wait(30) == exits.OK, watch.stderr.read() if watch.stderr else ""
    lines = [json.loads(line) for line in out.read_text().splitlines()]
    assert lines[0]["run"]["status"] == "Running"
    assert lines[-1]["run"]["status"] == "Completed"
    assert any("points" in line["changed"] for line in lines)


def test_a_dead_letter_is_looked_at_and_sent_again_and_its_word_counts_then(stack: Stack, runfold: Runfold) -> None:
    """A record under the key of another run is set aside; sent again it stands under the right one."""
    told, said = stack.settings(), Saying("letter_1", "d" * 32)
    facts = topics.topics_of(told["topic_prefix"], told["workspace"]).facts
    partition = topics.partition(b"run/letter_1", 4)
    started, tagged = codec.encode(said.started()), codec.encode(said.tag("late", "yes"))
    cluster, done = Cluster(told["kafka"], told["topic_prefix"]), threading.Event()
    try:
        connection = cluster.connection()
        connection.route(told["workspace"], told["topic_prefix"])
        records = [(b"run/letter_1", started), (b"run/another", tagged)]
        connection.send(Parcel(facts, partition, records), done.set)
        assert done.wait(20)
    finally:
        cluster.close()

    def letters() -> list[dict[str, object]]:
        lines = runfold("deadletters", "list").stdout.splitlines()
        return [each for each in map(json.loads, lines) if each["partition"] == partition]

    until(letters, 30, "the dead letter")
    (letter,) = letters()
    place = f"{letter['topic']}/{letter['partition']}/{letter['offset']}"
    assert "run/another" in json.loads(runfold("deadletters", "show", place).stdout)["reason"]
    assert json.loads(runfold("runs", "tags", "letter_1").stdout)["tags"] == {}
    retried = json.loads(runfold("deadletters", "retry", place, "--reason", "wrong key").stdout)
    assert (retried["event"], retried["aggregate_id"]) == ("TagSet", "letter_1")
    tags = ("runs", "tags", "letter_1", "--not-before", retried["not_before"])
    until(lambda: json.loads(runfold(*tags).stdout)["tags"] == {"late": "yes"}, 20, "the tag")
    (on_record,) = runfold("events", "letter_1", "--event", "RecordRetried").stdout.splitlines()
    assert json.loads(on_record)["body"]["reason"] == "wrong key"
    twice = runfold("deadletters", "retry", place)
    assert (twice.exit_code, "again" in json.loads(twice.stderr)["error"]["message"]) == (exits.FAILED, True)


def test_the_doctor_finds_a_stack_well_and_says_what_is_wrong_without_one(runfold: Runfold, tmp_path: Path) -> None:
    well = json.loads(runfold("doctor").stdout)
    assert [each for each in well["checks"] if each["state"] == "fail"] == []
    areas = {each["area"] for each in well["checks"]}
    assert {"client", "API", "access token", "broker", "object store", "journals", "stack"} <= areas
    alone = subprocess.run(
        [*COMMAND, "doctor", "--json"],
        env={"PATH": os.environ["PATH"], "RUNFOLD_HOME": str(tmp_path), "RUNFOLD_API": "http://127.0.0.1:1"},
        capture_output=True, text=True, timeout=60, check=False,
    )  # fmt: skip
    assert alone.returncode == exits.FAILED
    wrong = [each for each in json.loads(alone.stdout)["checks"] if each["state"] == "fail"]
    assert {(each["area"], each["check"]) for each in wrong} >= {("API", "reach"), ("settings", "RUNFOLD_WORKSPACE")}
    assert all(each["remedy"] for each in wrong)
