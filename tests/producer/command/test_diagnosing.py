"""What the doctor says of what it found. Pure."""

from __future__ import annotations

from datetime import datetime, timedelta, timezone
from pathlib import Path
from typing import Any

import pytest

from runfold.command import diagnosing, probing
from runfold.command.diagnosing import Finding
from runfold.command.probing import Ground, JournalFound, Reached

NOW = datetime(2026, 11, 24, tzinfo=timezone.utc)


def states(*findings: Finding) -> list[str]:
    for each in findings:
        assert each.state == "pass" or each.remedy, f"{each} says no way out"
    return [each.state for each in findings]


@pytest.mark.parametrize("stage", ["address", "name", "connection", "tls"])
def test_how_far_one_got_is_told(stage: str) -> None:
    found = diagnosing.reached("API", "RUNFOLD_API", Reached("h", 1, [], 0.1, stage, "why", None), NOW)
    assert states(found) == ["fail"]
    assert "why" in found.found


@pytest.mark.parametrize("address", ["nonsense", "ftp://host", "http://", "http://host:port"])
def test_an_address_that_is_none_is_told_as_that(address: str) -> None:
    place = probing.reach_address(address, 0.1)
    assert (place.stage, states(diagnosing.reached("API", "RUNFOLD_API", place, NOW))) == ("address", ["fail"])
    assert place.error


def test_brokers_are_all_addresses_or_none_is() -> None:
    assert probing.brokers("a:9092, [::1]:1") == [("a", 9092), ("::1", 1)]
    assert [probing.brokers(text) for text in ("nonsense", "a:9092,b", "a:99999", ":1", "")] == [[]] * 5


def test_who_has_no_good_access_token_is_not_told_to_use_it() -> None:
    there, alone = (diagnosing.refused("it is expired", in_environment=known) for known in (True, False))
    assert states(there, alone) == ["fail", "fail"]
    assert ("unset it" in str(there.remedy), "unset it" in str(alone.remedy)) == (True, False)
    assert "ask whoever administers" in str(alone.remedy)


def test_another_program_at_the_address_is_told_as_that() -> None:
    found = diagnosing.stranger("http://h:1", "File not found")
    assert states(found) == ["fail"]
    assert "no Runfold API: File not found" in found.found


def test_a_workspace_that_is_not_there_is_not_taken_for_a_lack_of_rights() -> None:
    _, scopes = diagnosing.access_token(session(["read"], workspace="other"), "team-a", NOW, may_read=True)
    assert scopes.found == "team-a does not exist yet; there are other"


def test_a_certificate_that_ends_soon_is_told_before_it_does() -> None:
    def of(days: int) -> Finding:
        place = Reached("h", 443, ["10.0.0.1"], 0.01, "tls", None, NOW + timedelta(days=days))
        return diagnosing.reached("API", "RUNFOLD_API", place, NOW)

    assert states(of(90), of(3)) == ["pass", "warn"]


@pytest.mark.parametrize(
    ("ahead", "at_least", "state"),
    [
        (0.4, False, "pass"),
        (-5.0, False, "warn"),
        (-3600.0, False, "fail"),
        (90.0, False, "fail"),
        (-3600.0, True, "pass"),
        (120.0, True, "fail"),
        (None, True, "pass"),
    ],
)
def test_clocks_are_compared_as_far_as_they_can_be(ahead: float | None, at_least: bool, state: str) -> None:
    assert states(diagnosing.clock("broker", ahead, at_least=at_least)) == [state]


def test_versions_that_differ_in_more_than_a_patch_are_told() -> None:
    assert states(
        diagnosing.versions("0.1.0", "0.1.0"),
        diagnosing.versions("0.1.0", "0.1.7"),
        diagnosing.versions("0.1.0", "0.2.0"),
    ) == ["pass", "pass", "warn"]


def session(scopes: list[str], workspace: str = "team-a", days: float | None = None) -> dict[str, Any]:
    until = None if days is None else (NOW + timedelta(days=days)).isoformat()
    return {"principal": "ann", "workspaces": [{"workspace": workspace, "scopes": scopes}], "expires_at": until}


