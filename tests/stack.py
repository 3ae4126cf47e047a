"""A whole local stack for tests that cross rooms, strike its services, or run scripts against it.

It is started by the command that people use (`runfold up`, in a RUNFOLD_HOME of its own), so that the command is tested
by every one of them.
"""

from __future__ import annotations

import json
import os
import shutil
import signal
import subprocess
import sys
import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

from tests.engines import open_folder

if TYPE_CHECKING:
    from tests.services import Services

COMMAND = (sys.executable, "-m", "runfold_deploy.command")


class Stack(NamedTuple):
    """A running local stack: where it lives, and the environment in which its commands are run."""

    home: Path
    environment: dict[str, str]

    @property
    def bare(self) -> dict[str, str]:
        """The environment of a script: it says where the stack lives, and nothing of its services."""
        return {k: v for k, v in self.environment.items() if not k.startswith("RUNFOLD_")} | {
            "RUNFOLD_HOME": str(self.home)
        }

    def run(self, *words: str, check: bool = True) -> subprocess.CompletedProcess[str]:
        """Runs a `runfold` command against this stack."""
        done = subprocess.run(
            [*COMMAND, *words], env=self.environment, capture_output=True, text=True, timeout=180, check=False
        )
        if check and done.returncode:
            raise AssertionError(f"runfold {' '.join(words)} ended with {done.returncode}:\n{done.stdout}{done.stderr}")
        return done

    def services(self) -> dict[str, dict[str, Any]]:
        """The services by name, as `runfold status --json` tells them."""
        return {
            service["name"]: service
            for service in json.loads(self.run("status", "--json", check=False).stdout)["services"]
        }

    @property
    def workplace(self) -> Path:
        """Where scripts run: what they write beside themselves (./logs, ./outputs) goes with the stack."""
        place = self.home / "workplace"
        place.mkdir(exist_ok=True)
        return place

    def script(
        self, text: str, *words: str, check: bool = True, **environment: str
    ) -> subprocess.CompletedProcess[str]:
        """Runs a Python script as a user's process would run: own interpreter, nothing configured but RUNFOLD_HOME."""
        done = subprocess.run(
            [sys.executable, "-c", text, *words],
            cwd=self.workplace,
            env=self.bare | environment,
            capture_output=True,
            text=True,
            timeout=120,
            check=False,
        )
        if check and done.returncode:
            raise AssertionError(f"the script ended with {done.returncode}:\n{done.stdout}{done.stderr}")
        return done

    def background(self, text: str, *words: str, **environment: str) -> subprocess.Popen[str]:
        """Starts a Python script and returns at once; its standard output is a pipe."""
        return subprocess.Popen(
            [sys.executable, "-u", "-c", text, *words],
            cwd=self.workplace,
            env=self.bare | environment,
            stdout=subprocess.PIPE,
            stdin=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )

    def get(self, path: str) -> dict[str, Any]:
        """Asks the query API: GET /v1/workspaces/<workspace>/<path>, as JSON."""
        import urllib3

        settings = self.settings()
        answer = urllib3.request(
            "GET",
            f"{settings['api']}/v1/workspaces/{settings['workspace']}/{path}",
            headers={"Authorization": f"Bearer {settings['access_token']}"},
            timeout=30,
        )
        if answer.status != 200:
            raise AssertionError(f"GET {path} answered {answer.status}: {answer.data[:500]!r}")
        return dict(answer.json())

    def settings(self) -> dict[str, Any]:
        """What `runfold up` left for clients."""
        return dict(json.loads((self.home / "stack.json").read_text()))


@contextmanager
def local_stack(jars: Path, **engines: str) -> Iterator[Stack]:
    """Starts a stack in a folder of its own, and takes both away whatever happened.

    `jars` keeps Kafka between stacks, so that it is fetched once. `engines` are settings that name services which run
    already (RUNFOLD_KAFKA and its kin): `up` is told of them, the scripts are not, since they must find everything by
    themselves.
    """
    home = open_folder("runfold-stack-")
    environment = {k: v for k, v in os.environ.items() if not k.startswith(("RUNFOLD_", "AZUREML_"))}
    if maven := os.environ.get("RUNFOLD_MAVEN_REPOSITORY"):
        environment["RUNFOLD_MAVEN_REPOSITORY"] = maven
    environment |= {"RUNFOLD_HOME": str(home), "RUNFOLD_JARS": str(jars)}
    stack = Stack(home, environment | engines)
    try:
        stack.run("up")
        yield stack
    finally:
        for service in stack.services().values():
            send_signal(service["pid"], signal.SIGCONT)
        stack.run("down", check=False)
        shutil.rmtree(home, ignore_errors=True)


@contextmanager
def stack_on(services: Services, jars: Path, name: str) -> Iterator[Stack]:
    """A stack on the session's engines, with a prefix, a database and a bucket of its own that begin with `name`."""
    import psycopg
    from psycopg.conninfo import make_conninfo

    own = f"{name}{uuid.uuid4().hex[:8]}"
    with psycopg.connect(services.postgres, autocommit=True) as connection:
        connection.execute(f'CREATE DATABASE "{own}"'.encode())
    engines = {
        "RUNFOLD_KAFKA": services.kafka,
        "RUNFOLD_POSTGRES": make_conninfo(services.postgres, dbname=own),
        "RUNFOLD_S3_ADDRESS": services.s3_address,
        "RUNFOLD_S3_KEY": services.s3_key,
        "RUNFOLD_S3_SECRET": services.s3_secret,
        "RUNFOLD_S3_BUCKET": own,
        "RUNFOLD_TOPIC_PREFIX": own,
    }
    with local_stack(jars, **engines) as running:
        yield running
    with psycopg.connect(services.postgres, autocommit=True) as connection:
        connection.execute(f'DROP DATABASE IF EXISTS "{own}" WITH (FORCE)'.encode())


def send_signal(pid: int | None, number: int) -> None:
    """Sends a signal to a process that may be gone already."""
    if pid:
        try:
            os.kill(pid, number)
        except ProcessLookupError:
            return
