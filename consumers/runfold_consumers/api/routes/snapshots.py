"""Snapshots of code: where the ZIP is, which files it has, how one begins, and what differs between some of them."""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, Path, Query, Response
from pydantic import StringConstraints
from starlette.concurrency import run_in_threadpool

from runfold_consumers.api import registered
from runfold_consumers.api.code.answers import (
    CodeContent,
    CodeDifference,
    CodeDifferencesAnswer,
    CodeFile,
    CodeFilesAnswer,
    ComparedSnapshot,
    LeftSnapshot,
)
from runfold_consumers.api.code.differing import Comparison
from runfold_consumers.api.database import Row, Snapshot
from runfold_consumers.api.errors import ApiError, documented, not_found
from runfold_consumers.api.paging import Cursor, cursor_of, place_of
from runfold_consumers.api.previews.showing import PREVIEW_BYTES_MAX, SHOWN, shown
from runfold_consumers.api.services import Read

FILES_PAGE_MAX = 10_000  # they are small
COMPARED_MAX = 50
COMPARED_FILES_MAX = 200_000

routes = APIRouter(prefix="/v1/workspaces/{workspace}", tags=["snapshots"], responses=documented())

SnapshotId = Annotated[str, Path(max_length=256, description="Id that the content decides.")]
Limit = Annotated[int, Query(ge=1, le=FILES_PAGE_MAX, description="Files of a page.")]


@routes.get("/snapshots/differences", summary="What differs between snapshots of code", responses=documented(404, 413))
async def differences(
    read: Read,
    of: Annotated[
        list[Annotated[str, StringConstraints(max_length=256)]],
        Query(min_length=2, max_length=COMPARED_MAX, description="Ids of the snapshots; once is enough of each."),
    ],
    cursor: Cursor = None,
    limit: Limit = FILES_PAGE_MAX,
) -> CodeDifferencesAnswer:
    """A page of the paths that not all of them have, or not with the same content. One whose ZIP cannot be read is told
    in `left`, and the others are compared.
    """
    (after,) = place_of(cursor, str)
    async with read.snapshot() as snapshot:
        rows = [await _known(snapshot, snapshot_id) for snapshot_id in dict.fromkeys(of)]
        watermark = await snapshot.watermark()
    comparison, total = Comparison(), 0
    compared: list[ComparedSnapshot] = []
    left: list[LeftSnapshot] = []
    for row in rows:
        try:
            files = await read.services.zips.files(read.workspace, row)
        except ApiError as error:
            if error.status == 503:
                raise
            left.append(LeftSnapshot(snapshot_id=row["snapshot_id"], code=error.code, message=error.message))
            continue
        total += len(files)
        if total > COMPARED_FILES_MAX:
            raise ApiError(
                413,
                "too_large",
                f"these snapshots have more than {COMPARED_FILES_MAX} files in all; name fewer of them",
            )
        await run_in_threadpool(comparison.add, files)
        compared.append(ComparedSnapshot(snapshot_id=row["snapshot_id"], files=len(files)))
    found = await run_in_threadpool(comparison.differences)
    page = [one for one in found if after is None or one.path > after]
    more, page = len(page) > limit, page[:limit]
    return CodeDifferencesAnswer(
        snapshots=compared,
        left=left,
        files=[
            CodeDifference(path=one.path, contents=list(map(CodeContent.of, one.contents)), which=list(one.which))
            for one in page
        ],
        n=len(page),
        of=len(found),
        paths=len(comparison),
        next_cursor=cursor_of(page[-1].path) if more else None,
        watermark=watermark,
    )


@routes.get("/snapshots/{snapshot_id}", summary="A snapshot of code", responses=documented(404))
async def snapshot_of_code(read: Read, snapshot_id: SnapshotId) -> registered.SnapshotAnswer:
    """What it holds, and a signed address of its ZIP, good for a while. Compare what that gives with `sha256`."""
    async with read.snapshot() as snapshot:
        row = await _known(snapshot, snapshot_id)
        watermark = await snapshot.watermark()
    url = read.services.objects.get_url(read.workspace, row["run_id"], row["sha256"])
    return registered.SnapshotAnswer(**row, path=f"{snapshot_id}.zip", url=url, watermark=watermark)


@routes.get("/snapshots/{snapshot_id}/files", summary="Files of a snapshot", responses=documented(404, 409, 413))
async def files_of_snapshot(
    read: Read, snapshot_id: SnapshotId, cursor: Cursor = None, limit: Limit = FILES_PAGE_MAX
) -> CodeFilesAnswer:
    """A page of the files, read from the ZIP's directory alone: at most 20,000 files, in 4 MiB of directory."""
    (after,) = place_of(cursor, int)
    async with read.snapshot() as snapshot:
        row = await _known(snapshot, snapshot_id)
        watermark = await snapshot.watermark()
    files = await read.services.zips.files(read.workspace, row)
    first = after or 0
    page = files[first : first + limit]
    return CodeFilesAnswer(
        snapshot_id=snapshot_id,
        files=[
            CodeFile(path=file.path, unreadable=file.unreadable, **CodeContent.of(file).model_dump()) for file in page
        ],
        n=len(page),
        of=len(files),
        content_bytes=sum(file.size for file in files),
        next_cursor=cursor_of(first + limit) if first + limit < len(files) else None,
        watermark=watermark,
    )


@routes.get(
    "/snapshots/{snapshot_id}/files/content",
    summary="Beginning of a file of a snapshot",
    response_class=Response,
    responses={**SHOWN, **documented(404, 409, 413)},
)
async def content_of_file(
    read: Read,
    snapshot_id: SnapshotId,
    path: Annotated[str, Query(max_length=4096, description="Path of the file, as `files` tells it.")],
    limit: Annotated[int, Query(ge=1, le=PREVIEW_BYTES_MAX, description="Bytes at most.")] = PREVIEW_BYTES_MAX,
) -> Response:
    """At most 4 MiB of a file, for looking at. All of it, of any size, is in the ZIP that the snapshot leads to."""
    async with read.snapshot() as snapshot:
        row = await _known(snapshot, snapshot_id)
        watermark = await snapshot.watermark()
    found = await read.services.zips.beginning(read.workspace, row, path, limit)
    if found is None:
        raise not_found("file", path, f"snapshot {snapshot_id}")
    file, body = found
    return shown(body, file.size, watermark, path, None)


async def _known(snapshot: Snapshot, snapshot_id: str) -> Row:
    rows = await snapshot.rows("snapshot", {"snapshot_id": snapshot_id})
    if not rows:
        raise not_found("snapshot", snapshot_id, f"workspace {snapshot.workspace}")
    return rows[0]
