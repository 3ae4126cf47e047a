"""Files of a run: what there is, and how bytes go to the object store (by signed addresses).

Small bodies are PUT at once. Large ones go in parts, several at a time; what was stored of one is kept by the store, so
that whoever uploads the same bytes again, in this process or another, goes on where the last one ended. A part that is
there already is read from the file and compared before it counts. Bytes are streamed from the file: what is held in
memory does not grow with it.
"""

from __future__ import annotations

import hashlib
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import Any, BinaryIO, NamedTuple, cast

from runfold.exceptions import ArtifactNotFoundError, RunNotFoundError, ServiceException

from .asking import TIMEOUT_S, TRANSFER_TIMEOUT_S, run_path
from .downloads import CHUNK_BYTES, Downloads, Moved
from .records import ArtifactRecord, Content, Multipart, Upload, UploadPart

PARALLEL = 4  # parts of one body
PARTS_AT_ONCE = 64  # are asked for in one page: their addresses are good for an hour
BEGUN_AGAIN_MAX = 3
PREVIEW_BYTES = 64 << 10
_ETAG_OF_MD5 = 32  # characters


class Wanted(NamedTuple):
    """A body that shall lie in the object store."""

    sha256: str
    size: int
    media_type: str | None


class Files(Downloads):
    """Artifacts, uploads and downloads."""

    def artifacts(
        self,
        run_id: str,
        *,
        prefix: str = "",
        signed: bool = False,
        as_of: str | None = None,
        not_before: str | None = None,
        timeout_s: float = TIMEOUT_S,
    ) -> list[ArtifactRecord]:
        """The artifacts of a run whose path begins with `prefix`, by path, then attempt.

        :param signed: Whether each comes with an address for its bytes.
        :param as_of: A watermark or a broker time, ISO 8601: as they were folded up to there.
        """
        query = {"prefix": prefix, "signed": signed or None, "as_of": as_of}
        pages = self._pages(f"{run_path(run_id)}/artifacts", query, not_before, timeout_s)
        return [artifact for page in pages for artifact in page["artifacts"]]

    def preview(
        self,
        run_id: str,
        path: str,
        attempt: int | None = None,
        *,
        first: int = 0,
        limit: int = PREVIEW_BYTES,
        as_of: str | None = None,
        timeout_s: float = TRANSFER_TIMEOUT_S,
    ) -> tuple[bytes, str]:
        """The first bytes of a file, as the API shows them, and their media type.

        :param first: Place of the first byte.
        :param limit: Bytes at most; the API gives 4 MiB at once at most.
        :param as_of: A watermark or a broker time, ISO 8601: a file that was there then.
        :raises ServiceException: The run has no such file (status_code 404).
        """
        query = {"path": path, "attempt": attempt, "first": first, "limit": limit, "as_of": as_of}
        return self._ask(
            f"{run_path(run_id)}/artifacts/preview",
            query,
            None,
            timeout_s,
            lambda answer: (answer.whole(), answer.headers.get("Content-Type", "application/octet-stream")),
        )

    def content(
        self,
        run_id: str,
        path: str,
        *,
        attempt: int | None = None,
        not_before: str | None = None,
        timeout_s: float = TIMEOUT_S,
    ) -> Content:
        """Where the bytes of an artifact are, of the latest attempt that wrote it unless one is named.

        :raises ArtifactNotFoundError: The run has no such artifact.
        """
        query = {"path": path, "attempt": attempt}
        try:
            return cast(Content, self._get(f"{run_path(run_id)}/artifacts/content", query, not_before, timeout_s))
        except ServiceException as error:
            if error.status_code != 404 or isinstance(error, RunNotFoundError):
                raise
            available = dict.fromkeys(artifact["path"] for artifact in self.artifacts(run_id))
            raise ArtifactNotFoundError(path, list(available), inner_exception=error) from error

    def prepared(
        self, owner: str, bodies: Sequence[tuple[str, int, str | None]], *, timeout_s: float = TIMEOUT_S
    ) -> list[Upload]:
        """Where many small bodies go (SHA-256, size, media type), in one request for each thousand of them."""
        answers: list[Upload] = []
        for first in range(0, len(bodies), 1000):
            asked = {"bodies": [Wanted(*body)._asdict() for body in bodies[first : first + 1000]]}
            answers += self._asked("/batch", owner, asked, time.monotonic() + timeout_s)["uploads"]
        return answers

    def upload(
        self,
        owner: str,
        sha256: str,
        size: int,
        media_type: str | None,
        opened: Callable[[], BinaryIO],
        *,
        timeout_s: float = TRANSFER_TIMEOUT_S,
        part_timeout_s: float = TRANSFER_TIMEOUT_S,
        prepared: Upload | None = None,
        moved: Moved | None = None,
    ) -> tuple[str, ...]:
        """Stores bytes under their digest, unless they are there; that makes no artifact yet.

        :param owner: Run id, or `model/<name>`, `dataset/<id>`, `datastore/<name>`.
        :param opened: Opens the bytes from their beginning; called once for each try, and for each part.
        :param timeout_s: How long the API, and a small body, are tried again.
        :param part_timeout_s: How long each part of a large one is, which has been begun.
        :param prepared: What `prepared` said of it.
        :param moved: Told how many bytes were sent, again and again; what it raises ends the upload.
        :returns: SHA-256 of each part of an upload in parts; nothing else has any.
        :raises ServiceAwayError: API or object store did not take it by then.
        """
        wanted = Wanted(sha256, size, media_type)
        upload = prepared
        for _ in range(BEGUN_AGAIN_MAX):
            if upload is None:
                upload = self._asked("", owner, wanted._asdict(), time.monotonic() + timeout_s)
            if upload["exists"]:
                if moved is not None:
                    moved(size)
                return ()
            if upload["url"] is not None:
                deadline = time.monotonic() + timeout_s
                self._objects.put(upload["url"], upload["headers"], opened, size, deadline, moved)
                return ()
            try:
                return _InParts(
                    self, owner, wanted, cast(Multipart, upload["multipart"]), opened, part_timeout_s, moved
                )()
            except _Gone:
                upload = None  # it was completed or given up by somebody else: ask anew
        raise ServiceException(f"the upload of {sha256} was given up again and again", status_code=409)

    def _asked(self, below: str, owner: str, body: dict[str, Any], deadline: float) -> Any:
        kind, slash, owner_id = owner.partition("/")
        owned = {"owner": {"kind": kind, "id": owner_id} if slash else {"kind": "run", "id": owner}}
        return self._post(f"/uploads{below}", {**owned, **body}, deadline)


