"""Files and words -> ModelRegistered, and the version that the ledger gave it."""

from __future__ import annotations

import os
from collections.abc import Iterable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from datetime import datetime, timezone
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple, cast

from runfold import environment, notices, validation
from runfold.exceptions import WebserviceException
from runfold_schemas.events import ModelFile, ModelRegistered

from . import checking, resources

if TYPE_CHECKING:
    from runfold.data.dataset import AbstractDataset
    from runfold.reading.records import ModelRecord
    from runfold.session import Session
    from runfold_schemas.watermark import Lane

UPLOADS = 8  # at once
UPLOAD_S = 300.0  # how long one file is tried


class Registered(NamedTuple):
    """A model that was stated; its version is 0 while the ledger has not decided."""

    record: ModelRecord
    lane: Lane
    ordinal: int


class Words(NamedTuple):
    """What is said of a model beside its files, checked."""

    name: str
    fields: dict[str, Any]
    used: list[AbstractDataset]
    """Datasets among them; one without a name is saved with the model, so that it is found."""


def words(
    model_name: object,
    *,
    tags: object = None,
    properties: object = None,
    model_framework: object = None,
    model_framework_version: object = None,
    description: object = None,
    datasets: object = None,
    sample_input_dataset: object = None,
    sample_output_dataset: object = None,
    resource_configuration: object = None,
) -> Words:
    """All words of a registration, checked before anything is stored.

    :raises WebserviceException: One is not allowed; the message says which, and what is.
    """
    name = checking.name(model_name)
    datasets = [*datasets] if isinstance(datasets, Iterator) else datasets  # it is read twice
    checked_tags, checked_properties = checking.tags(tags), checking.properties(properties)
    framework, framework_version = checking.framework(model_framework, model_framework_version)
    return Words(
        name,
        {
            "description": checking.description(description),
            "tags": noted(name, checked_tags),
            "properties": noted(name, checked_properties),
            "framework": framework,
            "framework_version": framework_version,
            "datasets": checking.datasets(datasets),
            "sample_input_dataset_id": checking.sample("sample_input_dataset", sample_input_dataset),
            "sample_output_dataset_id": checking.sample("sample_output_dataset", sample_output_dataset),
            "resource_configuration": resources.written(resource_configuration),
        },
        checking.used(datasets, sample_input_dataset, sample_output_dataset),
    )


def noted(name: str, checked: tuple[dict[str, str | None], list[str]]) -> dict[str, str | None]:
    """Tags or properties of a model; whose value was no string is told."""
    values, converted = checked
    for key in converted:
        notices.once(("model", name, key), f"the value of {key!r} is no string; it is kept as its text.")
    return values


def save(session: Session, used: Iterable[AbstractDataset]) -> None:
    """States the datasets that have no name, so that their ids find them."""
    from runfold.data import linking

    for each in used:
        linking.save(session, each)


def of_run(session: Session, run_id: str, experiment: str | None, model_path: object, said: Words) -> Registered:
    """Registers files that a run has stored.

    :raises ModelPathNotFoundException: The run stores nothing there.
    """
    stored = {each["path"]: each for each in session.read(lambda api: api.artifacts(run_id))}  # the latest attempt's
    path, found = checking.within_run(said.name if model_path is None else model_path, list(stored))
    files = []
    for each in found:
        artifact = stored[each.stored]
        files.append(ModelFile(each.path, artifact["sha256"], artifact["size"], artifact["media_type"]))
    return _state(session, said, files, path, objects_run_id=run_id, run_id=run_id, experiment=experiment)


