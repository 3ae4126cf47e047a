"""What is drawn once: ports and jars. No registry's address stands in a file, and nothing unpinned is taken."""

from __future__ import annotations

import hashlib
import http.server
import os
import re
import socket
import threading
from collections.abc import Iterator
from importlib.resources import files
from pathlib import Path

import pytest

from runfold_deploy.stack import downloads, layout, ports
from runfold_deploy.stack.downloads import Jar
from runfold_deploy.stack.errors import StackError

BODY = b"a jar" * 1000
JAR = Jar("org/example/a.jar", hashlib.sha256(BODY).hexdigest(), len(BODY))


@pytest.fixture
def repository(tmp_path: Path) -> Iterator[str]:
    """A Maven repository with one file."""
    (tmp_path / "org" / "example").mkdir(parents=True)
    (tmp_path / "org" / "example" / "a.jar").write_bytes(BODY)

    class Quiet(http.server.SimpleHTTPRequestHandler):
        def __init__(self, *arguments: object) -> None:
            super().__init__(*arguments, directory=str(tmp_path))  # type: ignore[arg-type]

        def log_message(self, format: str, *arguments: object) -> None:
            pass

    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), Quiet) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        yield f"http://127.0.0.1:{server.server_port}/"
        server.shutdown()


def test_the_lock_pins_every_file_and_names_no_host() -> None:
    text = files("runfold_deploy.stack").joinpath("kafka.lock.json").read_text()
    assert not re.search(r"://|\bwww\.|maven\.org", text)
    lock = downloads.kafka_lock()
    assert any(jar.name == f"kafka-clients-{lock.kafka}.jar" for jar in lock.jars)
    assert all(re.fullmatch(r"[0-9a-f]{64}", jar.sha256) and jar.size > 0 for jar in lock.jars)
    assert len({jar.name for jar in lock.jars}) == len(lock.jars)


def test_constraints_name_versions_and_no_host() -> None:
    for line in Path("constraints.txt").read_text().splitlines():
        assert line.startswith("#") or re.fullmatch(r'[A-Za-z0-9._-]+==[^ :/]+ ; python_version >= "3\.11"', line), line


def test_the_repository_is_the_setting_then_mavens_mirror_then_the_public_one(tmp_path: Path) -> None:
    home = {"HOME": str(tmp_path)}
    assert downloads.maven_repository(home).startswith("https://")
    (tmp_path / ".m2").mkdir()
    (tmp_path / ".m2" / "settings.xml").write_text(
        '<settings xmlns="http://maven.apache.org/SETTINGS/1.0.0"><mirrors>'
        "<mirror><mirrorOf>apache-snapshots</mirrorOf><url>https://snapshots.example</url></mirror>"
        "<mirror><mirrorOf>*,!internal</mirrorOf><url>https://mirror.example/maven</url></mirror>"
        "</mirrors></settings>"
    )
    assert downloads.maven_repository(home) == "https://mirror.example/maven"
    assert (
        downloads.maven_repository({**home, "RUNFOLD_MAVEN_REPOSITORY": "https://own.example"}) == "https://own.example"
    )


def test_a_jar_arrives_whole_and_is_not_fetched_twice(tmp_path: Path, repository: str) -> None:
    arrived: list[int] = []
    folder = tmp_path / "jars"
    downloads.fetch(folder, [JAR], {"RUNFOLD_MAVEN_REPOSITORY": repository}, arrived.append)
    assert (folder / "a.jar").read_bytes() == BODY
    assert sum(arrived) == len(BODY)
    assert downloads.missing(folder, downloads.Lock("1", (JAR,), "digest")) == []


@pytest.mark.parametrize(
    ("jar", "told"),
    [(JAR._replace(sha256="0" * 64), "pinned is 0000"), (JAR._replace(path="org/example/b.jar"), "404")],
)
def test_what_is_not_the_pinned_jar_is_refused_and_leaves_nothing(
    tmp_path: Path, repository: str, jar: Jar, told: str
) -> None:
    with pytest.raises(StackError, match=told) as refused:
        downloads.fetch(tmp_path / "jars", [jar], {"RUNFOLD_MAVEN_REPOSITORY": repository}, lambda _: None)
    assert "RUNFOLD_MAVEN_REPOSITORY" in str(refused.value)
    assert list((tmp_path / "jars").iterdir()) == []


def test_a_repositorys_password_is_not_told(tmp_path: Path) -> None:
    with pytest.raises(StackError) as refused:
        downloads.fetch(tmp_path, [JAR], {"RUNFOLD_MAVEN_REPOSITORY": "http://me:hidden@127.0.0.1:9"}, lambda _: None)
    assert "hidden" not in str(refused.value)


def test_ports_are_chosen_once_and_leave_room_for_seaweedfs() -> None:
    kept = {"b": 1234}
    chosen = ports.choose(["a", "b", "c"], kept)
    assert chosen["b"] == 1234
    assert len(set(chosen.values())) == 3
    assert all(ports.FIRST <= chosen[name] < ports.LAST for name in ("a", "c"))
    assert ports.choose(["a", "b", "c"], chosen) == chosen


def test_a_port_that_somebody_listens_on_is_not_free() -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = taken.getsockname()[1]
        assert not ports.is_free(port)
        assert str(os.getpid()) in ports.holder(port)


def test_a_file_of_the_stack_that_was_damaged_is_named(tmp_path: Path) -> None:
    (tmp_path / "services.json").write_text('{"services": [')
    with pytest.raises(StackError, match=r"services\.json cannot be read"):
        layout.read(tmp_path / "services.json")