class _Gone(Exception):
    """The upload is no longer there, or its parts are others than were sent."""


class _InParts:
    """One upload in parts."""

    def __init__(
        self,
        files: Files,
        owner: str,
        wanted: Wanted,
        multipart: Multipart,
        opened: Callable[[], BinaryIO],
        timeout_s: float,
        moved: Moved | None,
    ) -> None:
        self._files, self._owner, self._wanted, self._multipart = files, owner, wanted, multipart
        self._opened, self._timeout_s, self._moved = opened, timeout_s, moved
        self._stopped = threading.Event()
        self._named = {**wanted._asdict(), "upload_id": multipart["upload_id"]}

    def __call__(self) -> tuple[str, ...]:
        pool = ThreadPoolExecutor(PARALLEL, thread_name_prefix="runfold-parts")
        try:
            stored: list[tuple[str, str]] = []  # sha256, etag
            for page in self._pages():
                stored += pool.map(self._store, page)
        except BaseException:  # KeyboardInterrupt too: what is on its way is cut, what is stored is gone on with later
            self._stopped.set()
            raise
        finally:
            pool.shutdown(wait=True, cancel_futures=True)
        self._ask("/completed", {"etags": [etag for _, etag in stored]})
        return tuple(sha256 for sha256, _ in stored)

    def _pages(self) -> Iterator[list[UploadPart]]:
        for after in range(0, self._multipart["parts"], PARTS_AT_ONCE):
            yield self._ask("/parts", {"after": after, "limit": PARTS_AT_ONCE})["parts"]

    def _ask(self, below: str, more: dict[str, Any]) -> Any:
        try:
            deadline = time.monotonic() + self._timeout_s
            return self._files._asked(below, self._owner, {**self._named, **more}, deadline)
        except ServiceException as refused:
            if refused.status_code == 409:
                raise _Gone from refused
            raise

    def _store(self, part: UploadPart) -> tuple[str, str]:
        """SHA-256 of a part of the file, and the ETag of what the store has of it now."""
        if part["etag"] is not None:
            sha256, md5 = self._digests(part)
            if len(part["etag"]) != _ETAG_OF_MD5 or part["etag"] == md5:  # no MD5: an encrypted bucket's, say
                return sha256, part["etag"]
        digest = hashlib.sha256()

        def opened() -> _Window:
            nonlocal digest
            digest = hashlib.sha256()
            return _Window(self._opened(), part["first"], part["size"], digest.update)

        def put(url: str) -> str:
            deadline = time.monotonic() + self._timeout_s
            return self._files._objects.put(url, {}, opened, part["size"], deadline, self._sent)

        try:
            etag = put(part["url"])
        except ServiceException as refused:
            if refused.status_code == 404:
                raise _Gone from refused
            if refused.status_code != 403:
                raise
            signed_anew = self._ask("/parts", {"after": part["part"] - 1, "limit": 1})["parts"]  # an hour has passed
            etag = put(signed_anew[0]["url"])
        return digest.hexdigest(), etag

    def _digests(self, part: UploadPart) -> tuple[str, str]:
        sha256, md5 = hashlib.sha256(), hashlib.md5(usedforsecurity=False)

        def update(chunk: bytes) -> None:
            sha256.update(chunk)
            md5.update(chunk)

        with _Window(self._opened(), part["first"], part["size"], update) as window:
            while chunk := window.read(CHUNK_BYTES):
                self._sent(len(chunk))
        return sha256.hexdigest(), md5.hexdigest()

    def _sent(self, size: int) -> None:
        if self._stopped.is_set():
            raise _Stopped
        if self._moved is not None:
            self._moved(size)


class _Stopped(Exception):
    """Another part has failed."""


class _Window:
    """A part of a file, as a file to be read."""

    def __init__(self, file: BinaryIO, first: int, size: int, seen: Callable[[bytes], None]) -> None:
        file.seek(first)
        self._file, self._left, self._seen = file, size, seen

    def read(self, size: int = -1) -> bytes:
        """The next bytes."""
        chunk = self._file.read(self._left if size < 0 else min(size, self._left))
        self._left -= len(chunk)
        self._seen(chunk)
        return chunk

    def __enter__(self) -> _Window:
        return self

    def __exit__(self, *_: object) -> None:
        self._file.close()