def of_machine(session: Session, path: str, found: Iterable[tuple[str, Path]], said: Words) -> Registered:
    """Uploads files, as `local_files` has found them, and registers them.

    :param path: The path that was meant.
    :raises ServiceAwayError: API or object store do not take them.
    """
    from runfold.artifacts import sources

    api = session.api  # made once, before several threads want it

    def stored(file: tuple[str, Path]) -> ModelFile:
        inner, source = file
        body = sources.of(source, inner, source.parent)
        api.upload(f"model/{said.name}", body.sha256, body.size, body.media_type, body.open, timeout_s=UPLOAD_S)
        return ModelFile(inner, body.sha256, body.size, body.media_type)

    with ThreadPoolExecutor(UPLOADS, thread_name_prefix="runfold-model") as pool:
        files = list(pool.map(stored, found))
    return _state(session, said, files, path, objects_run_id=f"model/{said.name}")


def local_files(model_path: object, child_paths: object) -> tuple[str, list[tuple[str, Path]]]:
    """The path that was meant, and files to be registered by their path within the model.

    :raises FileNotFoundError: It is not there.
    :raises PermissionError: It is outside the current directory.
    :raises WebserviceException: It has no file, or something is no path.
    """
    if not isinstance(model_path, (str, os.PathLike)):
        raise WebserviceException(f"model_path must be a path, it is {model_path!r:.200}.")
    given = Path(os.fspath(model_path))
    if not given.exists():
        raise FileNotFoundError(f"Error, provided model path {str(given)!r} cannot be found")
    root, here = given.resolve(), Path.cwd().resolve()
    if not root.is_relative_to(here):
        raise PermissionError(
            f"Model path {str(given)!r} is outside the current directory {str(here)!r}; copy it there, or change the "
            "directory first."
        )
    if root.is_file():
        return str(given), [(root.name, root)]
    prefix = "" if root == here else f"{root.name}/"
    found = [(prefix + inner, root / inner) for inner in _children(root, child_paths)]
    if not found:
        raise WebserviceException(f"Error, there is no file in model path {str(given)!r}.")
    return str(given), [(validation.artifact_path(inner), path) for inner, path in found]


def _children(root: Path, child_paths: object) -> list[str]:
    everything = sorted(path.relative_to(root).as_posix() for path in root.rglob("*") if path.is_file())
    if child_paths is None:
        return everything
    if isinstance(child_paths, (str, bytes)) or not isinstance(child_paths, Sequence):
        raise WebserviceException(f"child_paths must be a list of paths below model_path, it is {child_paths!r:.200}.")
    chosen: dict[str, None] = {}
    for each in child_paths:
        inner = validation.artifact_path(each)
        below = [path for path in everything if path == inner or path.startswith(f"{inner}/")]
        if not below:
            raise FileNotFoundError(f"Error, child path {inner!r} cannot be found in {str(root)!r}")
        chosen.update(dict.fromkeys(below))
    return list(chosen)


def _state(
    session: Session,
    said: Words,
    files: Sequence[ModelFile],
    path: str,
    *,
    objects_run_id: str,
    run_id: str | None = None,
    experiment: str | None = None,
) -> Registered:
    fields: dict[str, Any] = {
        **said.fields,
        "files": list(files),
        "path": path,
        "objects_run_id": objects_run_id,
        "run_id": run_id,
        "experiment": experiment,
    }
    save(session, said.used)
    lane, ordinal = session.about("model", said.name, ModelRegistered, **fields)
    decision = session.decisions.wait(lane, ordinal, f"register_model({said.name!r})")
    version = (decision["version"] or 0) if decision is not None else 0
    return Registered(_record(said.name, version, fields), lane, ordinal)


def _record(name: str, version: int, fields: Mapping[str, Any]) -> ModelRecord:
    told: dict[str, Any] = {
        **fields,
        "name": name,
        "version": version,
        "tags": dict(fields["tags"]),
        "properties": dict(fields["properties"]),
        "files": [each._asdict() for each in fields["files"]],
        "datasets": [each._asdict() for each in fields["datasets"]],
        "mime_type": None,
        "unpack": False,
        "created_at": datetime.now(timezone.utc).isoformat(timespec="microseconds").replace("+00:00", "Z"),
        "created_by": environment.introduction(environment.place())["actor"],
        "deleted": False,
    }
    return cast("ModelRecord", told)
