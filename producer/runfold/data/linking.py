"""A dataset that a run uses becomes DatasetLinked; one without a name is saved under its id, so that it is found."""

from __future__ import annotations

import weakref
from typing import TYPE_CHECKING

from runfold_schemas.events import AssetRegistered, DatasetLinked

from . import definitions

if TYPE_CHECKING:
    from runfold.session import Session

    from .dataset import AbstractDataset

MECHANISMS = {"direct": "Direct", "mount": "Mount", "download": "Download", "upload": "Upload", "link": "Link"}
_said: weakref.WeakKeyDictionary[Session, set[tuple[str, ...]]] = weakref.WeakKeyDictionary()


def save(session: Session, dataset: AbstractDataset) -> str:
    """The dataset's id, which finds it from now on."""
    if dataset._named is None:
        text = definitions.text_of(dataset._definition)
        if _first(session, "saved", dataset.id):
            session.about("dataset", dataset.id, AssetRegistered, definition=text, new_version=True)
    return dataset.id


def link(
    session: Session,
    run_id: str,
    direction: str,
    name: str,
    dataset: AbstractDataset,
    mode: str,
    path_on_compute: str | None = None,
) -> None:
    """States that a run uses a dataset; once for each run, name and dataset in a process.

    :param direction: input or output.
    :param name: Under which the run knows it.
    :param mode: direct, mount, download, upload or link.
    """
    dataset_id = save(session, dataset)
    if not _first(session, "linked", run_id, direction, name, dataset_id):
        return
    named = dataset._registered_as
    session.fact(
        run_id,
        DatasetLinked,
        attempt=session.place.attempt,
        direction=direction,
        name=name,
        dataset_id=dataset_id,
        dataset_name=named.name if named is not None else None,
        dataset_version=named.version if named is not None else None,
        mechanism=MECHANISMS.get(mode, mode.title()),
        path_on_compute=path_on_compute,
        definition=definitions.text_of(dataset._definition),
    )


def _first(session: Session, *said: str) -> bool:
    """Whether this process says it for the first time; saying it again would be harmless."""
    known = _said.setdefault(session, set())
    if said in known:
        return False
    known.add(said)
    return True
