"""Uploads: signed addresses for bytes of a digest; the bytes themselves never pass through the API. Scope `write`.

An upload makes no artifact: that is the fact (ArtifactLogged, SnapshotTaken, ModelRegistered) that the client states
afterwards, and the owner need not be folded yet. Small objects are PUT at once. Large ones go in parts, which the store
keeps until they are completed: the state of an upload is the store's alone, so a client that was killed, or another one
on another host, asks again and goes on with what is there.
"""

from __future__ import annotations

from fastapi import APIRouter

from runfold_consumers.api import answers
from runfold_consumers.api.errors import ApiError, documented, invalid
from runfold_consumers.api.services import Served, Services, Workspace
from runfold_consumers.api.store import of_store
from runfold_consumers.artifacts.objects import (
    OWNER_KINDS,
    SINGLE_BYTES_MAX,
    StoredPart,
    UploadGone,
    content_type,
    owner_of,
    part_bytes,
)

routes = APIRouter(prefix="/v1/workspaces/{workspace}/uploads", tags=["uploads"], responses=documented(408, 413))


@routes.post("", summary="Prepare an upload")
async def upload(workspace: Workspace, served_by: Served, wanted: answers.UploadWanted) -> answers.UploadAnswer:
    """Where the bytes go: a signed address, or an upload in parts, begun before or now."""
    seen = await _seen(served_by, workspace, wanted.owner, [wanted.sha256])
    availability = seen.get(wanted.sha256)
    if availability == "available" or wanted.size <= SINGLE_BYTES_MAX:
        return _single(served_by, workspace, wanted.owner, wanted, availability)
    owner, objects = _owner(wanted.owner), served_by.objects

    def begun() -> str | None:
        objects.ensure_bucket()
        # It may be there, and not looked at yet: a client that was killed before it could state the fact.
        if availability != "mismatched" and objects.size(workspace, owner, wanted.sha256) == wanted.size:
            return None
        found = objects.unfinished(workspace, owner, wanted.sha256)
        return found or objects.begin_upload(workspace, owner, wanted.sha256, wanted.media_type)

    upload_id = await of_store(begun)
    each = part_bytes(wanted.size)
    return answers.UploadAnswer(
        exists=upload_id is None,
        url=None,
        method="PUT",
        headers={},
        multipart=None
        if upload_id is None
        else answers.Multipart(upload_id=upload_id, part_bytes=each, parts=-(-wanted.size // each)),
    )


@routes.post("/batch", summary="Prepare many small uploads")
async def batch(workspace: Workspace, served_by: Served, wanted: answers.UploadsWanted) -> answers.UploadsAnswer:
    """As one by one, in one request."""
    for body in wanted.bodies:
        if body.size > SINGLE_BYTES_MAX:
            raise invalid(f"{body.size} bytes go in parts, by /uploads; at most {SINGLE_BYTES_MAX} are allowed here")
    seen = await _seen(served_by, workspace, wanted.owner, [body.sha256 for body in wanted.bodies])
    return answers.UploadsAnswer(
        uploads=[_single(served_by, workspace, wanted.owner, body, seen.get(body.sha256)) for body in wanted.bodies]
    )


@routes.post("/parts", summary="Parts of an upload", responses=documented(409))
async def parts(workspace: Workspace, served_by: Served, wanted: answers.PartsWanted) -> answers.PartsAnswer:
    """A page of the parts: signed addresses, and which of them the store has already. 409 `gone`: begin anew."""
    owner, each, objects = _owner(wanted.owner), part_bytes(wanted.size), served_by.objects
    last = min(-(-wanted.size // each), wanted.after + wanted.limit)

    def listed() -> list[StoredPart]:
        found, after = [], wanted.after
        while after < last:
            page = objects.stored_parts(workspace, owner, wanted.sha256, wanted.upload_id, after, 1000)
            found += page
            if not page or page[-1].part <= after:
                break
            after = page[-1].part
        return found

    stored = await of_store(listed)
    there = {(part.part, part.size): part.etag for part in stored}
    page = []
    for part in range(wanted.after + 1, last + 1):
        first = (part - 1) * each
        size = min(each, wanted.size - first)
        url = objects.part_url(workspace, owner, wanted.sha256, wanted.upload_id, part)
        page.append(answers.UploadPart(part=part, first=first, size=size, url=url, etag=there.get((part, size))))
    return answers.PartsAnswer(parts=page)


@routes.post("/completed", summary="Complete an upload in parts", status_code=204, responses=documented(409))
async def completed(workspace: Workspace, served_by: Served, told: answers.UploadComplete) -> None:
    """Makes the object of its parts. 409 `gone`: begin anew; 409 `incomplete`: the store has other parts."""
    owner, objects = _owner(told.owner), served_by.objects

    def finish() -> int | None:
        try:
            objects.finish_upload(workspace, owner, told.sha256, told.upload_id, told.etags)
        except UploadGone:  # another process may have completed it just before
            if objects.size(workspace, owner, told.sha256) != told.size:
                raise
        return objects.size(workspace, owner, told.sha256)

    size = await of_store(finish)
    if size != told.size:
        raise ApiError(409, "incomplete", f"the object has {size} bytes, not {told.size}: begin the upload anew")


@routes.post("/aborted", summary="Abort an upload in parts", status_code=204)
async def aborted(workspace: Workspace, served_by: Served, told: answers.UploadAborted) -> None:
    """Gives up an unfinished upload and its parts. Nothing needs it: what nobody goes on with is swept away."""
    owner, objects = _owner(told.owner), served_by.objects
    await of_store(lambda: objects.abort_upload(workspace, owner, told.sha256, told.upload_id))


def _owner(owner: answers.Owner) -> str:
    named = owner_of(owner.kind, owner.id)
    if owner.kind == "run" and "/" in named and named.partition("/")[0] in OWNER_KINDS:
        raise invalid(f"run id {owner.id!r} names the bytes of another owner; name that as {{kind, id}}")
    return named


async def _seen(served_by: Services, workspace: str, owner: answers.Owner, digests: list[str]) -> dict[str, str]:
    async with served_by.database.snapshot(workspace) as snapshot:
        rows = await snapshot.rows("objects", {"owner": _owner(owner), "digests": digests})
    return {row["sha256"]: row["availability"] for row in rows}


def _single(
    served_by: Services, workspace: str, owner: answers.Owner, wanted: answers.BytesWanted, availability: str | None
) -> answers.UploadAnswer:
    exists = availability == "available"
    return answers.UploadAnswer(
        exists=exists,
        url=None if exists else served_by.objects.put_url(workspace, _owner(owner), wanted.sha256),
        method="PUT",
        headers={"Content-Type": content_type(wanted.media_type)},
        multipart=None,
    )
