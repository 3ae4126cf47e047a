"""What commands have in common: which run is meant, how errors end them, what is completed, what is opened. Pure."""

from __future__ import annotations

from datetime import datetime, timezone
from pathlib import Path
from typing import Any, cast

import pytest

from runfold.command import access_tokens, artifacts, border, completing, dead_letters, exporting, finding, opening
from runfold.command.border import Stopped
from runfold.command.printing import valid
from runfold.exceptions import (
    ArtifactNotFoundError,
    AuthenticationException,
    FilterError,
    FlushTimeoutError,
    NotYetVisibleError,
    RunNotFoundError,
    ServiceAwayError,
    ServiceException,
    UserErrorException,
)
from runfold_schemas import exits
from runfold_schemas.settings import SettingsError


@pytest.mark.parametrize(
    ("error", "exit"),
    [
        (AuthenticationException("no"), exits.REFUSED),
        (RunNotFoundError("r", "here"), exits.NOTHING),
        (ArtifactNotFoundError("a", []), exits.NOTHING),
        (ServiceException("no model", status_code=404), exits.NOTHING),
        (ServiceException("broken", status_code=500), exits.FAILED),
        (ServiceAwayError("API", "RUNFOLD_API", "http://x", "gone"), exits.AWAY),
        (ServiceAwayError("API", "RUNFOLD_API", None, "not set"), exits.USAGE),
        (NotYetVisibleError("RUNFOLD_API", None, "later", "w1.x"), exits.NOT_YET),
        (FilterError("expected a value", "status =", 8, ["a value"]), exits.USAGE),
        (UserErrorException("wrong"), exits.USAGE),
        (SettingsError("wrong"), exits.USAGE),
        (FlushTimeoutError(1.0, 1, 1), exits.FAILED),
        (OSError("disk full"), exits.FAILED),
        (Stopped("none", exits.NOTHING, "not_found"), exits.NOTHING),
    ],
)
def test_every_error_ends_a_command_with_the_code_that_is_documented(error: Exception, exit: int) -> None:
    assert border.exit_of(error) == exit
    assert exit in exits.MEANINGS
    assert border.error_document(error)["error"]["exit"] == exit


def test_a_message_has_no_frame_around_it() -> None:
    assert border.message_of(UserErrorException("what is wrong")) == "what is wrong"


def test_the_caret_stands_under_the_place_even_in_a_long_filter() -> None:
    text = "tag.a = 1 and " * 20 + "tag.b ="
    shown, caret, expected = border.pointed(FilterError("x", text, 14 * 20 + 6, ["a value"]), width=40)
    assert shown[caret.index("^")] == "="
    assert len(shown) <= 42
    assert expected == "  expected: a value"
    assert border.pointed(FilterError("x", "", None)) == []
    end, at = border.pointed(FilterError("x", "status =", 8))
    assert at.index("^") == len(end)


def test_a_filter_alone_stays_as_it_was_written() -> None:
    assert finding.filter_of("a  =  b") == "a  =  b"
    assert finding.filter_of("a = b or c = d", experiment='x"y', status=["Failed"]) == (
        '(a = b or c = d) and experiment = "x\\"y" and status in ("Failed")'
    )
    assert finding.filter_of(None) == ""


def test_lists_of_names_keep_commas_that_are_within_quotes_and_brackets() -> None:
    assert finding.names_in(["tag.a, metric.loss", 'tag."a,b"', '["t", "c"]', ""]) == [
        "tag.a",
        "metric.loss",
        'tag."a,b"',
        '["t", "c"]',
    ]


class Searched:
    """An API that finds what it was given, and remembers what it was asked."""

    workspace = "team-a"

    def __init__(self, *found: str) -> None:
        self.found, self.asked = found, list[str]()

    def search(self, q: str = "", **_: Any) -> dict[str, Any]:
        self.asked.append(q)
        return {"runs": [{"run_id": run_id} for run_id in self.found]}


def test_a_run_is_named_by_id_number_or_as_the_latest() -> None:
    api = Searched("digits_9")
    assert finding.run_id_of(cast(Any, api), "digits_1") == "digits_1"
    assert api.asked == []
    assert finding.run_id_of(cast(Any, api), "@latest") == "digits_9"
    assert finding.run_id_of(cast(Any, api), "digits#9") == "digits_9"
    assert api.asked == ["", 'experiment = "digits" and number = 9']
    assert finding.run_id_of(cast(Any, Searched()), "odd#9") == "odd#9"
    with pytest.raises(Stopped, match="holds no run"):
        finding.run_id_of(cast(Any, Searched()), "@latest")


