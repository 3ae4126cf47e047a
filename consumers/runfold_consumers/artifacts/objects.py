"""The object store: sole importer of minio, and of the urllib3 that it stands on.

An object's key is `<workspace>/<run id, percent-encoded>/<sha256>`, with `=<sha256 of the run id>` for a run id that is
longer than a key may be: what lies there is told by its name, so writing
twice is harmless, and an object is right exactly when its bytes have that digest. Any S3 address will do: only HEAD,
GET, PUT and signed URLs are used.
"""

from __future__ import annotations

import hashlib
import io
import re
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import timedelta
from typing import NamedTuple
from urllib.parse import quote, urlsplit

import urllib3
from minio import Minio
from minio.error import InvalidResponseError, S3Error, ServerError

from runfold_consumers.engine.errors import Away, Stop

SERVICE = "object store"
REGION = "us-east-1"  # named, so that the client need not ask for the bucket's
CHUNK_BYTES = 1 << 20
URL_S = 3_600
SEGMENT_BYTES_MAX = 768  # any run id of ASCII, percent-encoded; S3 limits a key to 1,024 bytes
_BYTES = "application/octet-stream"
_MEDIA_TYPE = re.compile(r"[!-~][ -~]{0,254}")  # what a header can carry
_GONE = frozenset(("NoSuchKey", "NoSuchObject", "NoSuchBucket", "NotFound"))
_THERE = frozenset(("BucketAlreadyOwnedByYou", "BucketAlreadyExists"))
_PASSING = frozenset(("SlowDown", "ServiceUnavailable", "InternalError", "RequestTimeout", "OperationAborted"))


class Found(NamedTuple):
    """An object as it was read back."""

    size: int
    sha256: str


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

    def put(self, workspace: str, run_id: str, sha256: str, body: bytes, media_type: str | None) -> None:
        """Writes a body under its digest."""
        with self._translated():
            self._client.put_object(
                self.bucket,
                object_key(workspace, run_id, sha256),
                io.BytesIO(body),
                len(body),
                content_type=media_type if media_type and _MEDIA_TYPE.fullmatch(media_type) else _BYTES,
            )

    def size(self, workspace: str, run_id: str, sha256: str) -> int | None:
        """Bytes of the object; None when there is none."""
        with self._translated():
            try:
                return int(self._client.stat_object(self.bucket, object_key(workspace, run_id, sha256)).size or 0)
            except S3Error as error:
                if error.code not in _GONE:
                    raise
                return None

    def read_back(self, workspace: str, run_id: str, sha256: str) -> Found | None:
        """Reads the whole object and says what it is; None when there is none."""
        with self._translated():
            try:
                answer = self._client.get_object(self.bucket, object_key(workspace, run_id, sha256))
            except S3Error as error:
                if error.code not in _GONE:
                    raise
                return None
            hashed, size = hashlib.sha256(), 0
            try:
                for chunk in answer.stream(CHUNK_BYTES):
                    hashed.update(chunk)
                    size += len(chunk)
            finally:
                answer.close()
                answer.release_conn()
            return Found(size, hashed.hexdigest())

    def get_url(self, workspace: str, run_id: str, sha256: str, expires_s: int = URL_S) -> str:
        """A signed URL that GETs the object. No request is made."""
        key = object_key(workspace, run_id, sha256)
        return self._client.presigned_get_object(self.bucket, key, timedelta(seconds=expires_s))

    def put_url(self, workspace: str, run_id: str, sha256: str, expires_s: int = URL_S) -> str:
        """A signed URL that PUTs the object. No request is made; what was put is compared by the artifact projector."""
        key = object_key(workspace, run_id, sha256)
        return self._client.presigned_put_object(self.bucket, key, timedelta(seconds=expires_s))

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


def object_key(workspace: str, run_id: str, sha256: str) -> str:
    """Key of an object. A run id of dots alone is encoded too: as a path segment it would mean another folder."""
    segment = quote(run_id, safe="")
    if len(segment) > SEGMENT_BYTES_MAX:
        segment = f"={hashlib.sha256(run_id.encode()).hexdigest()}"  # no encoded run id holds a '='
    if set(segment) == {"."}:
        segment = segment.replace(".", "%2E")
    return f"{workspace}/{segment}/{sha256}"
