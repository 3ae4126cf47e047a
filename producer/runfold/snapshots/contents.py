"""A directory, or one file, as a manifest: sorted paths with sizes, modes and digests. The id comes from it alone.

Links are followed to files and directories within the directory, never out of it; sockets, pipes and devices are left
out, and so are names that are no UTF-8. Of a file's mode only 'executable' counts, so that a umask changes no id.
Digests are remembered in this process for files that look unchanged (size, inode, times), unless they were written
in the last two seconds: a file may change twice within one tick of its clock.
"""

from __future__ import annotations

import hashlib
import json
import os
import stat
import time
import uuid
from collections.abc import Iterable, Iterator, Mapping, Set
from pathlib import Path
from typing import IO, NamedTuple

from runfold.exceptions import SnapshotException

from . import ignoring

BYTES_MAX = 300 << 20
FILES_MAX = 2_000  # that have changed since the last snapshot
WALKED_MAX = 500_000  # against links that multiply a directory
NO_FILE_LIMIT = "AML_SNAPSHOT_NO_FILE_LIMIT"
_CHUNK_BYTES = 1 << 20
_SETTLED_NS = 2_000_000_000
_RULE = "=" * 68


class Entry(NamedTuple):
    """One file."""

    path: str
    """Relative to the directory, '/' between its parts."""
    size: int
    mode: int
    """0o644, or 0o755 where its owner may execute it."""
    sha256: str
    source: str
    """Where it is read from."""


class Contents(NamedTuple):
    """What a snapshot consists of."""

    root: Path
    """The directory, or the file."""
    entries: tuple[Entry, ...]
    left_out: tuple[str, ...]
    """Paths that could not be part of it: links that lead out, names that are no UTF-8."""

    @property
    def size(self) -> int:
        """Bytes of all files."""
        return sum(entry.size for entry in self.entries)

    @property
    def snapshot_id(self) -> str:
        """The id, in the form of a UUID: the same files, the same id, on whatever machine."""
        digest = hashlib.sha256(b"runfold snapshot 1\n")
        for entry in sorted(self.entries):
            digest.update(json.dumps([entry.path, entry.mode, entry.size, entry.sha256]).encode())
        return str(uuid.UUID(bytes=digest.digest()[:16], version=5))


class _Found(NamedTuple):
    path: str
    source: str
    looked: os.stat_result


_digests: dict[str, tuple[tuple[int, ...], str]] = {}  # by source: how it looked, and its SHA-256


def of(path: Path, previous: Mapping[str, str] | None = None, without: Set[Path] = frozenset()) -> Contents:
    """The contents of a directory or file, as they are now.

    :param previous: SHA-256 by path, of the snapshot before: only what differs counts for the limit of files.
    :param without: Directories that are no part of it, links resolved.
    :raises SnapshotException: It is not there, cannot be read, or exceeds a limit.
    """
    root = Path(os.path.abspath(path))  # noqa: PTH100 - '..' goes, links stay
    try:
        if root.is_dir():
            walk = _Walk(root, without)
            found, left_out = _within_limits(root, walk.files(), previous), tuple(walk.left_out)
        elif root.is_file():
            found, left_out = _within_limits(root, [_Found(root.name, str(root), root.stat())], previous), ()
        else:
            raise SnapshotException(f"There is nothing to take a snapshot of: {root} is neither directory nor file.")
        entries = [entry for entry in map(_entry, sorted(found)) if entry is not None]
    except OSError as error:
        raise SnapshotException(
            f"While attempting to take snapshot of {root}: {error}. Name it in .amlignore if it is no source code.",
            inner_exception=error,
        ) from error
    if previous is not None:
        _limit_files(root, sum(previous.get(entry.path) != entry.sha256 for entry in entries))
    return Contents(root, tuple(entries), left_out)