def test_completion_that_finds_nobody_says_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    class Context:
        params: dict[str, Any] = {"workspace": "team-a"}  # noqa: RUF012

    monkeypatch.setenv("RUNFOLD_API", "http://127.0.0.1:1")
    monkeypatch.setattr(completing, "TIMEOUT_S", 0.05)
    assert completing.runs(Context(), "dig") == []
    monkeypatch.setenv("RUNFOLD_API", "not an address")
    assert completing.refs(Context(), "tag.a,met") == []


@pytest.mark.parametrize(("text", "seconds"), [("30d", 2_592_000.0), ("12h", 43_200.0), ("never", None)])
def test_ends_of_access_tokens_are_said_in_words(text: str, seconds: float | None) -> None:
    assert access_tokens.seconds_of(text) == seconds


@pytest.mark.parametrize("text", ["", "30", "0d", "-1d", "1y", "d"])
def test_an_end_that_is_none_is_refused(text: str) -> None:
    with pytest.raises(Stopped, match="--expires"):
        access_tokens.seconds_of(text)


def test_an_access_token_is_good_until_it_expires_or_is_revoked() -> None:
    now = datetime(2026, 11, 24, tzinfo=timezone.utc)
    assert access_tokens.state_of({"expires_at": None}, now) == "good"
    assert access_tokens.state_of({"expires_at": "2026-11-23T00:00:00Z"}, now) == "expired"
    assert access_tokens.state_of({"revoked_at": "2026-11-01T00:00:00Z"}, now) == "revoked"


def test_an_export_is_of_the_format_its_name_says() -> None:
    assert exporting.format_of(Path("a.PARQUET")) == "parquet"
    assert exporting.format_of(Path("a.jsonl")) == "ndjson"
    with pytest.raises(Stopped, match=r"allowed are \.parquet"):
        exporting.format_of(Path("a.csv"))


def test_places_of_dead_letters_are_read_back() -> None:
    assert dead_letters.place_of("runfold.team-a.facts/3/4711") == ("runfold.team-a.facts", 3, 4711)
    with pytest.raises(Stopped, match="TOPIC/PARTITION/OFFSET"):
        dead_letters.place_of("facts:3")


@pytest.mark.parametrize("path", ["../a", "/etc/passwd", "a/../../b", "a\x00b", ""])
def test_no_name_of_a_file_leads_out_of_the_folder(path: str) -> None:
    with pytest.raises(Stopped, match="leave the folder"):
        artifacts.placed([path], Path("here"), as_file=False)


def test_files_are_those_of_the_latest_attempt_that_wrote_them() -> None:
    found = [
        {"path": "outputs/a", "attempt": 0},
        {"path": "outputs/a", "attempt": 1},
        {"path": "outputs/b", "attempt": 0},
        {"path": "c", "attempt": 0},
    ]
    picked = artifacts.chosen(found, ["outputs/"], None)
    assert [(each["path"], each["attempt"]) for each in picked] == [("outputs/a", 1), ("outputs/b", 0)]
    assert [each["attempt"] for each in artifacts.chosen(found, ["outputs/a"], 0)] == [0]
    with pytest.raises(Stopped, match="it has outputs/a, outputs/b, c"):
        artifacts.chosen(found, ["d"], None)


def test_addresses_of_pages_hold_any_name() -> None:
    assert opening.address_of("http://h:1/", "team-a", []) == "http://h:1/w/team-a/runs"
    assert opening.address_of("http://h", "t", [], "a = b") == "http://h/w/t/runs?q=a+%3D+b"
    assert opening.address_of("http://h", "t", ["r/1 ä"]) == "http://h/w/t/runs/r%2F1%20%C3%A4"
    assert opening.address_of("http://h", "t", ["a", "b"]) == "http://h/w/t/compare?runs=a%2Cb"


def test_json_holds_no_number_that_is_none() -> None:
    assert valid({"a": [float("nan"), float("inf"), -float("inf"), 1.5]}) == {
        "a": ["NaN", "Infinity", "-Infinity", 1.5]
    }
