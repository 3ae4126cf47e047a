"""Settings come in one order, and errors name the setting but never a secret."""

from __future__ import annotations

import json
import os
from pathlib import Path

import pytest

from runfold_schemas import settings
from runfold_schemas.settings import Settings, SettingsError


@pytest.fixture(autouse=True)
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    for name in [name for name in os.environ if name.startswith("RUNFOLD_")]:
        monkeypatch.delenv(name)
    monkeypatch.setenv("RUNFOLD_HOME", str(tmp_path))
    return tmp_path


def test_the_order_is_argument_environment_config_file_stack(home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (home / "stack.json").write_text(
        json.dumps({"kafka": "stack", "workspace": "stack", "api": "stack", "s3_key": "s"})
    )
    config = home / "config.json"
    config.write_text(json.dumps({"kafka": "file", "workspace": "file", "api": "file"}))
    monkeypatch.setenv("RUNFOLD_KAFKA", "environment")
    monkeypatch.setenv("RUNFOLD_WORKSPACE", "environment")
    loaded = Settings.load(config_file=config, kafka="argument", workspace=None)
    assert (loaded.kafka, loaded.workspace, loaded.api, loaded.s3_key) == ("argument", "environment", "file", "s")
    assert (loaded.topic_prefix, loaded.s3_bucket, loaded.exit_deadline_s) == ("runfold", "runfold", 10.0)


def test_keys_of_the_stack_that_are_no_settings_are_ignored(home: Path) -> None:
    (home / "stack.json").write_text(json.dumps({"kafka": "k", "services": [1], "pid": 7, "format": 1}))
    assert Settings.load().kafka == "k"


def test_an_empty_environment_variable_is_not_set(home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (home / "stack.json").write_text(json.dumps({"kafka": "stack"}))
    monkeypatch.setenv("RUNFOLD_KAFKA", "")
    monkeypatch.setenv("RUNFOLD_ATTEMPT", "")
    loaded = Settings.load()
    assert (loaded.kafka, loaded.attempt) == ("stack", None)


def test_a_wrong_value_is_told_with_its_setting_and_what_is_allowed(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("RUNFOLD_ATTEMPT", "second")
    monkeypatch.setenv("RUNFOLD_EXIT_DEADLINE_S", "-1")
    with pytest.raises(SettingsError) as caught:
        Settings.load()
    text = str(caught.value)
    assert "RUNFOLD_ATTEMPT" in text
    assert "'second'" in text
    assert "valid integer" in text
    assert "RUNFOLD_EXIT_DEADLINE_S" in text
    assert "greater than or equal to 0" in text


def test_secrets_are_shown_nowhere(home: Path) -> None:
    (home / "stack.json").write_text(json.dumps({"access_token": ["hush"], "postgres": "hush"}))
    with pytest.raises(SettingsError) as caught:
        Settings.load()
    assert "hush" not in str(caught.value)
    assert "RUNFOLD_ACCESS_TOKEN" in str(caught.value)
    loaded = Settings.load(access_token="hush", s3_secret="hush")
    assert "hush" not in repr(loaded)
    assert (loaded.need("access_token"), loaded.need("postgres")) == ("hush", "hush")


def test_a_setting_that_must_be_there_says_how_to_set_it() -> None:
    with pytest.raises(SettingsError, match=r"RUNFOLD_KAFKA is not set .* runfold up"):
        Settings.load().need("kafka")


def test_unknown_arguments_and_broken_files_are_told(home: Path) -> None:
    with pytest.raises(SettingsError, match="no setting is named kavka"):
        Settings.load(kavka="x")
    with pytest.raises(SettingsError, match=r"nowhere\.json does not exist"):
        Settings.load(config_file=home / "nowhere.json")
    (home / "stack.json").write_text("{")
    with pytest.raises(SettingsError, match=r"stack\.json cannot be read as JSON"):
        Settings.load()
    (home / "stack.json").write_text("[]")
    with pytest.raises(SettingsError, match="must hold a JSON object"):
        Settings.load()


def test_journals_lie_below_home_unless_told_otherwise(home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    assert Settings.load().journals() == home / "journals"
    monkeypatch.setenv("RUNFOLD_JOURNAL", str(home / "fast"))
    assert Settings.load().journals() == home / "fast"


def test_home_is_roots_or_the_users_where_nothing_names_one(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("RUNFOLD_HOME")
    monkeypatch.setattr(os, "geteuid", lambda: 0)
    assert settings.home() == Path("/var/lib/runfold")
    monkeypatch.setattr(os, "geteuid", lambda: 1000)
    monkeypatch.setenv("HOME", "/srv/somebody")
    assert settings.home() == Path("/srv/somebody/.local/state/runfold")
