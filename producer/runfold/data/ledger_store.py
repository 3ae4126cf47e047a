"""workspaceblobstore: files by path in the ledger's own object store, by addresses that the API signs.

Unlike a run's files these are looked up by path, and a path may be written again. The bytes never pass through the API.
"""

from __future__ import annotations

import time
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, BinaryIO

from runfold.exceptions import ServiceException, UserErrorException

if TYPE_CHECKING:
    from runfold.reading.client import ApiClient
    from runfold.reading.datastores import StoredFile
    from runfold.reading.transport import Answer

PUT_BYTES_MAX = 5 << 30  # what S3 takes in one PUT
TRANSFER_S = 300.0  # how long one file is tried


def listed(api: ApiClient, name: str, prefix: str) -> Iterator[StoredFile]:
    """All files below a path, or the one file of it, by path."""
    for each in api.datastore_files(name, prefix=prefix):
        if not prefix or each["path"] == prefix or each["path"].startswith(prefix.rstrip("/") + "/"):
            yield each


def there(api: ApiClient, name: str, paths: Sequence[str]) -> set[str]:
    """Those of some paths that are there."""
    if len(paths) == 1:
        return {path for path in paths if api.datastore_file(name, path) is not None}
    first, last = min(paths), max(paths)
    length = next((n for n, (a, b) in enumerate(zip(first, last, strict=False)) if a != b), min(len(first), len(last)))
    return {each["path"] for each in api.datastore_files(name, prefix=first[:length])} & set(paths)


def put(api: ApiClient, name: str, path: str, source: Path, media_type: str | None) -> None:
    """Stores a file at a path; what is there is replaced.

    :raises UserErrorException: It is larger than one PUT may be.
    :raises ServiceAwayError: API or object store did not take it.
    """
    size = source.stat().st_size
    if size > PUT_BYTES_MAX:
        raise UserErrorException(
            f"{source} has {size} bytes; {PUT_BYTES_MAX} are allowed for a file of datastore {name!r}. Split it, or "
            "store it with a run: run.upload_file takes any size."
        )
    (signed,) = api.datastore_uploads(name, [(path, size, media_type)])
    api._objects.put(signed["url"], signed["headers"], lambda: source.open("rb"), size, time.monotonic() + TRANSFER_S)


def opened(api: ApiClient, name: str, path: str) -> BinaryIO:
    """A file's bytes, from an unnamed file on disk, so that a cut answer is fetched again before anybody reads it."""
    import tempfile

    found = api.datastore_file(name, path)
    if found is None:
        raise UserErrorException(f"There is no file {path!r} on datastore {name!r}.")
    body: BinaryIO = tempfile.TemporaryFile(prefix="runfold-")  # noqa: SIM115 - whoever reads it closes it

    def written(answer: Answer) -> int:
        body.seek(0)
        body.truncate()
        while chunk := answer.read(1 << 20):
            body.write(chunk)
        return body.tell()

    try:
        size = api._objects.get(found["url"], written, time.monotonic() + TRANSFER_S)
        if size != found["size"]:
            raise ServiceException(f"{path} came with {size} bytes of {found['size']}", status_code=502)
    except BaseException:
        body.close()
        raise
    body.seek(0)
    return body
