"""Files of the ledger's own datastores, by path: what there is, and signed addresses. No bytes pass through here.

A datastore is a place for data, not for what runs state: a path may be written again, and nothing of it is folded.
"""

from __future__ import annotations

from datetime import datetime
from typing import Annotated

from fastapi import APIRouter, Path, Query
from pydantic import BaseModel, Field

from runfold_consumers.api import answers
from runfold_consumers.api.errors import documented, invalid
from runfold_consumers.api.paging import Cursor, Limit, cursor_of, place_of
from runfold_consumers.api.services import Read, Served, Workspace
from runfold_consumers.api.store import of_store
from runfold_consumers.artifacts.objects import StoredFile, content_type

PATH_BYTES_MAX = 700  # S3 limits a key to 1,024 bytes
FILE_BYTES_MAX = 5 << 30  # and one PUT to this
FILES_MAX = 1_000

routes = APIRouter(
    prefix="/v1/workspaces/{workspace}/datastores/{name}", tags=["datastores"], responses=documented(408, 413)
)
Store = Annotated[
    str, Path(pattern=r"^[A-Za-z0-9_]{1,255}$", description="Name of the datastore.", examples=["workspaceblobstore"])
]


class File(BaseModel):
    """A file."""

    path: str
    size: int
    modified_at: datetime
    url: str = Field(description="Signed; GET it without an access token.")


class FilesAnswer(answers.Answer):
    """Files, by path."""

    files: list[File]
    next_cursor: str | None


class FileWanted(BaseModel):
    """A file that is to be written."""

    path: str = Field(description="Relative, with '/' between its parts.", examples=["data/train.csv"])
    size: int = Field(ge=0, le=FILE_BYTES_MAX, description="Number of bytes.")
    media_type: str | None = Field(None, max_length=255)


class FilesWanted(BaseModel):
    """Files that are to be written."""

    files: list[FileWanted] = Field(min_length=1, max_length=FILES_MAX)


class FileUpload(BaseModel):
    """How to write a file."""

    path: str
    url: str = Field(description="Signed; PUT the bytes there.")
    headers: dict[str, str] = Field(description="Headers that the request must carry.")


class FileUploads(BaseModel):
    """How to write files, in the order that they were asked for."""

    uploads: list[FileUpload]


@routes.get("/files", summary="Files of a datastore")
async def files(
    read: Read,
    name: Store,
    prefix: Annotated[str, Query(max_length=1024, description="Start of the path; empty for all.")] = "",
    path: Annotated[str | None, Query(max_length=1024, description="Only the file of this path.")] = None,
    cursor: Cursor = None,
    limit: Limit = 1000,
) -> FilesAnswer:
    """A page of files by path."""
    objects, workspace = read.services.objects, read.workspace

    def listed() -> list[StoredFile]:
        if path is not None:
            one = objects.file(workspace, name, checked(path))
            return [] if one is None else [one]
        (after,) = place_of(cursor, str)
        return objects.files(workspace, name, _prefix(prefix), after and checked(after), limit + 1)

    async with read.snapshot() as snapshot:  # it waits; files themselves are not folded
        watermark = await snapshot.watermark()
    found = await of_store(listed)
    more, found = len(found) > limit, found[:limit]
    return FilesAnswer(
        files=[File(**each._asdict(), url=objects.file_url(workspace, name, each.path)) for each in found],
        next_cursor=cursor_of(found[-1].path) if more else None,
        watermark=watermark,
    )


@routes.post("/uploads", summary="Prepare writing files")
async def uploads(workspace: Workspace, name: Store, served_by: Served, wanted: FilesWanted) -> FileUploads:
    """Where the bytes go. Needs the scope `write`. What is at a path already is replaced."""
    await of_store(served_by.objects.ensure_bucket)
    return FileUploads(
        uploads=[
            FileUpload(
                path=each.path,
                url=served_by.objects.file_url(workspace, name, checked(each.path), put=True),
                headers={"Content-Type": content_type(each.media_type)},
            )
            for each in wanted.files
        ]
    )


def checked(path: str) -> str:
    """A path within a datastore.

    Raises:
        ApiError: 400, it is not allowed.
    """
    parts = path.split("/")
    if (
        not {"", ".", ".."}.isdisjoint(parts)
        or not path.isprintable()
        or "\\" in path
        or len(path.encode(errors="replace")) > PATH_BYTES_MAX
    ):
        raise invalid(
            f"path {path[:100]!r} is not allowed: relative, at most {PATH_BYTES_MAX} bytes of printable characters, "
            "with '/' between its parts, without '.' and '..'"
        )
    return path


def _prefix(prefix: str) -> str:
    if ".." in prefix.split("/") or prefix.startswith("/") or not prefix.isprintable():
        raise invalid(f"prefix {prefix[:100]!r} is not allowed: it is how a relative path begins, without '..'")
    return prefix
