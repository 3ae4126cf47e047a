"""The local stack's promises, on its three engines: what is up stays, what fell is raised, what is strange is told."""

from __future__ import annotations

import io
import json
import os
import signal
import socket
import stat
from contextlib import closing

import psutil
import psycopg
import pytest
import urllib3

from runfold_deploy.stack import ports
from tests.deploy.stacks import ENGINES, LocalStack, processes_of
from tests.services import Services, s3_client
from tests.waiting import until

pytestmark = pytest.mark.slow


def kill(stack: LocalStack, *names: str) -> None:
    """SIGKILL, and gone when it returns."""
    fallen = [pid for name, pid in stack.pids().items() if name in names]
    for pid in fallen:
        os.kill(pid, signal.SIGKILL)
    until(lambda: not any(map(alive, fallen)), 5, f"the end of {fallen}")


def alive(pid: int) -> bool:
    try:
        return psutil.Process(pid).status() != psutil.STATUS_ZOMBIE
    except psutil.NoSuchProcess:
        return False


def test_engines_are_ready_when_up_returns(running: LocalStack) -> None:
    settings = running.settings()
    with psycopg.connect(settings["postgres"]) as connection:
        assert connection.execute("SELECT current_database()").fetchone() == ("runfold",)
    host, port = settings["kafka"].split(":")
    socket.create_connection((host, int(port)), 2).close()
    address, key, secret = settings["s3_address"], settings["s3_key"], settings["s3_secret"]
    client = s3_client(Services(settings["kafka"], settings["postgres"], address, key, secret))
    client.make_bucket(bucket_name="ready")
    assert client.bucket_exists(bucket_name="ready")


def test_status_has_the_shape_of_the_design(running: LocalStack) -> None:
    services = running.status()
    assert [service["name"] for service in services] == list(ENGINES)
    for service in services:
        assert service.keys() == {"name", "pid", "address", "log", "health"}
        assert service["health"] == "ready"
        assert alive(service["pid"])
        assert os.path.getsize(service["log"]) > 0  # noqa: PTH202


def test_a_pid_is_the_services_own(running: LocalStack) -> None:
    programs = {name: psutil.Process(pid).exe().rpartition("/")[2] for name, pid in running.pids().items()}
    assert programs == {"kafka": "java", "postgres": "postgres", "s3": "weed"}
    assert all(os.getsid(pid) == pid for pid in running.pids().values())


def test_secrets_are_for_the_owner_alone(running: LocalStack) -> None:
    for name in ("stack.json", "secrets.json", "services.json", "s3/identities.json"):
        assert stat.S_IMODE((running.home / name).stat().st_mode) == 0o600, name
    settings = running.settings()
    assert settings["secrets_directory"] == str(running.home / "secrets")
    assert stat.S_IMODE((running.home / "secrets").stat().st_mode) == 0o700
    for command in (" ".join(psutil.Process(pid).cmdline()) for pid in running.pids().values()):
        assert settings["s3_secret"] not in command
        assert settings["postgres"].split(":")[2].split("@")[0] not in command


def test_a_second_up_is_harmless(running: LocalStack) -> None:
    before, settings = running.pids(), running.settings()
    said = running.up_engines()
    assert running.pids() == before
    assert running.settings() == settings
    assert "starting" not in said


def test_two_up_at_once_start_each_service_once(running: LocalStack) -> None:
    running.run("down")
    first, second = (running.begin("up", "--only", ",".join(ENGINES)) for _ in range(2))
    answers = [process.communicate(timeout=120) for process in (first, second)]
    assert (first.returncode, second.returncode) == (0, 0), answers
    assert sorted(process.pid for process in processes_of(running)) == sorted(running.pids().values())


@pytest.mark.parametrize("fallen", [*([name] for name in ENGINES), list(ENGINES)], ids=lambda names: "+".join(names))
def test_what_was_killed_is_told_and_started_again_at_its_address(running: LocalStack, fallen: list[str]) -> None:
    before, settings = running.status(), running.settings()
    kill(running, *fallen)
    assert running.health(ends=1) == {name: "crashed" if name in fallen else "ready" for name in ENGINES}

    said = running.up_engines()

    assert all(f"{name} (pid" in said for name in fallen)
    after = running.status()
    assert [service["address"] for service in after] == [service["address"] for service in before]
    kept = [(old["pid"], new["pid"]) for old, new in zip(before, after, strict=True) if old["name"] not in fallen]
    assert all(old == new for old, new in kept)
    assert running.settings() == settings


@pytest.mark.parametrize("name", ENGINES)
def test_a_frozen_service_is_told_and_never_killed(running: LocalStack, name: str) -> None:
    pid = running.pids()[name]
    os.kill(pid, signal.SIGSTOP)
    try:
        assert running.health(ends=1)[name] == "frozen"
        assert f"kill -CONT {pid}" in running.up_engines(ends=1)
        assert psutil.Process(pid).status() == psutil.STATUS_STOPPED
    finally:
        os.kill(pid, signal.SIGCONT)
    until(lambda: running.begin("status").wait() == 0, 10, f"{name} to be ready after it was let go on")
    assert running.pids()[name] == pid


