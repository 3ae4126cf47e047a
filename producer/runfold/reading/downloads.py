"""How bytes come from the object store, by signed addresses: into memory, or to a file that appears whole or never.

A large file that was cut, by the network or by the process's end, is gone on with: what came lies beside the target as
`.<name>.<first digits of its digest>.part`, and the next download of the same bytes to the same place asks for the rest
alone. The digest of the whole decides; where old and new bytes do not make it, it is fetched once more from the start.

Bytes that travelled in an event, or lie in the spool of whoever uploaded them, are in the store a while after their
fact is visible: what nobody has seen there yet is waited for.
"""

from __future__ import annotations

import contextlib
import fcntl
import hashlib
import os
import threading
import time
import uuid
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import IO, Any, TypeAlias, TypeVar

from runfold.exceptions import ArtifactMismatchError, ServiceAwayError, ServiceException

from .asking import TRANSFER_TIMEOUT_S, Asking
from .transport import Answer

CHUNK_BYTES = 1 << 20
COMING_S = 15.0  # how long bytes that are on their way to the store are waited for
KEPT_BYTES_MIN = 8 << 20  # of a cut download; less is sooner fetched than found
PAUSE_S = 0.2
_PAUSE = threading.Event()  # never set: its wait is the pause between two tries
Moved: TypeAlias = Callable[[int], None]
T = TypeVar("T")
# What names bytes in the store: any `records.Located`, an ArtifactRecord with its address.
Addressed: TypeAlias = Mapping[str, Any]


class Downloads(Asking):
    """Bytes by their signed addresses."""

    def download(
        self, content: Addressed, target: Path, *, timeout_s: float = TRANSFER_TIMEOUT_S, moved: Moved | None = None
    ) -> None:
        """Writes bytes to a file, which appears whole or not at all; 1 MiB of them is held at once.

        :param content: `url`, `sha256`, `size` and `path`.
        :param target: The file; its folder exists.
        :param timeout_s: How long a store that does not answer is asked again, from its last byte on.
        :param moved: Told how many bytes came, again and again; what it raises ends the download.
        :raises ArtifactMismatchError: They have another digest than the run's fact says.
        :raises ServiceException: They are not there, or not yet (status_code 404), or the address is no longer good
            (403).
        """
        with _part(target, content["sha256"]) as (path, part):
            resumed = os.fstat(part.fileno()).st_size > 0
            found = self._coming(content, lambda: self._whole(content, part, timeout_s, moved))
            if found != content["sha256"] and resumed:
                part.truncate(0)
                found = self._whole(content, part, timeout_s, moved)
            if found != content["sha256"]:
                part.truncate(0)
                raise ArtifactMismatchError(content["path"], content["sha256"], found)
            os.replace(path, target)  # noqa: PTH105 atomic on POSIX

    def read_bytes(self, content: Addressed, *, timeout_s: float = TRANSFER_TIMEOUT_S) -> bytes:
        """Bytes, in memory.

        :raises ArtifactMismatchError: They have another digest than the run's fact says.
        """
        data = self._coming(
            content, lambda: self._objects.get(content["url"], Answer.whole, time.monotonic() + timeout_s)
        )
        found = hashlib.sha256(data).hexdigest()
        if found != content["sha256"]:
            raise ArtifactMismatchError(content["path"], content["sha256"], found)
        return data

    def _coming(self, content: Addressed, fetch: Callable[[], T]) -> T:
        """Fetches, again for a while where the object is not there and was never seen there."""
        deadline = time.monotonic() + COMING_S
        while True:
            try:
                return fetch()
            except ServiceException as missing:
                if missing.status_code != 404 or content.get("availability", "pending") not in ("pending", "missing"):
                    raise
                if time.monotonic() >= deadline:
                    raise ServiceException(
                        f"The bytes of {content['path']} are not in the object store yet: they are still on their way, "
                        "or in the spool of the process that uploaded them (`runfold ship --once` on its host).",
                        status_code=404,
                    ) from missing
            _PAUSE.wait(PAUSE_S)

    def _whole(self, content: Addressed, part: IO[bytes], timeout_s: float, moved: Moved | None) -> str:
        """Fetches what the file does not have yet; the digest of all of it."""
        digest = hashlib.sha256()

        def seen(chunk: bytes) -> None:
            digest.update(chunk)
            if moved is not None:
                moved(len(chunk))

        def rest(answer: Answer) -> None:
            nonlocal digest
            if answer.first != part.tell():  # a store that knows no ranges begins anew
                if moved is not None:
                    moved(-part.tell())
                digest = hashlib.sha256()
                part.seek(answer.first)
                part.truncate()
            while chunk := answer.read(CHUNK_BYTES):
                part.write(chunk)
                seen(chunk)

        if os.fstat(part.fileno()).st_size > content["size"]:
            part.truncate(0)
        part.seek(0)
        while chunk := part.read(CHUNK_BYTES):
            seen(chunk)
        deadline = time.monotonic() + timeout_s
        while part.tell() < content["size"]:
            first = part.tell()
            try:
                self._objects.get(content["url"], rest, time.monotonic(), first)  # one try: the next begins elsewhere
                break
            except ServiceAwayError:
                if part.tell() > first:
                    deadline = time.monotonic() + timeout_s
                elif time.monotonic() >= deadline:
                    raise
                _PAUSE.wait(PAUSE_S)
        part.flush()
        return digest.hexdigest()


@contextlib.contextmanager
def _part(target: Path, sha256: str) -> Iterator[tuple[Path, IO[bytes]]]:
    """The file for what has come so far; its own where another process is fetching the same bytes to the same place."""
    path = target.with_name(f".{target.name.encode()[:200].decode(errors='ignore')}.{sha256[:16]}.part")
    part = _opened(path)
    try:
        fcntl.flock(part, fcntl.LOCK_EX | fcntl.LOCK_NB)
        if not os.path.samestat(os.fstat(part.fileno()), path.stat()):  # whoever held it has just made the target of it
            raise BlockingIOError
    except OSError:
        part.close()
        path = path.with_name(f".{uuid.uuid4().hex}.own")
        part = _opened(path)
    try:
        yield path, part
    finally:
        size = os.fstat(part.fileno()).st_size
        part.close()
        if size < KEPT_BYTES_MIN or path.suffix == ".own":
            path.unlink(missing_ok=True)


def _opened(path: Path) -> IO[bytes]:
    return os.fdopen(os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o666), "r+b")
