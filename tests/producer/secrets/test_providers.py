"""Secrets come from where they are configured, in that order; what is away is no missing secret; no value shows."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path

import keyring
import pytest
from keyring.backend import KeyringBackend

from runfold.exceptions import AuthenticationException, ServiceAwayError, UserErrorException
from runfold.secrets import providers
from runfold.secrets.providers import CONTENT_TYPE, Chain, Place, Stored
from tests.producer.secrets.vault_server import TOKEN, VaultServer, serving

DEFAULT = "environment,files,keyring,vault"
VALUE = "s3cr3t-välue\n"


class FileKeyring(KeyringBackend):
    """A keyring in a file."""

    priority = 1

    def __init__(self, path: Path) -> None:
        super().__init__()  # type: ignore[no-untyped-call]
        self.path = path

    def _known(self) -> dict[str, str]:
        known: dict[str, str] = json.loads(self.path.read_text()) if self.path.exists() else {}
        return known

    def get_password(self, service: str, username: str) -> str | None:
        return self._known().get(f"{service}|{username}")

    def set_password(self, service: str, username: str, password: str) -> None:
        self.path.write_text(json.dumps({**self._known(), f"{service}|{username}": password}))

    def delete_password(self, service: str, username: str) -> None:
        known = self._known()
        del known[f"{service}|{username}"]
        self.path.write_text(json.dumps(known))


@pytest.fixture
def file_keyring(tmp_path: Path) -> Iterator[FileKeyring]:
    before, made = keyring.get_keyring(), FileKeyring(tmp_path / "keyring.json")
    keyring.set_keyring(made)
    yield made
    keyring.set_keyring(before)


@pytest.fixture
def vault(monkeypatch: pytest.MonkeyPatch) -> Iterator[VaultServer]:
    with serving() as server:
        monkeypatch.setenv("VAULT_ADDR", server.address)
        monkeypatch.setenv("VAULT_TOKEN", TOKEN)
        yield server


def chain(order: str, directory: Path | None = None, path: str = "kv/runfold/{workspace}") -> Chain:
    return providers.chain("team-a", order, DEFAULT, directory, path)


def test_an_environment_variable_is_found_by_the_secrets_name(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("RUNFOLD_SECRET_DB_PASSWORD_2", VALUE)
    monkeypatch.setenv("RUNFOLD_SECRET_EMPTY", "")
    asked = chain("environment")
    assert asked.get("db-password.2") == ("environment", Stored(VALUE, CONTENT_TYPE))
    assert asked.get("empty").secret == Stored("", CONTENT_TYPE)
    assert asked.get("other") == ("environment", None)
    assert {"db-password-2", "empty"} <= set(asked.names())


def test_a_mounted_file_loses_the_newline_of_its_editor_and_no_other(tmp_path: Path) -> None:
    for name, data in (("a", b"x\n"), ("b", b"x\n\n"), ("c", b"x\r\n"), ("d", b"x"), (".hidden", b"x")):
        (tmp_path / name).write_bytes(data)
    (tmp_path / "binary").write_bytes(b"\xff\xfe")
    asked = chain("files", tmp_path)
    assert [asked.get(name).secret.value for name in "abcd"] == ["x", "x\n", "x", "x"]  # type: ignore[union-attr]
    assert list(asked.names()) == ["a", "b", "binary", "c", "d"]
    with pytest.raises(UserErrorException, match="UTF-8") as raised:
        asked.get("binary")
    assert "xff" not in str(raised.value)


@pytest.mark.parametrize("value", [VALUE, "", "a\r\n", "a\r", "\n", "ends\n\n"])
@pytest.mark.parametrize("provider", ["files", "keyring", "vault"])
def test_what_is_set_is_read_back_until_it_is_deleted(
    provider: str, value: str, tmp_path: Path, file_keyring: FileKeyring, vault: VaultServer
) -> None:
    (tmp_path / "s").mkdir()
    asked = chain(provider, tmp_path / "s")
    assert asked.set("name", value, "text/plain") == provider
    answer = asked.get("name")
    assert answer.provider == provider
    assert answer.secret is not None
    assert answer.secret.value == value
    assert answer.secret.content_type == (CONTENT_TYPE if provider == "files" else "text/plain")
    assert list(asked.names()) == ["name"]
    asked.set("name", "other", CONTENT_TYPE)
    assert asked.get("name").secret.value == "other"  # type: ignore[union-attr]
    asked.delete("name")
    assert asked.get("name").secret is None
    with pytest.raises(UserErrorException, match="no secret 'name'"):
        asked.delete("name")
    assert provider != "files" or list((tmp_path / "s").iterdir()) == []


def test_a_file_of_a_secret_is_its_owners_alone(tmp_path: Path) -> None:
    chain("files", tmp_path).set("name", VALUE, CONTENT_TYPE)
    assert (tmp_path / "name").stat().st_mode & 0o777 == 0o600


def test_both_ways_in_which_vaults_are_laid_out_are_read(vault: VaultServer) -> None:
    vault.secrets["runfold/team-a"] = [{"together": "one", "number": 7}]
    vault.secrets["runfold/team-a/own"] = [{"value": "two"}]
    vault.secrets["runfold/team-a/single"] = [{"password": "three"}]
    vault.secrets["runfold/team-a/folder/inner"] = [{"value": "four"}]
    asked = chain("vault")
    found = {name: asked.get(name).secret for name in ("together", "own", "single", "number", "none")}
    assert {name: each.value if each else None for name, each in found.items()} == {
        "together": "one",
        "own": "two",
        "single": "three",
        "number": "7",
        "none": None,
    }
    assert set(asked.names()) == {"together", "number", "own", "single"}


def test_the_first_provider_that_has_it_answers(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "a").write_text("file")
    monkeypatch.setenv("RUNFOLD_SECRET_A", "variable")
    assert chain("environment,files", tmp_path).get("a").secret.value == "variable"  # type: ignore[union-attr]
    assert chain("files,environment", tmp_path).get("a").secret.value == "file"  # type: ignore[union-attr]


def test_the_first_provider_that_lists_it_says_what_it_is(tmp_path: Path, file_keyring: FileKeyring) -> None:
    (tmp_path / "a").write_text("file")
    chain("keyring").set("a", "ring", "text/plain")
    (tmp_path / file_keyring.path.name).rename(tmp_path / ".keyring")
    file_keyring.path = tmp_path / ".keyring"
    assert chain("files,keyring", tmp_path).names() == {"a": CONTENT_TYPE}
    assert chain("keyring,files", tmp_path).names() == {"a": "text/plain"}


def test_a_secret_is_not_set_behind_one_that_would_be_read_instead(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("RUNFOLD_SECRET_A", "variable")
    asked = chain("environment,files", tmp_path)
    with pytest.raises(UserErrorException, match="environment"):
        asked.set("a", VALUE, CONTENT_TYPE)
    with pytest.raises(UserErrorException, match="environment"):
        asked.delete("a")
    assert asked.set("b", VALUE, CONTENT_TYPE) == "files"


def test_a_vault_that_is_away_or_refuses_is_no_missing_secret(
    vault: VaultServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("VAULT_TOKEN", "wrong")
    with pytest.raises(AuthenticationException, match="VAULT_TOKEN"):
        chain("vault").get("a")
    monkeypatch.setenv("VAULT_ADDR", "http://127.0.0.1:9")
    with pytest.raises(ServiceAwayError, match="VAULT_ADDR"):
        chain("vault").get("a")


def test_nobody_configured_means_nothing_is_found_and_setting_says_what_to_do(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.delenv("VAULT_ADDR", raising=False)
    keyring.set_keyring(keyring.backends.fail.Keyring())  # type: ignore[no-untyped-call]
    asked = chain(DEFAULT)
    assert asked.get("a") == ("environment", None)
    with pytest.raises(UserErrorException) as raised:
        asked.set("a", VALUE, CONTENT_TYPE)
    for word in ("RUNFOLD_SECRETS", "RUNFOLD_SECRETS_DIRECTORY", "VAULT_ADDR", "keyring"):
        assert word in raised.value.message
    assert "s3cr3t" not in str(raised.value)


@pytest.mark.parametrize("name", ["", "a b", "../x", ".x", "a/b", "ü", "x" * 128, None, 7])
def test_a_name_that_is_none_is_refused(name: object) -> None:
    with pytest.raises(UserErrorException, match="1 to 127"):
        chain("environment").get(name)


@pytest.mark.parametrize("value", [None, 7, b"bytes", "nul\0", "x" * 25_601])
def test_a_value_that_cannot_be_kept_is_refused_without_being_shown(value: object, tmp_path: Path) -> None:
    with pytest.raises(UserErrorException) as raised:
        chain("files", tmp_path).set("a", value, CONTENT_TYPE)
    assert "bytes'" not in str(raised.value)
    assert list(tmp_path.iterdir()) == []


def test_a_provider_that_nobody_provides_is_told_with_those_that_exist() -> None:
    with pytest.raises(UserErrorException, match="environment, files, keyring, vault"):
        chain("environment,keepass")


def test_no_repr_shows_a_value() -> None:
    assert "s3cr3t" not in repr(Stored(VALUE, "t")) + repr(providers.Answer("x", Stored(VALUE, "t")))
    assert Place("w", None, "p", True).workspace == "w"