def test_it_starts_after_a_power_off(running: LocalStack) -> None:
    """Everything killed at once, and every file left behind speaks of another boot: pids in it may be anybody's now."""
    bystander = os.getpid()
    kill(running, *ENGINES)
    (running.home / "postgres" / "boot-id").write_text("another boot")
    lines = (running.home / "postgres" / "data" / "postmaster.pid").read_text().splitlines()
    (running.home / "postgres" / "data" / "postmaster.pid").write_text("\n".join([str(bystander), *lines[1:], ""]))

    def other_boot(body: dict[str, list[dict[str, dict[str, object]]]]) -> None:
        for service in body["services"]:
            service["identity"] |= {"pid": bystander, "boot_id": "another boot"}

    running.edit("services.json", other_boot)
    assert set(running.health(ends=1).values()) == {"crashed"}
    assert "the machine's last start" in running.up_engines()
    assert set(running.health().values()) == {"ready"}


def test_bodies_are_not_to_be_had_past_the_s3_servers_login(running: LocalStack) -> None:
    """Filer and volume server have HTTP ports of their own."""
    settings = running.settings()
    address, key, secret = settings["s3_address"], settings["s3_key"], settings["s3_secret"]
    client = s3_client(Services(settings["kafka"], settings["postgres"], address, key, secret))
    client.make_bucket(bucket_name="closed")
    client.put_object("closed", "body", io.BytesIO(b"secret"), 6)
    assert client.get_object("closed", "body").data == b"secret"
    by_name = json.loads((running.home / "ports.json").read_text())
    filer = f"http://127.0.0.1:{by_name['s3-filer']}/buckets"
    master, volume = (f"http://127.0.0.1:{by_name[name]}" for name in ("s3-master", "s3-volume"))
    place = urllib3.request("GET", f"{master}/dir/assign").json()["fid"]
    for method, url in (
        ("GET", f"{filer}/closed/"),
        ("GET", f"{filer}/closed/body"),
        ("PUT", f"{filer}/closed/body"),
        ("DELETE", f"{filer}/closed/body"),
        ("PUT", f"{volume}/{place}"),
        ("GET", f"{volume}/{place}"),
    ):
        assert urllib3.request(method, url, body=b"x" if method == "PUT" else None).status == 401, (method, url)


def test_a_service_that_nobody_wrote_down_is_replaced(running: LocalStack) -> None:
    """`up` was killed between the start of a process and the writing of its pid."""
    before = running.pids()
    running.edit("services.json", lambda body: body["services"].clear())
    running.up_engines()
    assert not any(alive(pid) for pid in before.values())
    assert sorted(process.pid for process in processes_of(running)) == sorted(running.pids().values())


def test_a_taken_port_is_told_with_its_holder_and_the_way_out(running: LocalStack) -> None:
    kill(running, "s3")
    port = int(running.settings()["s3_address"].rpartition(":")[2])
    until(lambda: ports.is_free(port), 5, f"port {port} to be free")
    with closing(socket.socket()) as thief:
        thief.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        thief.bind(("127.0.0.1", port))
        thief.listen()
        said = running.up_engines(ends=1)
    assert f"port {port} of s3" in said
    assert str(os.getpid()) in said
    assert "--new-ports" in said
    running.up_engines()


def test_ports_are_kept_over_down_and_data_too(running: LocalStack) -> None:
    settings = running.settings()
    with psycopg.connect(settings["postgres"]) as connection:
        connection.execute("CREATE TABLE kept (word text)")
        connection.execute("INSERT INTO kept VALUES ('here')")
    running.run("down")
    assert processes_of(running) == []
    assert running.status(ends=3) == []
    running.up_engines()
    assert running.settings() == settings
    with psycopg.connect(settings["postgres"]) as connection:
        assert connection.execute("SELECT word FROM kept").fetchall() == [("here",)]


def test_nothing_up_is_an_empty_list_and_code_3(stack: LocalStack) -> None:
    assert json.loads(stack.run("status", "--json", ends=3).stdout) == {"services": []}
    assert "runfold up" in stack.run("status", ends=3).stderr
    assert "nothing was up" in stack.run("down").stderr


def test_named_services_are_asked_and_not_started(stack: LocalStack, services: Services) -> None:
    given = {
        "RUNFOLD_KAFKA": services.kafka,
        "RUNFOLD_S3_ADDRESS": services.s3_address,
        "RUNFOLD_S3_KEY": services.s3_key,
        "RUNFOLD_S3_SECRET": services.s3_secret,
    }
    stack.up_engines(environment=given)
    settings = stack.settings()
    assert (settings["kafka"], settings["s3_address"]) == (services.kafka, services.s3_address)
    assert stack.pids() == {"kafka": None, "postgres": stack.pids()["postgres"], "s3": None}
    assert len(processes_of(stack)) == 1


def test_a_named_service_that_is_away_is_told(stack: LocalStack) -> None:
    said = stack.up_engines(ends=1, environment={"RUNFOLD_KAFKA": "127.0.0.1:9"})
    assert "RUNFOLD_KAFKA" in said
    assert "127.0.0.1:9" in said
    assert processes_of(stack) == []
