"""The object store: sole importer of minio, and of the urllib3 that it stands on.

An object's key is `<workspace>/<owner>/<sha256>`: what lies there is told by its name, so writing twice is harmless,
and an object is right exactly when its bytes have that digest. An owner is a run id, or `model/<name>`,
`dataset/<id>`, `datastore/<name>` for bytes that are no run's; each part is percent-encoded, and `=<its sha256>` where
that is longer than a key may be. Any S3 address will do: HEAD, GET, PUT, signed URLs and multipart uploads are used.
"""

from __future__ import annotations

import hashlib
import io
import re
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import datetime, timedelta, timezone
from typing import NamedTuple
from urllib.parse import quote, unquote, urlsplit

import urllib3
from minio import Minio
from minio.datatypes import Object, Part
from minio.error import InvalidResponseError, S3Error, ServerError

from runfold_consumers.engine.errors import Away, Stop

SERVICE = "object store"
REGION = "us-east-1"  # named, so that the client need not ask for the bucket's
CHUNK_BYTES = 1 << 20
URL_S = 3_600
SINGLE_BYTES_MAX = 64 << 20  # larger objects are uploaded in parts
PART_BYTES_MIN = 32 << 20
SIZE_MAX = 5 << 40  # S3's limit for an object
PARTS_MAX = 2_000  # S3 takes 10,000; this many ETags fit into one request of the API
OWNER_KINDS = ("run", "model", "dataset", "datastore")
SEGMENT_BYTES_MAX = 768  # any run id of ASCII, percent-encoded; S3 limits a key to 1,024 bytes
_BYTES = "application/octet-stream"
_MEDIA_TYPE = re.compile(r"[!-~][ -~]{0,254}")  # what a header can carry
_GONE = frozenset(("NoSuchKey", "NoSuchObject", "NoSuchBucket", "NotFound", "NoSuchUpload"))
_PARTS_WRONG = frozenset(("InvalidPart", "InvalidPartOrder", "EntityTooSmall", "MalformedXML"))
_LONG_AGO = datetime.min.replace(tzinfo=timezone.utc)
_THERE = frozenset(("BucketAlreadyOwnedByYou", "BucketAlreadyExists"))
_PASSING = frozenset(("SlowDown", "ServiceUnavailable", "InternalError", "RequestTimeout", "OperationAborted"))


class Found(NamedTuple):
    """An object as it was read back."""

    size: int
    sha256: str


class StoredPart(NamedTuple):
    """A part of an unfinished upload."""

    part: int
    etag: str
    size: int


class StoredFile(NamedTuple):
    """A file of a datastore."""

    path: str
    size: int
    modified_at: datetime


class UploadGone(Exception):
    """The unfinished upload is no longer there: it was completed, aborted or swept away. Ask for another one."""


class UploadRefused(Exception):
    """The store does not make an object of these parts: one is missing, or is another one than was said."""


