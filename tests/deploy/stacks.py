"""A local stack of a test's own, driven by the command as a person drives it."""

from __future__ import annotations

import json
import os
import shutil
import signal
import subprocess
import sys
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any, NamedTuple

import psutil

from tests.engines import open_folder

ENGINES = ("kafka", "postgres", "s3")
OWN = ("projector-state", "projector-artifacts", "watchdog", "shipper", "api")


class LocalStack(NamedTuple):
    """One RUNFOLD_HOME, and the jars that all of them share."""

    home: Path
    jars: Path

    def environment(self, more: Mapping[str, str] | None = None) -> dict[str, str]:
        kept = {name: value for name, value in os.environ.items() if not name.startswith(("RUNFOLD_", "AZUREML_"))}
        if "RUNFOLD_MAVEN_REPOSITORY" in os.environ:
            kept["RUNFOLD_MAVEN_REPOSITORY"] = os.environ["RUNFOLD_MAVEN_REPOSITORY"]
        return {**kept, "RUNFOLD_HOME": str(self.home), "RUNFOLD_JARS": str(self.jars), **(more or {})}

    def begin(self, *arguments: str, environment: Mapping[str, str] | None = None) -> subprocess.Popen[str]:
        """`runfold <arguments>`, not waited for."""
        return subprocess.Popen(
            [sys.executable, "-m", "runfold_deploy.command", *arguments],
            env=self.environment(environment),
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )

    def run(
        self, *arguments: str, ends: int = 0, environment: Mapping[str, str] | None = None
    ) -> subprocess.CompletedProcess[str]:
        """`runfold <arguments>`; it must end with that code."""
        process = self.begin(*arguments, environment=environment)
        out, err = process.communicate(timeout=150)
        assert process.returncode == ends, f"runfold {' '.join(arguments)} ended {process.returncode}:\n{out}\n{err}"
        return subprocess.CompletedProcess(arguments, ends, out, err)

    def up_engines(self, ends: int = 0, environment: Mapping[str, str] | None = None) -> str:
        """Starts the engines alone; returns what was said."""
        return self.run("up", "--only", ",".join(ENGINES), ends=ends, environment=environment).stderr

    def status(self, ends: int = 0) -> list[dict[str, Any]]:
        services: list[dict[str, Any]] = json.loads(self.run("status", "--json", ends=ends).stdout)["services"]
        return services

    def pids(self, ends: int = 0) -> dict[str, int]:
        return {service["name"]: service["pid"] for service in self.status(ends)}

    def health(self, ends: int = 0) -> dict[str, str]:
        return {service["name"]: service["health"] for service in self.status(ends)}

    def settings(self) -> dict[str, str]:
        settings: dict[str, str] = json.loads((self.home / "stack.json").read_text())
        return settings

    def edit(self, file: str, change: Any) -> None:
        """Rewrites a JSON file of the stack by `change(body)`, in place."""
        path = self.home / file
        body = json.loads(path.read_text())
        change(body)
        path.write_text(json.dumps(body))


@contextmanager
def local_stack(jars: Path) -> Iterator[LocalStack]:
    """A stack in a new folder; afterwards none of its processes is left."""
    stack = LocalStack(open_folder("runfold-deploy-"), jars)
    try:
        yield stack
    finally:
        for process in processes_of(stack):
            process.send_signal(signal.SIGCONT)  # a test that failed may have left it frozen
        stack.run("down")
        left = processes_of(stack)
        shutil.rmtree(stack.home)
        assert not left, f"`runfold down` left {left}"


def processes_of(stack: LocalStack) -> list[psutil.Process]:
    """Leaders of services of this stack that are alive, whether anybody wrote them down or not."""
    found = []
    for process in psutil.process_iter():
        try:
            mark = process.environ().get("RUNFOLD_STACK_SERVICE", "")
            if mark.startswith(f"{stack.home}:") and process.status() != psutil.STATUS_ZOMBIE:
                found.append(process)
        except psutil.Error:
            continue
    return found
