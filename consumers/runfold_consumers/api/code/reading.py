"""Snapshots' ZIPs in the object store, read from routes; what is wrong with one is an error of the API, by its name."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import TypeVar

from runfold_consumers.api.code.zips import BadZip, File, ReadRange, TooMuch, beginning_of, files_of
from runfold_consumers.api.database import Row
from runfold_consumers.api.errors import ApiError
from runfold_consumers.api.store import of_store
from runfold_consumers.artifacts.objects import Objects

AT_ONCE = 4  # ZIPs of a process: a directory of 20,000 files takes some 20 MB while it is read

T = TypeVar("T")


class Zips:
    """The ZIPs of all workspaces.

    Raises (every method):
        ApiError: 404 `not_stored`, 409 `mismatched` or `bad_zip`, 413 `too_large`; 503, the store cannot be used.
    """

    def __init__(self, objects: Objects) -> None:
        self._objects = objects
        self._places = asyncio.Semaphore(AT_ONCE)

    async def files(self, workspace: str, row: Row) -> list[File]:
        """The files of a snapshot.

        Args:
            workspace: whose it is.
            row: of the statement `snapshot`.
        """
        return await self._asked(workspace, row, files_of)

    async def beginning(self, workspace: str, row: Row, path: str, limit: int) -> tuple[File, bytes] | None:
        """A file of a snapshot and at most `limit` bytes of it; None where there is none of that path."""
        return await self._asked(workspace, row, lambda read, size: beginning_of(read, size, path, limit))

    async def _asked(self, workspace: str, row: Row, ask: Callable[[ReadRange, int], T]) -> T:
        snapshot_id, run_id, sha256 = row["snapshot_id"], row["run_id"], row["sha256"]

        def read(first: int, limit: int) -> bytes:
            body = self._objects.read_range(workspace, run_id, sha256, first, limit)
            if body is None:
                raise not_stored(row)
            return body

        def asked() -> T:
            size = self._objects.size(workspace, run_id, sha256)
            if size is None:
                raise not_stored(row)
            if size != row["size"]:
                raise mismatched(row)
            return ask(read, size)

        if row["availability"] == "mismatched":
            raise mismatched(row)
        try:
            async with self._places:
                return await of_store(asked)
        except BadZip as bad:
            raise ApiError(409, "bad_zip", f"the ZIP of snapshot {snapshot_id!r} {bad}") from bad
        except TooMuch as much:
            raise ApiError(
                413, "too_large", f"the ZIP of snapshot {snapshot_id!r} has {much}; GET /snapshots/{{id}} leads to all"
            ) from much


def not_stored(row: Row) -> ApiError:
    """There is no ZIP, or not yet."""
    message = f"the ZIP of snapshot {row['snapshot_id']!r} is not stored ({row['availability']})"
    return ApiError(404, "not_stored", message, availability=row["availability"])


def mismatched(row: Row) -> ApiError:
    """There is another one."""
    return ApiError(
        409, "mismatched", f"the ZIP stored for snapshot {row['snapshot_id']!r} is not the one that was kept"
    )