class Objects:
    """A bucket of an object store. Thread-safe.

    Args:
        address: http:// or https:// and host:port.
        key, secret: S3 credentials.
        bucket: its name.

    Raises (every method but the URLs'):
        Away: the store does not answer, or says that it cannot now.
        Stop: it refuses (credentials, rights).
    """

    def __init__(self, address: str, key: str, secret: str, bucket: str) -> None:
        parts = urlsplit(address)
        if parts.scheme not in ("http", "https") or not parts.netloc:
            raise ValueError(f"RUNFOLD_S3_ADDRESS is {address!r}; allowed is http:// or https:// and host:port")
        self.address, self.bucket = address, bucket
        self._client = Minio(
            parts.netloc,
            key,
            secret,
            secure=parts.scheme == "https",
            region=REGION,
            http_client=urllib3.PoolManager(
                maxsize=16,
                timeout=urllib3.Timeout(connect=3, read=30),
                retries=urllib3.Retry(total=1, backoff_factor=0.1),
            ),
        )

    def ensure_bucket(self) -> None:
        """Makes the bucket where it is not there."""
        with self._translated():
            try:
                if not self._client.bucket_exists(self.bucket):
                    self._client.make_bucket(self.bucket)
            except S3Error as error:
                if error.code not in _THERE:
                    raise

    def put(self, workspace: str, owner: str, sha256: str, body: bytes, media_type: str | None) -> None:
        """Writes a body under its digest."""
        with self._translated():
            self._client.put_object(
                self.bucket,
                object_key(workspace, owner, sha256),
                io.BytesIO(body),
                len(body),
                content_type=content_type(media_type),
            )

    def size(self, workspace: str, owner: str, sha256: str) -> int | None:
        """Bytes of the object; None when there is none."""
        found = self._stat(object_key(workspace, owner, sha256))
        return None if found is None else int(found.size or 0)

    def read_back(
        self, workspace: str, owner: str, sha256: str, stopping: Callable[[], bool] = lambda: False
    ) -> Found | None:
        """Reads the whole object, 1 MiB at a time, and says what it is; None when there is none.

        Args:
            workspace, owner, sha256: whose, and which.
            stopping: asked between; when it says so, reading ends as if the store were away.
        """
        with self._translated():
            try:
                answer = self._client.get_object(self.bucket, object_key(workspace, owner, sha256))
            except S3Error as error:
                if error.code not in _GONE:
                    raise
                return None
            hashed, size = hashlib.sha256(), 0
            try:
                for chunk in answer.stream(CHUNK_BYTES):
                    if stopping():
                        raise Away(SERVICE, "this process stops")
                    hashed.update(chunk)
                    size += len(chunk)
            finally:
                answer.close()
                answer.release_conn()
            return Found(size, hashed.hexdigest())

    def read_range(self, workspace: str, owner: str, sha256: str, first: int, limit: int) -> bytes | None:
        """At most `limit` bytes of the object from the byte `first` on, counted from 0; None when there is none.

        Args:
            workspace, owner, sha256: whose, and which.
            first: within the object; the store refuses what lies behind its end.
            limit: at least 1.
        """
        with self._translated():
            try:
                answer = self._client.get_object(
                    self.bucket, object_key(workspace, owner, sha256), offset=first, length=limit
                )
            except S3Error as error:
                if error.code not in _GONE:
                    raise
                return None
            try:
                return bytes(answer.read(limit))
            finally:
                answer.close()
                answer.release_conn()

    def get_url(self, workspace: str, owner: str, sha256: str, expires_s: int = URL_S) -> str:
        """A signed URL that GETs the object. No request is made."""
        key = object_key(workspace, owner, sha256)
        return self._client.presigned_get_object(self.bucket, key, timedelta(seconds=expires_s))

    def put_url(self, workspace: str, owner: str, sha256: str, expires_s: int = URL_S) -> str:
        """A signed URL that PUTs the object. No request is made; what was put is compared by the artifact projector."""
        key = object_key(workspace, owner, sha256)
        return self._client.presigned_put_object(self.bucket, key, timedelta(seconds=expires_s))

    # Files of a datastore, by path. Unlike all else they may be written again.

    def files(self, workspace: str, store: str, prefix: str, after: str | None, limit: int) -> list[StoredFile]:
        """Files whose path begins with `prefix`, in the order of their paths' bytes, from after a path on."""
        root = file_key(workspace, store, "")
        found = []
        with self._translated():
            try:
                listed = self._client.list_objects(
                    self.bucket,
                    prefix=root + prefix,
                    recursive=True,
                    start_after=None if after is None else root + after,
                )
                for each in listed:
                    path = (each.object_name or "")[len(root) :]
                    if each.is_dir or not path or (after is not None and path <= after):
                        continue
                    found.append(StoredFile(path, int(each.size or 0), each.last_modified or _LONG_AGO))
                    if len(found) >= limit:
                        break
            except S3Error as error:
                if error.code not in _GONE:
                    raise
        return found

    def file(self, workspace: str, store: str, path: str) -> StoredFile | None:
        """The file of that path; None when there is none."""
        found = self._stat(file_key(workspace, store, path))
        return None if found is None else StoredFile(path, int(found.size or 0), found.last_modified or _LONG_AGO)

    def file_url(self, workspace: str, store: str, path: str, *, put: bool = False) -> str:
        """A signed URL that GETs or PUTs the file. No request is made."""
        key, expires = file_key(workspace, store, path), timedelta(seconds=URL_S)
        if put:
            return self._client.presigned_put_object(self.bucket, key, expires)
        return self._client.presigned_get_object(self.bucket, key, expires)

    # Uploads in parts. The minio client keeps these requests to itself, by an underscore; they are as old as it is.

    def unfinished(self, workspace: str, owner: str, sha256: str) -> str | None:
        """Id of the oldest unfinished upload of the object; None when there is none."""
        key = object_key(workspace, owner, sha256)
        with self._translated():
            found = self._client._list_multipart_uploads(self.bucket, prefix=key)
        # SeaweedFS tells keys decoded, all others as they are.
        mine = [each for each in found.uploads if each.object_name in (key, unquote(key))]
        mine.sort(key=lambda each: (each.initiated_time or _LONG_AGO, each.upload_id))
        return next((str(each.upload_id) for each in mine if each.upload_id), None)

    def begin_upload(self, workspace: str, owner: str, sha256: str, media_type: str | None) -> str:
        """Begins an upload in parts; its id."""
        with self._translated():
            return self._client._create_multipart_upload(
                self.bucket, object_key(workspace, owner, sha256), {"Content-Type": content_type(media_type)}
            )

    def part_url(
        self, workspace: str, owner: str, sha256: str, upload_id: str, part: int, expires_s: int = URL_S
    ) -> str:
        """A signed URL that PUTs a part, counted from 1. No request is made."""
        return self._client.get_presigned_url(
            "PUT",
            self.bucket,
            object_key(workspace, owner, sha256),
            timedelta(seconds=expires_s),
            extra_query_params={"uploadId": upload_id, "partNumber": str(part)},
        )

    def stored_parts(
        self, workspace: str, owner: str, sha256: str, upload_id: str, after: int, limit: int
    ) -> list[StoredPart]:
        """Parts from after a number on that the store has, by number. A number may come twice: sent twice, kept twice.

        Raises:
            UploadGone: there is no such upload.
        """
        with self._translated(), _gone():
            found = self._client._list_parts(
                self.bucket, object_key(workspace, owner, sha256), upload_id, limit, str(after)
            )
        return [StoredPart(int(each.part_number), each.etag, int(each.size or 0)) for each in found.parts]

    def finish_upload(self, workspace: str, owner: str, sha256: str, upload_id: str, etags: list[str]) -> None:
        """Makes the object of its parts, of which these are the ETags in order.

        Raises:
            UploadGone: there is no such upload.
            UploadRefused: a part is missing, too small, or another one.
        """
        parts = [Part(number, etag) for number, etag in enumerate(etags, 1)]
        with self._translated(), _gone():
            try:
                self._client._complete_multipart_upload(
                    self.bucket, object_key(workspace, owner, sha256), upload_id, parts
                )
            except S3Error as error:
                if error.code not in _PARTS_WRONG:
                    raise
                raise UploadRefused(f"{error.code}: {error.message}") from error

    def abort_upload(self, workspace: str, owner: str, sha256: str, upload_id: str) -> None:
        """Gives an unfinished upload up, and its parts with it; harmless where there is none."""
        with self._translated():
            self._abort(object_key(workspace, owner, sha256), upload_id)

    def sweep_uploads(self, older_than_s: float) -> int:
        """Aborts unfinished uploads that nobody has gone on with for so long; how many those were."""
        before = datetime.now(timezone.utc) - timedelta(seconds=older_than_s)
        swept = 0
        with self._translated():
            for each in self._client._list_multipart_uploads(self.bucket).uploads:
                if each.upload_id and each.initiated_time is not None and each.initiated_time < before:
                    key = _as_it_was_put(each.object_name)
                    swept += self._abort(key, each.upload_id)
        return swept

    def _abort(self, key: str, upload_id: str) -> bool:
        """Whether there was such an upload: somebody else may have completed it just now."""
        try:
            self._client._abort_multipart_upload(self.bucket, key, upload_id)
        except S3Error as error:
            if error.code not in _GONE:
                raise
            return False
        return True

    def _stat(self, key: str) -> Object | None:
        with self._translated():
            try:
                return self._client.stat_object(self.bucket, key)
            except S3Error as error:
                if error.code not in _GONE:
                    raise
                return None

    @contextmanager
    def _translated(self) -> Iterator[None]:
        try:
            yield
        except S3Error as error:
            if error.code in _PASSING or error.response.status >= 500:
                raise Away(SERVICE, f"{self.address}: {error.code}: {error.message}") from error
            raise Stop(
                f"object store {self.address} refuses: {error.code}: {error.message}. "
                f"Check RUNFOLD_S3_KEY, RUNFOLD_S3_SECRET and the rights on bucket {self.bucket}"
            ) from error
        except (ServerError, InvalidResponseError, urllib3.exceptions.HTTPError, OSError) as error:
            raise Away(SERVICE, f"{self.address}: {error}") from error