class _Walk:
    def __init__(self, root: Path, without: Set[Path]) -> None:
        self.root = os.path.realpath(root)
        self.left_out: list[str] = []
        self._without = {str(each) for each in without} - {self.root}
        self._rules = ignoring.of(root)
        # Directories to come: where they are, the path that they have here, and the real directories on the way there,
        # which no link may lead back to.
        self._ahead: list[tuple[str, str, tuple[str, ...]]] = [(self.root, "", (self.root,))]

    def files(self) -> Iterator[_Found]:
        """All files, in no order."""
        walked = 0
        while self._ahead:
            directory, prefix, above = self._ahead.pop()
            try:
                listed = os.scandir(directory)
            except FileNotFoundError:  # it went away meanwhile
                continue
            with listed:
                for each in listed:
                    walked += 1
                    if walked > WALKED_MAX:
                        raise _too_much(Path(self.root), f"It has more than {WALKED_MAX} files and directories.")
                    try:
                        found = self._one(each, f"{prefix}{each.name}", above)
                    except FileNotFoundError:
                        continue
                    if found is not None:
                        yield found

    def _one(self, each: os.DirEntry[str], path: str, above: tuple[str, ...]) -> _Found | None:
        source, is_link = each.path, each.is_symlink()
        is_directory = os.path.isdir(source) if is_link else each.is_dir()  # noqa: PTH112
        if self._rules.ignores(f"{path}/" if is_directory else path):
            return None
        if is_link:
            source = os.path.realpath(source)
            if not f"{source}/".startswith(f"{self.root}/") or not os.path.exists(source):  # noqa: PTH110
                self.left_out.append(path)
                return None
        if is_directory:
            if source not in above and source not in self._without:
                self._ahead.append((source, f"{path}/", (*above, source)))
            return None
        looked = each.stat()
        if not stat.S_ISREG(looked.st_mode):
            return None
        try:
            path.encode()
        except UnicodeEncodeError:
            self.left_out.append(path.encode("utf-8", "backslashreplace").decode())
            return None
        return _Found(path, source, looked)


def _entry(found: _Found) -> Entry | None:
    looked = found.looked
    mode = 0o755 if looked.st_mode & stat.S_IXUSR else 0o644
    look = (looked.st_dev, looked.st_ino, looked.st_size, looked.st_mtime_ns, looked.st_ctime_ns)
    known = _digests.get(found.source)
    if known is not None and known[0] == look:
        return Entry(found.path, looked.st_size, mode, known[1], found.source)
    begun_ns = time.time_ns()
    try:
        with open(found.source, "rb", buffering=0) as file:  # noqa: PTH123 - thousands of them
            size, sha256 = digest(file, looked.st_size)
    except FileNotFoundError:  # it went away meanwhile
        return None
    if size == looked.st_size and max(looked.st_mtime_ns, looked.st_ctime_ns) < begun_ns - _SETTLED_NS:
        _digests[found.source] = (look, sha256)
    return Entry(found.path, size, mode, sha256, found.source)


def digest(file: IO[bytes], size_max: int, copy: IO[bytes] | None = None) -> tuple[int, str]:
    """Size and digest of as much as there was when it was looked at: a log may be growing meanwhile.

    :param copy: Gets what was read.
    """
    hashed, size = hashlib.sha256(), 0
    while size < size_max and (data := file.read(min(_CHUNK_BYTES, size_max - size))):
        hashed.update(data)
        size += len(data)
        if copy is not None:
            copy.write(data)
    return size, hashed.hexdigest()


def _within_limits(root: Path, found: Iterable[_Found], previous: Mapping[str, str] | None) -> list[_Found]:
    """What was found, unless it exceeds a limit; as soon as it does, nothing more is looked at."""
    kept: list[_Found] = []
    size = 0
    for each in found:
        kept.append(each)
        size += each.looked.st_size
        if size > BYTES_MAX:
            largest = sorted(kept, key=lambda one: -one.looked.st_size)[:3]
            raise _too_much(
                root,
                f"Your total snapshot size exceeds the limit of {BYTES_MAX / (1 << 20)} MB. The largest files are "
                f"{', '.join(f'{one.path} ({one.looked.st_size / (1 << 20):.1f} MB)' for one in largest)}.",
            )
        if previous is None:
            _limit_files(root, len(kept))
    return kept


def _limit_files(root: Path, changed: int) -> None:
    if changed > FILES_MAX and not os.environ.get(NO_FILE_LIMIT):
        raise _too_much(
            root,
            f"Your project exceeds the file limit of {FILES_MAX}: at least {changed} files are new or changed. "
            f"{NO_FILE_LIMIT}=1 in the environment lifts this limit.",
        )


def _too_much(root: Path, reason: str) -> SnapshotException:
    return SnapshotException(
        f"{_RULE}\n\nWhile attempting to take snapshot of {root}\n{reason}\nName what is no source code in .amlignore "
        f"there (gitignore syntax), or give another snapshot_directory or source_directory.\n\n{_RULE}\n\n"
    )