@pytest.mark.parametrize(
    ("held", "expected"),
    [
        (session(["read", "write"]), ["pass", "pass"]),
        (session(["read"], days=90), ["pass", "warn"]),
        (session(["read", "write"], days=2), ["warn", "pass"]),
        (session(["read"], workspace="other"), ["pass", "fail"]),
        (session(["read", "write"], workspace="*"), ["pass", "pass"]),
    ],
)
def test_an_access_token_is_judged_by_its_end_and_its_reach(held: dict[str, Any], expected: list[str]) -> None:
    assert states(*diagnosing.access_token(held, "team-a", NOW)) == expected


def test_permissions_that_are_lacking_are_named() -> None:
    needed = {"facts": frozenset(("WRITE",)), "telemetry": frozenset(("WRITE",))}
    lacking = diagnosing.permissions({"facts": frozenset(("READ",)), "telemetry": frozenset(("WRITE",))}, needed)
    assert (lacking.state, lacking.found) == ("fail", "lacking: WRITE on facts")
    assert states(diagnosing.permissions({"facts": frozenset()}, needed)) == ["pass"]


def journal(**fields: Any) -> JournalFound:
    whole = {"writer_id": "a" * 32, "workspace": "w", "is_bound": True, "is_alive": False, "is_sent": False}
    return JournalFound(**{**whole, "unacknowledged_bytes": 100, "age_s": 7200.0, **fields})


def test_journals_that_nobody_sends_are_told_with_what_to_do() -> None:
    assert states(*diagnosing.journals([])) == ["pass"]
    assert states(*diagnosing.journals([journal(is_sent=True)])) == ["pass"]
    (unsent,) = diagnosing.journals([journal(), journal(age_s=1.0)])
    assert (unsent.state, unsent.remedy) == ("warn", "runfold ship --once")
    assert "2 of processes that have ended" in unsent.found
    _, offline = diagnosing.journals([journal(is_bound=False)])
    assert (offline.check, offline.state) == ("offline", "warn")
    _, running = diagnosing.journals([journal(is_alive=True, unacknowledged_bytes=1 << 30)])
    assert (running.check, running.state) == ("running", "warn")


def test_a_disk_that_is_full_and_a_file_system_that_is_slow_are_told() -> None:
    good = Ground(Path("j"), True, None, "ext4", True, 1 << 40, 1 << 41)
    assert states(*diagnosing.ground(good)) == ["pass", "pass"]
    assert states(*diagnosing.ground(good._replace(may_map=False, file_system="nfs4"))) == ["warn", "pass"]
    assert states(*diagnosing.ground(good._replace(free_bytes=1 << 20))) == ["pass", "fail"]
    assert states(*diagnosing.ground(good._replace(error="j may not be written"))) == ["fail"]


def test_services_that_are_not_ready_are_named() -> None:
    assert states(diagnosing.stack(None), diagnosing.stack([])) == ["pass", "warn"]
    ill = diagnosing.stack([{"name": "api", "health": "crashed"}, {"name": "kafka", "health": "ready"}])
    assert (ill.state, ill.found) == ("fail", "api is crashed")


def test_the_worst_finding_decides() -> None:
    a, b = Finding("x", "y", "pass", ""), Finding("x", "y", "warn", "")
    assert diagnosing.worst([a]) == "pass"
    assert diagnosing.worst([a, b]) == "warn"
    assert diagnosing.worst([a, b, Finding("x", "y", "fail", "")]) == "fail"


def test_settings_are_told_with_their_origin_and_without_their_secrets(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from runfold_schemas.settings import Settings

    for name in Settings.model_fields:
        monkeypatch.delenv(f"RUNFOLD_{name.upper()}", raising=False)
    monkeypatch.setenv("RUNFOLD_HOME", str(tmp_path))
    monkeypatch.setenv("RUNFOLD_ACCESS_TOKEN", "rft_secret")
    (tmp_path / "stack.json").write_text('{"api": "http://127.0.0.1:8400", "workspace": "local"}')
    found = probing.origins(Settings.load(workspace="team-a"), ["workspace"])
    assert {each.name: (each.value, each.source) for each in found} == {
        "RUNFOLD_API": ("http://127.0.0.1:8400", str(tmp_path / "stack.json")),
        "RUNFOLD_ACCESS_TOKEN": ("********", "environment"),
        "RUNFOLD_WORKSPACE": ("team-a", "command line"),
    }