@contextmanager
def _gone() -> Iterator[None]:
    try:
        yield
    except S3Error as error:
        if error.code != "NoSuchUpload":
            raise
        raise UploadGone(error.message) from error


def owner_of(kind: str, owner_id: str) -> str:
    """How an owner is written: a run's is its id alone."""
    return owner_id if kind == "run" else f"{kind}/{owner_id}"


def part_bytes(size: int) -> int:
    """Size of each part but the last, of an object that is uploaded in parts: whole MiB."""
    least = -(-size // PARTS_MAX)
    return max(PART_BYTES_MIN, -(-least // (1 << 20)) << 20)


def content_type(media_type: str | None) -> str:
    """A media type as a header can carry it."""
    return media_type if media_type and _MEDIA_TYPE.fullmatch(media_type) else _BYTES


def object_key(workspace: str, owner: str, sha256: str) -> str:
    """Key of an object.

    Args:
        workspace: its workspace.
        owner: as `owner_of` writes it. Other text with a slash is a hostile run id, and stays one part.
        sha256: of its bytes. Other text is what a hostile event says of them, and stays one part, too.
    """
    kind, slash, owner_id = owner.partition("/")
    parts = [kind, owner_id] if slash and kind in OWNER_KINDS[1:] and owner_id else [owner]
    return "/".join((workspace, *map(_segment, parts), _segment(sha256)))


def file_key(workspace: str, store: str, path: str) -> str:
    """Key of a file of a datastore; the path stays readable."""
    return f"{workspace}/datastore/{_segment(store)}/files/{path}"


def _segment(part: str) -> str:
    """A part of a key. Dots alone are encoded too: as a path segment they would mean another folder."""
    segment = quote(part, safe="")
    if len(segment) > SEGMENT_BYTES_MAX:
        segment = f"={hashlib.sha256(part.encode()).hexdigest()}"  # nothing encoded holds a '='
    if set(segment) == {"."}:
        segment = segment.replace(".", "%2E")
    return segment or "="


def _as_it_was_put(told: str) -> str:
    """The key of an unfinished upload, from what a store tells: SeaweedFS tells it decoded."""
    workspace, *owner, sha256 = told.split("/")
    if not owner:
        return told
    encoded = object_key(workspace, "/".join(owner), sha256)
    return encoded if unquote(encoded) == told else told
