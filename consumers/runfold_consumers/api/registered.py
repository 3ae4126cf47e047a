"""Shapes of the answers about what is registered beside runs: models, assets, snapshots of code."""

from __future__ import annotations

from typing import Any

from pydantic import BaseModel, Field

from runfold_consumers.api.answers import Answer, Moment


class ModelFile(BaseModel):
    """A file of a model."""

    path: str = Field(description="Path within the model.")
    sha256: str
    size: int
    media_type: str | None


class RelatedDataset(BaseModel):
    """A dataset that a model has to do with."""

    relationship: str
    dataset_id: str


class Model(BaseModel):
    """A version of a model."""

    name: str
    version: int
    description: str | None
    tags: dict[str, str | None]
    properties: dict[str, str | None]
    run_id: str | None = Field(description="Run whose files these are; null for files from elsewhere.")
    experiment: str | None
    objects_run_id: str = Field(description="Owner of the bytes in the object store: a run id, or model/<name>.")
    path: str | None = Field(description="What was registered: a path within the run's files, or on the machine.")
    files: list[ModelFile]
    framework: str | None
    framework_version: str | None
    datasets: list[RelatedDataset]
    sample_input_dataset_id: str | None
    sample_output_dataset_id: str | None
    resource_configuration: str | None = Field(description="JSON.")
    mime_type: str | None
    unpack: bool
    created_at: Moment
    created_by: str | None
    deleted: bool


class ModelAnswer(Model, Answer):
    """One version of a model."""


class ModelsAnswer(Answer):
    """A page of versions of models, newest registered first."""

    models: list[Model]
    next_cursor: str | None


class ModelContentAnswer(Answer):
    """Where the bytes of a model's file are."""

    url: str = Field(description="Signed; GET it without an access token.")
    path: str
    sha256: str
    size: int
    media_type: str | None


class Asset(BaseModel):
    """A version of a dataset, environment or datastore."""

    kind: str
    name: str
    version: int
    definition: dict[str, Any]
    description: str | None
    tags: dict[str, str | None] = Field(description="Of the version, and of the asset itself.")
    created_at: Moment
    created_by: str | None
    deleted: bool = Field(description="Unregistered or archived: the version, or the asset itself.")
    is_default: bool = Field(description="The asset is the workspace's default of its kind.")


class AssetAnswer(Asset, Answer):
    """One version of an asset."""


class AssetsAnswer(Answer):
    """A page of versions of assets, newest registered first."""

    assets: list[Asset]
    next_cursor: str | None


class SnapshotAnswer(Answer):
    """Source code as it was kept, and where its ZIP is."""

    snapshot_id: str
    run_id: str = Field(description="A run whose code it is, and under which the ZIP lies.")
    attempt: int
    path: str = Field(description="A name for the file.", examples=["5d3e.zip"])
    sha256: str
    size: int = Field(description="Bytes of the ZIP.")
    files: int
    content_bytes: int = Field(description="Sum of the files' sizes.")
    directory: str | None
    availability: str = Field(description="pending (not looked at yet), available, missing or mismatched.")
    url: str = Field(description="Signed; GET it without an access token.")
