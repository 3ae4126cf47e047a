"""What is registered beside runs: models, datasets, environments and datastores by version."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import Annotated, Any, Literal

from fastapi import APIRouter, Path, Query

from runfold_consumers.api import filters, registered
from runfold_consumers.api.database import Row, Snapshot
from runfold_consumers.api.documents import document
from runfold_consumers.api.errors import documented, not_found
from runfold_consumers.api.paging import Cursor, Limit, cursor_of, place_of
from runfold_consumers.api.services import Name, Read
from runfold_consumers.fold.words import DATASET, OF_MODEL, TAG

routes = APIRouter(prefix="/v1/workspaces/{workspace}", tags=["registered"], responses=documented())

Kind = Annotated[Literal["dataset", "environment", "datastore"], Path(description="What it is.")]
Called = Annotated[str | None, Query(max_length=1024, description="Only versions of this name.")]
Tags = Annotated[str | None, Query(max_length=16384, description=filters.ABOUT)]
Latest = Annotated[bool, Query(description="Only the latest version of each name.")]
Deleted = Annotated[bool, Query(description="Deleted ones too.")]
Version = Annotated[int | None, Query(ge=1, lt=1 << 63, description="This version; else the latest.")]


@routes.get("/models", summary="Models")
async def models(
    read: Read,
    name: Called = None,
    tags: Tags = None,
    properties: Tags = None,
    run_id: Annotated[str | None, Query(max_length=1024, description="Only what was registered from this run.")] = None,
    latest: Latest = False,
    include_deleted: Deleted = False,
    cursor: Cursor = None,
    limit: Limit = 100,
) -> registered.ModelsAnswer:
    """A page of the versions that match all filters, newest registered first."""
    wanted = _wanted("model", name, tags, properties, run_id, latest, include_deleted)
    async with read.snapshot() as snapshot:
        rows, next_cursor = await _page(snapshot, wanted, cursor, limit)
        watermark = await snapshot.watermark()
    return registered.ModelsAnswer(models=[_model(row) for row in rows], next_cursor=next_cursor, watermark=watermark)


@routes.get("/models/{name}", summary="One model", responses=documented(404))
async def model(
    read: Read, name: Name, version: Version = None, include_deleted: Deleted = False
) -> registered.ModelAnswer:
    """A version of a model, the latest unless one is named."""
    async with read.snapshot() as snapshot:
        row = await _one(snapshot, "model", name, version, include_deleted)
        watermark = await snapshot.watermark()
    return registered.ModelAnswer(**_model(row).model_dump(), watermark=watermark)


@routes.get("/models/{name}/versions/{version}/content", summary="Where a model's bytes are", responses=documented(404))
async def content(
    read: Read,
    name: Name,
    version: Annotated[int, Path(ge=1, lt=1 << 63, description="The version.")],
    path: Annotated[str, Query(max_length=4096, description="Path of one of the model's files.")],
) -> registered.ModelContentAnswer:
    """A signed address, good for a while. Compare what it gives with `sha256`. Files of a deleted version stay."""
    async with read.snapshot() as snapshot:
        of = _model(await _one(snapshot, "model", name, version, include_deleted=True))
        watermark = await snapshot.watermark()
    for file in of.files:
        if file.path == path:
            url = read.services.objects.get_url(read.workspace, of.objects_run_id, file.sha256)
            return registered.ModelContentAnswer(url=url, **file.model_dump(), watermark=watermark)
    raise not_found("file", path, f"model {name}:{version}")


@routes.get("/assets/{kind}", summary="Assets of a kind")
async def assets(
    read: Read,
    kind: Kind,
    name: Called = None,
    tags: Tags = None,
    latest: Latest = False,
    include_deleted: Deleted = False,
    cursor: Cursor = None,
    limit: Limit = 100,
) -> registered.AssetsAnswer:
    """A page of the versions of datasets, environments or datastores, newest registered first."""
    wanted = _wanted(kind, name, tags, None, None, latest, include_deleted)
    async with read.snapshot() as snapshot:
        rows, next_cursor = await _page(snapshot, wanted, cursor, limit)
        watermark = await snapshot.watermark()
    return registered.AssetsAnswer(assets=[_asset(row) for row in rows], next_cursor=next_cursor, watermark=watermark)


@routes.get("/assets/{kind}/{name:path}", summary="One asset", responses=documented(404))
async def asset(
    read: Read, kind: Kind, name: Name, version: Version = None, include_deleted: Deleted = False
) -> registered.AssetAnswer:
    """A version of a dataset, environment or datastore, the latest unless one is named."""
    async with read.snapshot() as snapshot:
        row = await _one(snapshot, kind, name, version, include_deleted)
        watermark = await snapshot.watermark()
    return registered.AssetAnswer(**_asset(row).model_dump(), watermark=watermark)


def _wanted(
    kind: str,
    name: str | None,
    tags: str | None,
    properties: str | None,
    run_id: str | None,
    latest: bool,
    include_deleted: bool,
) -> dict[str, object]:
    return {
        "kind": kind,
        "name": name,
        "version": None,
        "run_id": run_id,
        "latest": latest,
        "include_deleted": include_deleted,
        **filters.parse("tags", tags).parameters("tag"),
        **filters.parse("properties", properties).parameters("property"),
    }


async def _page(
    snapshot: Snapshot, wanted: dict[str, object], cursor: str | None, limit: int
) -> tuple[list[Row], str | None]:
    at, name, version = place_of(cursor, datetime, str, int)
    place = {"after_time": at, "after_name": name, "after_version": version, "limit": limit + 1}
    found = await snapshot.rows("versions_found", {**wanted, **place})
    page = found[:limit]
    last = page[-1] if len(found) > limit else None
    next_cursor = cursor_of(last["broker_time"], last["name"], last["version"]) if last else None
    return await _shown(snapshot, str(wanted["kind"]), page), next_cursor


async def _one(snapshot: Snapshot, kind: str, name: str, version: int | None, include_deleted: bool) -> Row:
    wanted = _wanted(kind, name, None, None, None, version is None, include_deleted)
    first = {"after_time": None, "after_name": None, "after_version": None, "limit": 1}
    found = await snapshot.rows("versions_found", {**wanted, **first, "version": version})
    if not found:
        which = name if version is None else f"{name}:{version}"
        raise not_found(kind, which, f"workspace {snapshot.workspace}")
    return (await _shown(snapshot, kind, found))[0]


async def _shown(snapshot: Snapshot, kind: str, page: Sequence[Row]) -> list[Row]:
    """All that is shown of these versions, in their order: one statement however many there are."""
    if not page:
        return []
    names, versions = [row["name"] for row in page], [row["version"] for row in page]
    return await snapshot.rows("versions", {"kind": kind, "names": names, "versions": versions})


def _model(row: Row) -> registered.Model:
    """A model's row as it is shown: words that were said later stand before what was registered."""
    told, words = document(row["definition"]), row["words"]
    told.update((field, words[field]) for field in OF_MODEL if field in words)
    told["datasets"] = told.get("datasets", []) + [
        {"relationship": field[len(DATASET) : -len(value) - 1], "dataset_id": value}
        for field, value in words.items()
        if field.startswith(DATASET)
    ]
    return registered.Model(**{**told, **_common(row), "properties": row["properties"]})


def _asset(row: Row) -> registered.Asset:
    definition = document(row["definition"])
    return registered.Asset(**_common(row), kind=row["kind"], definition=definition, is_default=row["is_default"])


def _common(row: Row) -> dict[str, Any]:
    """What models and assets have in common, with the words on them."""
    words = row["words"]
    return {
        **{field: row[field] for field in ("name", "version", "created_at", "created_by")},
        "description": words.get("description"),
        "tags": {field[len(TAG) :]: value for field, value in words.items() if field.startswith(TAG)},
        "deleted": words.get("deleted") == "true",
    }
