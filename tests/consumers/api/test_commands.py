"""The commands of `runfold` against a real API over a real database: what a script gets, and what a person sees."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, ClassVar, NamedTuple

import pytest
from typer.testing import CliRunner

from runfold.command import completing
from runfold_consumers.api.access import create_access_token
from runfold_consumers.artifacts.objects import Objects
from runfold_deploy.command import app
from runfold_schemas import events, exits
from tests.consumers.api.conftest import WORKSPACE, Ledger, serving
from tests.consumers.api.saying import A, B, Saying
from tests.services import OwnDatabase, Services

NAN, INF = float("nan"), float("inf")


class Ended(NamedTuple):
    """What a command said, and how it ended."""

    exit: int
    out: str
    err: str

    @property
    def json(self) -> Any:
        return json.loads(self.out)

    @property
    def lines(self) -> list[Any]:
        return [json.loads(line) for line in self.out.splitlines()]

    @property
    def error(self) -> Any:
        return json.loads(self.err)["error"]


Runfold = Callable[..., Ended]


QUIET = "team-q"
"""A workspace in which nothing was said."""


@pytest.fixture(scope="module")
def place(services: Services, migrated_template: str) -> Iterator[tuple[str, str, Ledger]]:
    """Address, database and ledger that these tests share; each says runs of its own."""
    objects = Objects(services.s3_address, services.s3_key, services.s3_secret, "test-commands")
    with OwnDatabase(services, migrated_template) as (_, conninfo), serving(conninfo, objects) as address:
        yield address, conninfo, Ledger(conninfo)


@pytest.fixture(scope="module")
def secret(place: tuple[str, str, Ledger]) -> str:
    """Of somebody with every scope."""
    workspaces = [WORKSPACE, QUIET]
    return create_access_token(place[1], principal="ann", workspaces=workspaces, scopes=["read", "write", "admin"])


@pytest.fixture
def ledger(place: tuple[str, str, Ledger]) -> Ledger:
    return place[2]


@pytest.fixture
def runfold(place: tuple[str, str, Ledger], secret: str, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Runfold:
    """Runs a command as somebody with every scope in the workspace, on a machine where nothing else is set."""
    environment = {
        "RUNFOLD_API": place[0],
        "RUNFOLD_ACCESS_TOKEN": secret,
        "RUNFOLD_WORKSPACE": WORKSPACE,
        "RUNFOLD_HOME": str(tmp_path),
        "COLUMNS": "160",
    }
    for name in ("RUNFOLD_KAFKA", "RUNFOLD_POSTGRES", "RUNFOLD_S3_ADDRESS", "RUNFOLD_JOURNAL"):
        monkeypatch.delenv(name, raising=False)
    runner = CliRunner()

    def run(*words: str, input: str | None = None, **more: str) -> Ended:
        with monkeypatch.context() as patched:
            for name, value in {**environment, **more}.items():
                patched.setenv(name, value)
            patched.setattr("sys.argv", ["runfold", *words])
            done = runner.invoke(app, words, input=input, prog_name="runfold")
        if done.exception is not None and not isinstance(done.exception, SystemExit):
            raise done.exception
        return Ended(done.exit_code, done.stdout, done.stderr)

    return run


@pytest.fixture(scope="module")
def said(place: tuple[str, str, Ledger]) -> Ledger:
    """Two runs of an experiment, one ended and one that runs, with tags, properties, metrics and a refusal."""
    ledger = place[2]
    for number, (run_id, writer) in enumerate((("digits_1", A), ("digits_2", B)), start=1):
        one = Saying(run_id, writer)
        ledger.say(
            one.opened(),
            one.started(display_name=f"try {number}"),
            events.RunEnrolled("experiment", "digits", writer, number, 0, run_id),
            one.tag("team", "vision"),
            one.tag("rate", str(number / 10)),
            one.properties(commit="abc"),
            one.properties(commit="abd"),
            one.status("Running"),
            one.logged("loss", 4.0, NAN, 2.0, 1.0 / number),
            one.logged("val/acc", 0.1, 0.5, INF),
        )
        if number == 1:
            ledger.say(one.ended("Completed"))
    return ledger


def test_runs_are_found_by_a_filter_and_shown_with_what_is_asked_for(said: Ledger, runfold: Runfold) -> None:
    found = runfold("runs", "list", "metric.loss.min < 0.75", "-c", "metric.loss,tag.rate", "--json")
    assert found.exit == exits.OK
    (run,) = found.json["runs"]
    assert (run["run_id"], run["status"], found.json["n"], found.json["of"]) == ("digits_2", "Running", 1, 1)
    assert run["values"] == {"metric.loss": 0.5, "tag.rate": "0.2"}
    table = runfold("runs", "list", "--sort", "metric.loss.min", "-c", "metric.loss")
    assert table.out.index("digits_2") < table.out.index("digits_1")
    assert "digits #1" in table.out
    assert "\x1b" not in table.out
    digits = ("runs", "list", "-e", "digits", "--sort", "created")
    assert runfold(*digits, "--ids").out == "digits_1\ndigits_2\n"
    assert [run["run_id"] for run in runfold(*digits, "--all", "--json").lines] == ["digits_1", "digits_2"]
    assert runfold(*digits, "--all", "--cursor", "x").exit == exits.USAGE


def test_nothing_found_has_a_code_of_its_own(said: Ledger, runfold: Runfold) -> None:
    none = runfold("runs", "list", "tag.team = audio", "--json")
    assert (none.exit, none.json["runs"]) == (exits.NOTHING, [])
    assert runfold("runs", "show", "nobody").exit == exits.NOTHING
    assert runfold("experiments").exit == exits.OK
    assert runfold("deadletters", "list", "-w", QUIET).exit == exits.NOTHING
    assert runfold("runs", "show", "@latest", "-w", QUIET).exit == exits.NOTHING
    assert runfold("runs", "show", "../digits_1").exit == exits.USAGE


def test_a_wrong_filter_is_shown_with_a_caret_under_its_place(said: Ledger, runfold: Runfold) -> None:
    wrong = runfold("runs", "list", "status = Failed oops")
    assert wrong.exit == exits.USAGE
    shown, caret = [line for line in wrong.err.splitlines() if line.startswith("  ")][:2]
    assert shown == "  status = Failed oops"
    assert shown[caret.index("^") :].startswith("oops")
    told = runfold("runs", "list", "status = Failed oops", "--json")
    assert told.out == ""
    assert (told.error["code"], told.error["position"], told.error["exit"]) == ("filter", 16, exits.USAGE)
    assert told.error["expected"]


def test_a_run_is_shown_by_id_number_or_as_the_latest(said: Ledger, runfold: Runfold) -> None:
    shown = runfold("runs", "show", "digits#2", "--json").json
    assert shown["run"]["run_id"] == "digits_2"
    assert {metric["name"]: metric["points"] for metric in shown["metrics"]} == {"loss": 4, "val/acc": 3}
    page = runfold("runs", "show", "digits_1").out
    for words in ("try 1", "Completed", "commit", "abc", "team", "vision", "loss", "val/acc"):
        assert words in page
    (latest,) = runfold("runs", "list", "--ids", "--limit", "1").out.splitlines()
    assert runfold("runs", "show", "@latest", "--json").json["run"]["run_id"] == latest


def test_runs_are_compared_by_what_differs(said: Ledger, runfold: Runfold) -> None:
    told = runfold("runs", "compare", "digits_1", "digits_2", "--json").json
    assert told["runs"] == ["digits_1", "digits_2"]
    assert told["differences"]["tag.rate"] == ["0.1", "0.2"]
    assert told["differences"]["metric.loss"] == [1.0, 0.5]
    assert "tag.team" not in told["differences"]
    assert "tag.team" in runfold("runs", "compare", "digits_1", "digits_2", "--all", "--json").json["differences"]
    assert "tag.rate" in runfold("runs", "compare", "digits_1", "digits_2").out


def test_points_come_as_json_csv_and_plot_and_say_what_is_not_finite(said: Ledger, runfold: Runfold) -> None:
    (series,) = runfold("metrics", "show", "digits_1", "loss", "--json").json["series"]
    assert (series["n"], series["of"], series["value"]) == (4, 4, [4.0, None, 2.0, 1.0])
    lines = runfold("metrics", "show", "digits_1", "loss", "--csv").out.splitlines()
    assert [line.rpartition(",")[2] for line in lines] == ["value", "4.0", "NaN", "2.0", "1.0"]
    plot = runfold("metrics", "plot", "digits_1", "digits_2", "-m", "loss").out
    assert "digits_1 · 4 points" in plot
    assert "NaN at 2" in plot
    assert "\x1b" not in plot
    assert [m["name"] for m in runfold("metrics", "list", "digits_1", "--prefix", "val", "--json").json["metrics"]] == [
        "val/acc"
    ]


def test_events_and_decisions_stream_line_by_line(said: Ledger, runfold: Runfold) -> None:
    told = runfold("events", "digits_1", "--json").lines
    assert [each["event"] for each in told][:2] == ["WriterOpened", "RunStarted"]
    (refused,) = runfold("decisions", "digits_1", "--json").lines
    (refusal,) = refused["refusals"]
    assert (refusal["key"], refusal["kept"], refusal["refused"]) == ("commit", "abc", "abd")
    table = runfold("decisions", "digits_1").out
    assert "abd" in table
    assert [each["event"] for each in runfold("events", "digits_1", "--limit", "1", "--json").lines] == ["WriterOpened"]


def test_who_may_not_and_who_is_away_have_codes_of_their_own(said: Ledger, runfold: Runfold) -> None:
    assert runfold("runs", "list", RUNFOLD_ACCESS_TOKEN="rft_wrong").exit == exits.REFUSED
    assert runfold("runs", "list", "-w", "other").exit == exits.REFUSED
    away = runfold("experiments", "--timeout", "0.1", "--json", RUNFOLD_API="http://127.0.0.1:1")
    assert (away.exit, away.error["code"]) == (exits.AWAY, "away")
    assert runfold("runs", "list", RUNFOLD_API="nowhere").exit == exits.USAGE
    assert runfold("runs", "list", RUNFOLD_API="").exit == exits.USAGE
    assert runfold("runs", "compare", "digits_1").exit == exits.USAGE
    for wrong in (("runs", "list", "--limit", "0"), ("runs", "list", "--nonsense"), ("runs", "show")):
        told = runfold(*wrong, "--json")
        assert (told.exit, told.out, told.error["code"], told.error["exit"]) == (2, "", "usage", 2)


def test_logs_are_listed_shown_from_their_end_and_lost_bytes_are_told(ledger: Ledger, runfold: Runfold) -> None:
    one = Saying("logs_1", "1" * 32)
    ledger.say(
        one.opened(), one.started(), one.log("user_logs/std_log.txt", b"one\ntwo\nthree\n"), one.log("b.txt", b"b")
    )
    assert [log["name"] for log in runfold("logs", "list", "logs_1", "--json").json["logs"]] == [
        "b.txt",
        "user_logs/std_log.txt",
    ]
    assert runfold("logs", "show", "logs_1").out == "one\ntwo\nthree\n"
    assert runfold("logs", "show", "logs_1", "--tail", "2").out == "two\nthree\n"
    assert runfold("logs", "show", "logs_1", "b.txt", "--json").json["text"] == "b"
    none = runfold("logs", "show", "logs_1", "c.txt")
    assert none.exit == exits.NOTHING
    assert "user_logs/std_log.txt" in none.err


def test_logs_children_and_decisions_are_told_as_they_were(ledger: Ledger, runfold: Runfold) -> None:
    parent, child = Saying("back_p", "4" * 32), Saying("back_c1", "5" * 32)
    ledger.say(parent.started(), parent.properties(p="1"), parent.log("out", b"one\n"))
    ledger.say(child.started(parent_run_id="back_p"), child.status("Running"), child.logged("loss", 3.0))
    then = runfold("runs", "show", "back_p", "--json").json["run"]["watermark"]
    ledger.say(parent.properties(p="2"), parent.log("out", b"two\n"), child.logged("loss", 1.0), child.ended("Failed"))
    ledger.say(Saying("back_c2", "6" * 32).started(parent_run_id="back_p"))
    for back, text, children, refused in (((), "one\ntwo\n", 2, 1), (("--as-of", then), "one\n", 1, 0)):
        assert runfold("logs", "show", "back_p", *back).out == text
        assert runfold("logs", "list", "back_p", "--json", *back).json["logs"][0]["bytes"] == len(text)
        of = ("runs", "list", "parent = back_p", "--sort", "created", "-c", "metric.loss", *back)
        assert runfold(*of, "--json").json["of"] == children
        assert len(runfold(*of, "--ids", "--all").out.split()) == children
        assert ("Running" in runfold(*of).out) == bool(back)
        assert len(runfold("decisions", "back_p", "--json", *back).lines) == refused
    wrong = runfold("runs", "list", "status = Running", "--as-of", then, "--json")
    assert wrong.exit == exits.USAGE
    assert "parent =" in wrong.error["message"]


def test_a_log_is_followed_from_its_last_lines_to_its_end(ledger: Ledger, runfold: Runfold) -> None:
    one = Saying("logs_2", "2" * 32)
    ledger.say(one.opened(), one.started(), one.log("log.txt", b"one\ntwo\n"), one.ended("Completed"), one.closed())
    assert runfold("logs", "follow", "logs_2", "--tail", "1").out == "two\n"
    (line,) = runfold("logs", "follow", "logs_2", "--json").lines
    assert line == {"text": "one\ntwo\n", "first": 1, "next": 9}


def test_runs_that_have_ended_are_watched_once_and_say_how_they_ended(said: Ledger, runfold: Runfold) -> None:
    ended = runfold("runs", "watch", "digits_1", "--exit-status", "--json")
    assert ended.exit == exits.OK
    (line,) = ended.lines
    assert (line["run"]["run_id"], line["run"]["status"]) == ("digits_1", "Completed")
    one = Saying("failed_1", "c" * 32)
    said.say(one.opened(), one.started(), one.status("Running"), one.ended("Failed"))
    assert runfold("runs", "watch", "digits_1", "failed_1", "--exit-status").exit == exits.FAILED
    assert runfold("runs", "watch", "digits_1", "failed_1").exit == exits.OK
    assert runfold("runs", "watch", "nobody").exit == exits.NOTHING
    assert runfold("runs", "watch", "digits_1", "--filter", "status = Failed").exit == exits.USAGE


def test_on_a_terminal_there_are_colours_and_a_live_table_and_no_color_is_obeyed(
    said: Ledger, runfold: Runfold
) -> None:
    live = runfold("runs", "watch", "digits_1", FORCE_COLOR="1")
    assert (live.exit, "\x1b[?25l" in live.out) == (exits.OK, True)
    assert "val/acc" in live.out.rpartition("digits_1")[2]
    assert "\x1b[32mCompleted" in runfold("runs", "list", FORCE_COLOR="1").out
    assert "\x1b[32m" not in runfold("runs", "list", FORCE_COLOR="1", NO_COLOR="1").out
    assert "\x1b[38" in runfold("metrics", "plot", "digits_1", FORCE_COLOR="1").out
    assert "\x1b" not in runfold("metrics", "plot", "digits_1", FORCE_COLOR="1", NO_COLOR="1").out


def test_an_access_token_is_made_shown_once_listed_and_revoked(said: Ledger, runfold: Runfold) -> None:
    made = runfold("access-tokens", "create", "ci", "--scope", "read", "--expires", "30d")
    assert made.exit == exits.OK, made.err
    secret = made.out.strip()
    assert secret.startswith("rft_")
    assert runfold("runs", "list", "--ids", RUNFOLD_ACCESS_TOKEN=secret).exit == exits.OK
    assert runfold("access-tokens", "list", RUNFOLD_ACCESS_TOKEN=secret).exit == exits.REFUSED
    (held,) = [t for t in runfold("access-tokens", "list", "--json").json["access_tokens"] if t["principal"] == "ci"]
    assert held["expires_at"] is not None
    assert "access_token" not in held
    assert secret not in runfold("access-tokens", "list").out
    assert runfold("access-tokens", "revoke", secret).exit == exits.USAGE
    assert runfold("access-tokens", "revoke", held["access_token_id"]).exit == exits.OK
    assert runfold("access-tokens", "revoke", held["access_token_id"]).exit == exits.NOTHING
    assert held["access_token_id"] not in runfold("access-tokens", "list").out
    assert "revoked" in runfold("access-tokens", "list", "--all").out


def test_dead_letters_are_listed_and_shown_by_their_place(ledger: Ledger, runfold: Runfold) -> None:
    ledger.execute(
        'INSERT INTO observed.dead_letters (workspace, topic, partition, "offset", kind, reason, value, broker_time)'
        " VALUES (%s, 'runfold.team-a.facts', 2, 41, 'poison', 'no event', '\\xc301ff41', now())",
        WORKSPACE,
    )
    (letter,) = runfold("deadletters", "list", "--json").lines
    assert (letter["topic"], letter["partition"], letter["offset"]) == ("runfold.team-a.facts", 2, 41)
    assert "runfold.team-a.facts/2/41" in runfold("deadletters", "list").out
    assert "c3 01 ff 41" in runfold("deadletters", "show", "runfold.team-a.facts/2/41").out
    assert runfold("deadletters", "show", "runfold.team-a.facts/2/42").exit == exits.NOTHING
    assert runfold("deadletters", "show", "facts").exit == exits.USAGE


def test_an_export_is_whole_or_not_there(said: Ledger, runfold: Runfold, tmp_path: Path) -> None:
    target = tmp_path / "points.ndjson"
    told = runfold("export", str(target), "--filter", "run_id = digits_1", "--json")
    assert told.exit == exits.OK
    assert told.json["bytes"] == target.stat().st_size
    assert len(target.read_text().splitlines()) == 7
    assert runfold("export", str(target)).exit == exits.FAILED
    assert runfold("export", str(target), "--filter", "oops", "--force").exit == exits.USAGE
    assert len(target.read_text().splitlines()) == 7
    assert runfold("export", str(tmp_path / "points.csv")).exit == exits.USAGE
    assert runfold("export", str(tmp_path / "none" / "a.arrow")).exit == exits.USAGE
    assert [path.name for path in tmp_path.iterdir() if path.is_file()] == ["points.ndjson"]


def test_files_of_a_run_are_listed(said: Ledger, runfold: Runfold) -> None:
    one = Saying("files_1", "9" * 32)
    said.say(one.opened(), one.started(), one.artifact("outputs/a"), one.artifact("outputs/\x1b[2J"))
    assert [each["path"] for each in runfold("artifacts", "ls", "files_1", "--json").json["artifacts"]] == [
        "outputs/\x1b[2J",
        "outputs/a",
    ]
    assert "\x1b" not in runfold("artifacts", "ls", "files_1").out
    assert runfold("artifacts", "ls", "files_1", "none").exit == exits.NOTHING
    assert runfold("artifacts", "get", "files_1", "none").exit == exits.NOTHING
    assert runfold("artifacts", "get", "files_1").exit == exits.USAGE


def test_health_and_tags_go_through_the_api(said: Ledger, runfold: Runfold) -> None:
    assert runfold("health", "--json").json["refusals"]["last_hour"] >= 0
    assert "dead letters" in runfold("health").out
    assert runfold("runs", "tags", "digits_1", "--json").json["tags"] == {"team": "vision", "rate": "0.1"}
    assert runfold("runs", "tags", "digits_1", "oops").exit == exits.USAGE


def test_ids_experiments_metrics_and_refs_are_completed_from_the_ledger(
    said: Ledger, place: tuple[str, str, Ledger], secret: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name, value in (("API", place[0]), ("ACCESS_TOKEN", secret), ("WORKSPACE", WORKSPACE)):
        monkeypatch.setenv(f"RUNFOLD_{name}", value)
    monkeypatch.setattr(completing, "TIMEOUT_S", 10.0)

    class Line:
        params: ClassVar[dict[str, Any]] = {"workspace": WORKSPACE, "runs": ["digits#1"]}

    assert sorted(word for word, _ in completing.runs(Line(), "dig")) == ["digits_1", "digits_2"]
    assert [word for word, _ in completing.experiments(Line(), "")] == ["digits"]
    assert [word for word, _ in completing.metrics(Line(), "val")] == ["val/acc"]
    assert "tag.team" in [word for word, _ in completing.refs(Line(), "tag.te")]
    assert "-created,-metric.loss.last" in [word for word, _ in completing.refs(Line(), "-created,-metric.lo")]
    assert "status = Failed and tag.rate" in [
        word for word, _ in completing.filters(Line(), "status = Failed and tag.r")
    ]
