"""What a job's wrapper does for the data of its script: paths before, uploads and registrations after.

A submission carries each input and output as JSON in a variable RUNFOLD_DATA_<name>, and a placeholder among the
arguments. Inputs: {direction, name, mode, path_on_compute, dataset_id, definition, placeholder}. Outputs: {direction,
name, mode, datastore, path, source, overwrite, globs, registration, placeholder}.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from runfold.exceptions import UserErrorException

if TYPE_CHECKING:
    from runfold.run.handle import RunHandle
    from runfold.workspace import Workspace

PREFIX = "RUNFOLD_DATA_"
INPUTS = "AZUREML_DATASET_ENVIRONMENT_VARS"
FILE_OUTPUTS = "AZUREML_DATASET_FILE_OUTPUTS"
LINK_OUTPUTS = "AZUREML_LINK_DATASET_OUTPUTS"
FOLDER = ".runfold-data"  # within the job's


def variables(told: Mapping[str, Any]) -> dict[str, str]:
    """Environment variables by which wrapper and script find an input or output."""
    name, mode = told["name"], told["mode"]
    if told["direction"] == "input":
        found = {INPUTS: f"{name}:{mode}", name: told["dataset_id"] if mode == "direct" else told["placeholder"]}
    elif mode == "link":
        found = {LINK_OUTPUTS: name, name: told["placeholder"]}
    else:
        found = {FILE_OUTPUTS: name, name: told["placeholder"]}
    return {**found, PREFIX + name: json.dumps(told, sort_keys=True)}


def told_of(environment: Mapping[str, str]) -> list[dict[str, Any]]:
    """The inputs and outputs that variables carry."""
    return [json.loads(text) for name, text in environment.items() if name.startswith(PREFIX)]


def deliver(
    workspace: Workspace, command: Sequence[str], environment: Mapping[str, str], folder: Path
) -> tuple[list[str], dict[str, str]]:
    """Brings the data of a job there: its command and environment, with paths in place of placeholders.

    :param folder: The job's.
    :raises UserErrorException: Data is not there, or cannot be brought.
    """
    known = told_of(environment)
    paths = {told["placeholder"]: _path(told, workspace, folder) for told in known}
    return [_replaced(word, paths) for word in command], {
        name: paths.get(text, text) for name, text in environment.items()
    }


def collect(handle: RunHandle, workspace: Workspace, environment: Mapping[str, str], folder: Path) -> None:
    """After the script has ended well: uploads what it wrote, links it to the run, registers what shall be.

    :raises UserErrorException: Something cannot be stored.
    """
    for told in told_of(environment):
        if told["direction"] == "output" and told["mode"] != "link":
            _collected(told, handle, workspace, folder)


def _replaced(word: str, paths: Mapping[str, str]) -> str:
    for placeholder in sorted(paths, key=len, reverse=True):  # of two, one may be how the other begins
        word = word.replace(placeholder, paths[placeholder])
    return word


def _path(told: Mapping[str, Any], workspace: Workspace, folder: Path) -> str:
    if told["direction"] == "output":
        if told["mode"] == "link":
            return str(told["name"])
        target = _source(told, folder)
        target.mkdir(parents=True, exist_ok=True)
        return str(target)
    if told["mode"] == "direct":
        return str(told["dataset_id"])
    from . import files
    from .consumption import dataset_of
    from .file_dataset import FileDataset

    dataset = dataset_of(dict(told), workspace)
    if not isinstance(dataset, FileDataset):
        raise UserErrorException(f"Input {told['name']!r} is tabular; only files are mounted or downloaded.")
    on_compute = told.get("path_on_compute")
    if told["mode"] == "mount" and on_compute is None:
        if dataset._folder is not None:
            return dataset._folder
        found = dataset._files()
        if dataset._single(found) and found[0].local is not None:
            return str(found[0].local)
    else:
        found = dataset._files()
    if not found:
        raise UserErrorException(f"Input {told['name']!r} has no file: {told['definition']['paths']}.")
    target = folder / FOLDER / told["name"] if on_compute is None else folder / on_compute
    written = files.fetch(found, target, overwrite=True)
    return written[0] if dataset._single(found) else str(target)


def _source(told: Mapping[str, Any], folder: Path) -> Path:
    source: str | None = told["source"]
    return folder / FOLDER / "outputs" / str(told["name"]) if source is None else folder / source


def _collected(told: Mapping[str, Any], handle: RunHandle, workspace: Workspace, folder: Path) -> None:
    from . import definitions, finding, linking
    from .file_dataset import FileDataset

    source = _source(told, folder)
    globs = told["globs"] or ["**/*"]
    found = sorted({each for pattern in globs for each in source.glob(pattern) if each.is_file()})
    name = told["datastore"]
    store = finding.default_datastore(workspace) if name is None else finding.datastore(workspace, name)
    path = definitions.relative(told["path"].replace("{run-id}", handle.run_id).replace("{output-name}", told["name"]))
    store.upload_files(
        [str(each) for each in found],
        relative_root=str(source),
        target_path=path,
        overwrite=told["overwrite"],
        show_progress=False,
    )
    dataset = FileDataset._of({"kind": "file", "paths": [{"datastore": store.name, "path": path}]}, workspace)
    said = told["registration"]
    if said is not None:
        dataset = dataset.register(workspace, said["name"], said["description"], said["tags"], create_new_version=True)
    mode = "mount" if told["mode"] == "mount" else "upload"
    linking.link(handle.session, handle.run_id, "output", told["name"], dataset, mode, str(source))
