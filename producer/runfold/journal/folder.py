"""Folders of journals: which there are, who lives, what is bound, what is acknowledged, what may go.

Everything here may be called from any process. A journal's segments are deleted on its own host only, and only when a
checkpoint says they are acknowledged.
"""

from __future__ import annotations

import contextlib
import json
import os
import re
import shutil
import time
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Final

from runfold.journal import life
from runfold.journal.life import Header

KEEP_S: Final = 24 * 3600.0
_WRITER = re.compile(r"[0-9a-f]{32}")
_SEGMENT = re.compile(r"[0-9]{8,}\.seg")


def journals(root: Path) -> list[Path]:
    """Folders of all journals below a root, oldest first; none when it does not exist."""
    try:
        entries = [entry for entry in os.scandir(root) if _WRITER.fullmatch(entry.name) and entry.is_dir()]
    except FileNotFoundError:
        return []
    dated = []
    for entry in entries:
        with contextlib.suppress(FileNotFoundError):  # deleted since
            dated.append((Path(entry.path, "alive").stat().st_mtime_ns, entry.name))
    return [root / name for _, name in sorted(dated)]


def header(folder: Path) -> Header:
    """Who wrote a journal, where and since when.

    Raises:
        OSError: there is no header.
        ValueError: it is damaged, or of another format.
    """
    return life.read_header(folder)


def is_ours(folder: Path) -> bool:
    """The journal was written on this host or since this machine's boot (a container has a host name of its own)."""
    try:
        found = life.read_header(folder)
    except (OSError, ValueError):
        return False
    return found.host == life.host() or bool(found.boot_id and found.boot_id == life.boot_id())


def is_alive(folder: Path) -> bool:
    """The writer may still append: it holds its life lock, frozen or not, or it is another machine's to judge.

    A journal from before a reboot is dead. The life lock is never opened in the process that owns it.
    """
    try:
        found = life.read_header(folder)
    except FileNotFoundError:
        return False
    except (OSError, ValueError):
        return life.is_held(folder)
    if found.boot_id and life.boot_id() and found.boot_id != life.boot_id():
        return found.host != life.host()
    return life.is_held(folder)


def segments(folder: Path) -> list[tuple[int, Path]]:
    """Segments by number, ascending."""
    found = [name for name in os.listdir(folder) if _SEGMENT.fullmatch(name)]  # noqa: PTH208 - asked for at each tail
    return sorted((int(name[:-4]), folder / name) for name in found)


def bind(folder: Path, binding: Mapping[str, Any]) -> dict[str, Any]:
    """Binds an offline journal, once and for all, and returns what it is bound to: perhaps another's earlier answer.

    The caller compares; another answer than its own is an error to tell.
    """
    path = folder / "binding"
    fresh = folder / f".binding.{os.urandom(8).hex()}"
    fresh.write_text(json.dumps(dict(binding), indent=1) + "\n")
    try:
        os.link(fresh, path)  # exclusive, and whole from the first moment
    except FileExistsError:
        pass
    finally:
        fresh.unlink()
    bound = read_binding(folder)
    if bound is None:
        raise FileNotFoundError(f"{path} was deleted while it was being made")
    return bound


def read_binding(folder: Path) -> dict[str, Any] | None:
    """What an offline journal is bound to; None while it is not.

    Raises:
        ValueError: the file is damaged.
    """
    return _read(folder / "binding")


def read_checkpoint(folder: Path) -> dict[str, Any] | None:
    """The last checkpoint; None when there is none or it is damaged: then everything is sent again."""
    try:
        return _read(folder / "checkpoint")
    except ValueError:
        return None


def write_checkpoint(folder: Path, checkpoint: Mapping[str, Any]) -> None:
    """Replaces the checkpoint, whole. `position` in it is a `Position.to_json()` behind which all is acknowledged."""
    fresh = folder / f".checkpoint.{os.urandom(8).hex()}"
    try:
        fresh.write_text(json.dumps(dict(checkpoint)) + "\n")
        before = _acknowledged_until(folder)
        fresh.replace(folder / "checkpoint")
    finally:
        fresh.unlink(missing_ok=True)
    until = _acknowledged_until(folder)
    for number, path in segments(folder):
        if before <= number < until:
            with contextlib.suppress(OSError):
                os.utime(path)  # from now on it is known to be acknowledged


def unacknowledged_bytes(folder: Path) -> int:
    """Bytes of the segments that no shipper has acknowledged whole."""
    until = _acknowledged_until(folder)
    total = 0
    for number, path in segments(folder):
        if number >= until:
            with contextlib.suppress(FileNotFoundError):
                total += path.stat().st_size
    return total


def delete_acknowledged(folder: Path, keep_s: float = KEEP_S, keep_bytes: int | None = None) -> list[Path]:
    """Deletes segments that were acknowledged more than `keep_s` ago, and returns them; none on another host.

    The oldest go earlier while the acknowledged ones take more than `keep_bytes`; None: no matter how much they take.
    """
    if not is_ours(folder):
        return []
    until = _acknowledged_until(folder)
    acknowledged = [(path, path.stat()) for number, path in segments(folder) if number < until]
    total = sum(stat.st_size for _, stat in acknowledged)
    deleted = []
    for path, stat in acknowledged:
        if time.time() - stat.st_mtime > keep_s or (keep_bytes is not None and total > keep_bytes):
            path.unlink(missing_ok=True)
            total -= stat.st_size
            deleted.append(path)
    return deleted


def remove(folder: Path) -> bool:
    """Deletes a whole journal of this host whose writer is dead; the caller knows that all of it is acknowledged."""
    if not is_ours(folder) or is_alive(folder):
        return False
    gone = folder.with_name(f".{folder.name}.gone")
    folder.rename(gone)
    shutil.rmtree(gone)
    return True


def _acknowledged_until(folder: Path) -> int:
    checkpoint = read_checkpoint(folder) or {}
    try:
        return int(checkpoint["position"]["segment"])
    except (KeyError, TypeError, ValueError):
        return 0


def _read(path: Path) -> dict[str, Any] | None:
    try:
        body = json.loads(path.read_bytes())
    except FileNotFoundError:
        return None
    except ValueError as error:
        raise ValueError(f"{path} is damaged: {error}") from error
    if not isinstance(body, dict):
        raise ValueError(f"{path} is damaged: it holds a {type(body).__name__}, not an object")
    return body
