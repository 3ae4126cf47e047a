"""Rows of `state` about experiments, and about what has versions: models, datasets, environments, datastores.

As in `rows`: field names and order are the tables' columns, times are microseconds since 1970-01-01 UTC.
"""

from __future__ import annotations

from typing import NamedTuple


class ExperimentRow(NamedTuple):
    """An experiment and the number that its next run gets."""

    workspace: str
    experiment: str
    partition: int
    next_number: int
    first_offset: int
    created_at: int


class EnrollmentRow(NamedTuple):
    """A run's number in an experiment."""

    workspace: str
    experiment: str
    run_id: str
    number: int
    offset: int


class ExperimentWordRow(NamedTuple):
    """A writer's last word on a field of an experiment."""

    workspace: str
    experiment: str
    field: str
    writer_id: str
    ordinal: int
    offset: int
    value: str | None
    removed: bool


class AssetRow(NamedTuple):
    """An asset and the version that its next registration gets."""

    workspace: str
    kind: str
    name: str
    partition: int
    next_version: int
    first_offset: int
    created_at: int


class VersionRow(NamedTuple):
    """A version of an asset; `definition` is JSON."""

    workspace: str
    kind: str
    name: str
    version: int
    offset: int
    broker_time: int
    writer_id: str
    ordinal: int
    created_at: int
    run_id: str | None
    experiment: str | None
    definition: str


class RegistrationRow(NamedTuple):
    """Which version a registration got."""

    workspace: str
    kind: str
    name: str
    writer_id: str
    ordinal: int
    version: int


class AssetWordRow(NamedTuple):
    """A writer's last word on a field of a version; version 0 is the asset itself."""

    workspace: str
    kind: str
    name: str
    version: int
    field: str
    writer_id: str
    ordinal: int
    offset: int
    broker_time: int
    value: str | None
    removed: bool


class AssetPropertyRow(NamedTuple):
    """A property of a version."""

    workspace: str
    kind: str
    name: str
    version: int
    key: str
    value: str | None
    offset: int
    writer_id: str
    ordinal: int
