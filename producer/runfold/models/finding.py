"""One model, or a list of them, by the original's filters."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

from runfold.exceptions import ServiceException, WebserviceException

from . import checking

if TYPE_CHECKING:
    from runfold.reading.records import ModelRecord
    from runfold.session import Session


def one(
    session: Session,
    *,
    name: object = None,
    model_id: object = None,
    version: object = None,
    tags: object = None,
    properties: object = None,
    run_id: object = None,
    framework: object = None,
) -> ModelRecord:
    """The newest version that everything fits.

    :raises WebserviceException: There is none, or nothing was asked for.
    """
    asked = {
        "name": name,
        "id": model_id,
        "version": version,
        "tags": tags,
        "properties": properties,
        "run_id": run_id,
        "model_framework": framework,
    }
    asked = {key: value for key, value in asked.items() if value is not None}
    if not set(asked) - {"version"}:
        raise WebserviceException("Error, a model is found by name, id, tags, properties, run_id or model_framework.")
    if model_id is not None:
        by_id, of_id = checking.model_id(model_id)
        if name not in (None, by_id) or checking.version(version) not in (None, of_id):
            raise _not_found(asked)
        name, version = by_id, of_id
    wanted = checking.version(version)
    if name is not None and set(asked) <= {"name", "id", "version"}:
        checked = checking.name(name)
        try:
            return session.read(lambda api: api.model(checked, wanted))
        except ServiceException as error:
            if error.status_code != 404:
                raise
            raise _not_found(asked) from error
    for record in listed(session, name=name, tags=tags, properties=properties, run_id=run_id, framework=framework):
        if wanted is None or record["version"] == wanted:
            return record
    raise _not_found(asked)


def listed(
    session: Session,
    *,
    name: object = None,
    tags: object = None,
    properties: object = None,
    run_id: object = None,
    latest: bool = False,
    dataset_id: object = None,
    framework: object = None,
) -> Iterator[ModelRecord]:
    """Versions that all filters fit, newest registered first; fetched as they are taken."""
    checked = None if name is None else checking.name(name)
    tags_asked = checking.as_json(checking.filters("tags", tags))
    properties_asked = checking.as_json(checking.filters("properties", properties))
    of_run = None if run_id is None else str(run_id)
    records = session.read(
        lambda api: api.models(
            checked, tags=tags_asked, properties=properties_asked, run_id=of_run, latest=bool(latest)
        )
    )
    for record in records:
        related = [each["dataset_id"] for each in record["datasets"]]
        if dataset_id is not None and dataset_id not in related:
            continue
        if framework is None or record["framework"] == framework:
            yield record


def _not_found(asked: dict[str, object]) -> WebserviceException:
    told = ", ".join(f"{key} {value!r:.200}" for key, value in asked.items())
    return WebserviceException(f"ModelNotFound: Model with {told} not found in provided workspace", status_code=404)
