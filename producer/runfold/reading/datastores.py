"""Files of the ledger's own datastores, by path: what there is, and signed addresses for the bytes."""

from __future__ import annotations

import time
from collections.abc import Iterator, Sequence
from typing import TypedDict, cast

from .asking import TIMEOUT_S, Asking, segment


class StoredFile(TypedDict):
    """A file of a datastore, and a signed address of its bytes."""

    path: str
    size: int
    modified_at: str
    url: str


class SignedUpload(TypedDict):
    """How to send a file's bytes."""

    path: str
    url: str
    headers: dict[str, str]


class Datastores(Asking):
    """Files by path."""

    def datastore_files(self, name: str, *, prefix: str = "", timeout_s: float = TIMEOUT_S) -> Iterator[StoredFile]:
        """Files whose path begins with `prefix`, by path; asked for by pages as they are taken."""
        for page in self._pages(f"/datastores/{segment(name)}/files", {"prefix": prefix}, None, timeout_s):
            yield from page["files"]

    def datastore_file(self, name: str, path: str, *, timeout_s: float = TIMEOUT_S) -> StoredFile | None:
        """The file of that path; None when there is none."""
        query = {"path": path}
        found = self._get(f"/datastores/{segment(name)}/files", query, None, timeout_s)["files"]
        return cast(StoredFile, found[0]) if found else None

    def datastore_uploads(
        self, name: str, files: Sequence[tuple[str, int, str | None]], *, timeout_s: float = TIMEOUT_S
    ) -> list[SignedUpload]:
        """Where files go, in order; each is (path, size, media type)."""
        told = [{"path": path, "size": size, "media_type": media_type} for path, size, media_type in files]
        answer = self._post(f"/datastores/{segment(name)}/uploads", {"files": told}, time.monotonic() + timeout_s)
        return cast("list[SignedUpload]", answer["uploads"])
