"""Datasets and datastores by name and id, fetched."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from runfold.exceptions import ServiceException, UserErrorException

from . import definitions

if TYPE_CHECKING:
    from runfold.reading.records import AssetRecord
    from runfold.workspace import Workspace

    from .dataset import AbstractDataset
    from .datastore import Datastore


def by_name(workspace: Workspace, name: object, version: object) -> AbstractDataset:
    """A registered dataset.

    :param version: A version, or 'latest'.
    :raises UserErrorException: There is none.
    """
    if not isinstance(name, str) or not name:
        raise UserErrorException(f"A dataset's name is text, it was {name!r:.200}.")
    wanted = None if version in (None, "latest") else _version(version)
    record = _asset(workspace, "dataset", name, wanted)
    if record is None:
        which = "" if wanted is None else f" version {wanted}"
        raise UserErrorException(
            f"Cannot find dataset registered with name {name!r}{which} in the workspace {workspace.name}."
        )
    return of_record(workspace, record)


def by_id(workspace: Workspace, dataset_id: object) -> AbstractDataset:
    """A dataset by its id: <name>:<version> of a registered one, else as a run or model has used it.

    :raises UserErrorException: There is none.
    """
    if not isinstance(dataset_id, str) or not dataset_id:
        raise UserErrorException(f"A dataset's id is text, it was {dataset_id!r:.200}.")
    versioned = definitions.parsed_id(dataset_id)
    record = _asset(workspace, "dataset", *(versioned or (dataset_id, None)))
    if record is None:
        raise UserErrorException(f"Cannot find dataset with id {dataset_id!r} in the workspace {workspace.name}.")
    return of_record(workspace, record)


def of_record(workspace: Workspace, record: AssetRecord) -> AbstractDataset:
    """What the ledger says of a dataset, as an object."""
    if is_saved(record):
        return of_definition(record["definition"], workspace)
    named = definitions.Named(record["name"], record["version"], record["description"], dict(record["tags"]))
    return of_definition(record["definition"], workspace, named)


def of_definition(
    definition: dict[str, Any], workspace: Workspace | None, named: definitions.Named | None = None
) -> AbstractDataset:
    """A dataset of a definition."""
    from .file_dataset import FileDataset
    from .tabular import TabularDataset

    kind = TabularDataset if definition.get("kind") == "tabular" else FileDataset
    return kind._of(definition, workspace, named)


def is_saved(record: AssetRecord) -> bool:
    """Whether an asset is a dataset that somebody used without a name: it is named by its own id."""
    return record["name"] == definitions.id_of(record["definition"])


def registered(workspace: Workspace) -> dict[str, AbstractDataset]:
    """The latest versions of all datasets with a name."""
    records = workspace._session.read(lambda api: list(api.assets("dataset", latest=True)))
    return {each["name"]: of_record(workspace, each) for each in records if not is_saved(each)}


def datastore(workspace: Workspace, name: str) -> Datastore:
    """A datastore.

    :raises UserErrorException: There is none.
    """
    from . import stores

    if name in stores.BUILT_IN:
        return stores.of_definition(workspace, name, stores.BUILT_IN[name])
    if not isinstance(name, str) or not name:
        raise UserErrorException(f"A datastore's name is text, it was {name!r:.200}.")
    record = _asset(workspace, "datastore", name, None)
    if record is None:
        raise UserErrorException(
            f"Could not find datastore {name!r} in the workspace {workspace.name}; there are "
            f"{', '.join(sorted(datastores(workspace)))}."
        )
    return stores.of_definition(workspace, name, record["definition"])


def datastores(workspace: Workspace) -> dict[str, Datastore]:
    """All datastores by name, the built-in ones first."""
    from . import stores

    found = {name: stores.of_definition(workspace, name, told) for name, told in stores.BUILT_IN.items()}
    for each in workspace._session.read(lambda api: list(api.assets("datastore", latest=True))):
        found.setdefault(each["name"], stores.of_definition(workspace, each["name"], each["definition"]))
    return found


def default_datastore(workspace: Workspace) -> Datastore:
    """The one that set_as_default has named last, else workspaceblobstore."""
    from . import stores

    for each in workspace._session.read(lambda api: list(api.assets("datastore", latest=True))):
        if each["is_default"]:
            return stores.of_definition(workspace, each["name"], each["definition"])
    return datastore(workspace, stores.DEFAULT)


def _asset(workspace: Workspace, kind: str, name: str, version: int | None) -> AssetRecord | None:
    try:
        return workspace._session.read(lambda api: api.asset(kind, name, version))
    except ServiceException as error:
        if error.status_code != 404:
            raise
        return None


def _version(given: object) -> int:
    if isinstance(given, str) and given.isdigit():
        given = int(given)
    if isinstance(given, bool) or not isinstance(given, int) or given < 1:
        raise UserErrorException(f"version must be a whole number from 1 or 'latest', it is {given!r:.100}.")
    return given
