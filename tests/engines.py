"""Starts engines for a test session: containers where Docker answers, else the local stack without our own services."""

from __future__ import annotations

import json
import os
import shutil
import socket
import subprocess
import sys
import tempfile
from collections.abc import Sequence
from contextlib import ExitStack
from pathlib import Path


def start(missing: Sequence[str], stack: ExitStack, jars: Path) -> dict[str, str]:
    """Starts the engines named (kafka, postgres, s3) and returns their settings; `stack` ends them.

    `jars` keeps Kafka between sessions, so that it is fetched once.
    """
    return _containers(missing, stack) if _docker_answers() else _local_stack(missing, stack, jars)


def _docker_answers() -> bool:
    """A docker client on the path proves nothing, only an engine's answer does."""
    import docker
    from docker.errors import DockerException

    try:
        client = docker.from_env(timeout=5)
    except DockerException:
        return False
    try:
        return bool(client.ping())
    except DockerException:
        return False
    finally:
        client.close()


def _containers(missing: Sequence[str], stack: ExitStack) -> dict[str, str]:
    from testcontainers.core.container import DockerContainer
    from testcontainers.core.waiting_utils import wait_for_logs
    from testcontainers.postgres import PostgresContainer

    settings = {}
    if "kafka" in missing:
        port = _free_port()  # chosen here, since the broker must advertise it
        container = DockerContainer("apache/kafka:4.1.0").with_bind_ports(9092, port)
        for name, value in {
            "KAFKA_NODE_ID": "1",
            "KAFKA_PROCESS_ROLES": "broker,controller",
            "KAFKA_CONTROLLER_LISTENER_NAMES": "CONTROLLER",
            "KAFKA_CONTROLLER_QUORUM_VOTERS": "1@localhost:9093",
            "KAFKA_LISTENERS": "PLAINTEXT://:9092,CONTROLLER://:9093,INSIDE://:9094",
            "KAFKA_ADVERTISED_LISTENERS": f"PLAINTEXT://localhost:{port},INSIDE://localhost:9094",
            "KAFKA_LISTENER_SECURITY_PROTOCOL_MAP": "PLAINTEXT:PLAINTEXT,CONTROLLER:PLAINTEXT,INSIDE:PLAINTEXT",
            "KAFKA_INTER_BROKER_LISTENER_NAME": "INSIDE",
            "KAFKA_OFFSETS_TOPIC_REPLICATION_FACTOR": "1",
            "KAFKA_TRANSACTION_STATE_LOG_REPLICATION_FACTOR": "1",
            "KAFKA_TRANSACTION_STATE_LOG_MIN_ISR": "1",
            "KAFKA_GROUP_INITIAL_REBALANCE_DELAY_MS": "0",
            "KAFKA_AUTO_CREATE_TOPICS_ENABLE": "false",
        }.items():
            container = container.with_env(name, value)
        wait_for_logs(stack.enter_context(container), "Kafka Server started", timeout=90)
        settings["RUNFOLD_KAFKA"] = f"127.0.0.1:{port}"
    if "postgres" in missing:
        postgres = stack.enter_context(PostgresContainer("postgres:18", driver=None))
        settings["RUNFOLD_POSTGRES"] = postgres.get_connection_url()
    if "s3" in missing:
        settings |= {"RUNFOLD_S3_KEY": "runfold-tests", "RUNFOLD_S3_SECRET": "runfold-tests-secret"}
        container = (
            DockerContainer("chrislusf/seaweedfs:4.48")
            .with_env("AWS_ACCESS_KEY_ID", settings["RUNFOLD_S3_KEY"])
            .with_env("AWS_SECRET_ACCESS_KEY", settings["RUNFOLD_S3_SECRET"])
            .with_command("mini -dir=/data -master.telemetry=false -s3.port=8333")
            .with_exposed_ports(8333)
        )
        s3 = stack.enter_context(container)
        settings["RUNFOLD_S3_ADDRESS"] = f"http://{s3.get_container_host_ip()}:{s3.get_exposed_port(8333)}"
        _wait_for_http(settings["RUNFOLD_S3_ADDRESS"])
    return settings


def _wait_for_http(address: str) -> None:
    import urllib3

    from tests.waiting import until

    def answers() -> bool:
        try:
            urllib3.request("GET", address, retries=False, timeout=2)
        except urllib3.exceptions.HTTPError:
            return False
        return True

    until(answers, 60, f"an answer of {address}")


def _local_stack(missing: Sequence[str], stack: ExitStack, jars: Path) -> dict[str, str]:
    home = open_folder("runfold-tests-")
    environment = {name: value for name, value in os.environ.items() if not name.startswith("RUNFOLD_")}
    environment |= {"RUNFOLD_HOME": str(home), "RUNFOLD_JARS": str(jars)}
    if maven := os.environ.get("RUNFOLD_MAVEN_REPOSITORY"):
        environment["RUNFOLD_MAVEN_REPOSITORY"] = maven
    runfold = [sys.executable, "-m", "runfold_deploy.command"]

    def end() -> None:
        subprocess.run([*runfold, "down"], env=environment, check=True, stderr=subprocess.DEVNULL)
        shutil.rmtree(home)

    stack.callback(end)
    subprocess.run([*runfold, "up", "--only", ",".join(missing)], env=environment, check=True)
    settings = json.loads((home / "stack.json").read_text())
    names = ("kafka", "postgres", "s3_address", "s3_key", "s3_secret")
    return {f"RUNFOLD_{name.upper()}": settings[name] for name in names if name in settings}


def open_folder(prefix: str) -> Path:
    """A new folder that others may enter but not list: the local stack's Postgres runs as `nobody` when we are root."""
    folder = Path(tempfile.mkdtemp(prefix=prefix))
    folder.chmod(0o711)
    return folder


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port
