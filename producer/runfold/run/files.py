"""upload_file, download_file, get_file_names, and the content of images and chart documents.

A name is written once per attempt; who uses it again is told, as with properties. Images and chart documents are told
apart from files by their metric: the ledger gives a repeated one another path, so nothing is decided there.
"""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any, NamedTuple

from runfold import validation
from runfold_schemas.events import ArtifactLogged

if TYPE_CHECKING:
    from runfold.artifacts.sources import Body
    from runfold_schemas.watermark import Lane

    from .handle import RunHandle

ORIGIN = "ExperimentRun"


class Artifact(NamedTuple):
    """What `upload_file` says of one stored file."""

    artifact_id: str
    origin: str
    container: str
    path: str
    etag: str
    created_time: str | None


class ArtifactContent(NamedTuple):
    """Where the content of one stored file is."""

    origin: str
    container: str
    path: str
    content_uri: str


class Uploaded(NamedTuple):
    """What `upload_file` returns: both by name."""

    artifacts: dict[str, Artifact]
    artifact_content_information: dict[str, ArtifactContent]


class Populated:
    """The content of an image or a chart document, from `get_metrics(populate=True)`.

    Attributes:
        data: The bytes.
        filename, path: Name within its folder, and within the run.
        origin, container: Where the original would have kept it.
        data_location: The address that get_metrics returns without populate.
        metric_type: image, confusion_matrix, accuracy_table, predictions or residuals.
    """

    def __init__(self, run_id: str, path: str, data: bytes, metric_type: str) -> None:
        self.data = data
        self.path = path
        self.filename = path.rpartition("/")[2]
        self.origin = ORIGIN
        self.container = _container(run_id)
        self.data_location = address(run_id, path)
        self.metric_type = metric_type

    def convert_to_object(self) -> Any:
        """The value of a chart document."""
        import json

        return json.loads(self.data)


def upload_file(handle: RunHandle, name: object, path_or_stream: object) -> Uploaded:
    """Stores a file under a name and waits for the decision.

    :raises ArtifactExistsError: The name is taken in this attempt.
    """
    path, body, lane, ordinal = state_file(handle, name, path_or_stream)
    handle.session.decisions.wait(lane, ordinal, f"upload_file({path!r})")
    container = _container(handle.run_id)
    artifact = Artifact(f"{ORIGIN}/{container}/{path}", ORIGIN, container, path, body.sha256, None)
    content = ArtifactContent(ORIGIN, container, path, address(handle.run_id, path))
    return Uploaded({path: artifact}, {path: content})


def state_file(handle: RunHandle, name: object, path_or_stream: object) -> tuple[str, Body, Lane, int]:
    """Stores a file and journals the wish to name it: path, body, lane and ordinal."""
    from runfold.artifacts import sources, storing

    path = validation.artifact_path(name)
    session = handle.session
    body = sources.of(path_or_stream, path, session.spool())
    body = storing.store(session, handle.run_id, body, inline=False)
    return path, body, *_state(handle, path, body, (None, None))


def store_body(handle: RunHandle, path: str, body: Body, metric: tuple[str, str]) -> None:
    """Stores the content of an image or chart document: (metric name, metric type)."""
    from runfold.artifacts import storing

    _state(handle, path, storing.store(handle.session, handle.run_id, body, inline=True), metric)


def get_file_names(handle: RunHandle, not_before: str | None) -> list[str]:
    """Paths of all that is stored in the run."""
    stored = handle.session.read(lambda api: api.artifacts(handle.run_id), not_before)
    return list(dict.fromkeys(each["path"] for each in stored))


def download_file(
    handle: RunHandle, name: object, output_file_path: str | os.PathLike[str] | None, not_before: str | None
) -> None:
    """Writes a stored file to disk: under its base name in the current directory, into a directory, or to a path.

    :raises ArtifactNotFoundError: Nothing is stored under that name.
    :raises ArtifactMismatchError: The stored bytes are others than the fact names; nothing was written.
    """
    from pathlib import Path

    path = validation.artifact_path(name)
    content = handle.session.read(lambda api: api.content(handle.run_id, path), not_before)
    base = path.rpartition("/")[2]
    target = Path(base if output_file_path is None else output_file_path)
    if target.is_dir() or str(output_file_path or "").endswith("/"):
        target = target / base
    target.parent.mkdir(parents=True, exist_ok=True)
    handle.session.api.download(content, target)


def populated(handle: RunHandle, run_id: str, values: Mapping[str, Any]) -> dict[str, Any]:
    """Metric values, with the content of images and chart documents in place of their addresses."""
    prefix, api = address(run_id, ""), handle.session.api
    types = {each["path"]: each["metric_type"] for each in api.artifacts(run_id) if each["metric_type"] is not None}
    found: dict[str, Any] = dict(values)
    for name, value in values.items():
        path = value[len(prefix) :] if isinstance(value, str) and value.startswith(prefix) else None
        if path in types:
            found[name] = Populated(run_id, path, api.read_bytes(api.content(run_id, path)), types[path])
    return found


def addresses(handle: RunHandle, folders: Sequence[str]) -> dict[str, str]:
    """Signed addresses of what is stored in some folders, by path."""
    api = handle.session.api
    paths = dict.fromkeys(each["path"] for folder in folders for each in api.artifacts(handle.run_id, prefix=folder))
    return {path: api.content(handle.run_id, path)["url"] for path in paths}


def address(run_id: str, path: str) -> str:
    """How get_metrics names the content of an image or chart document."""
    return f"aml://artifactId/{ORIGIN}/{_container(run_id)}/{path}"


def _container(run_id: str) -> str:
    return f"dcid.{run_id}"


def _state(handle: RunHandle, path: str, body: Body, metric: tuple[str | None, str | None]) -> tuple[Lane, int]:
    return handle.session.told(
        handle.run_id,
        ArtifactLogged,
        attempt=handle.session.place.attempt,
        name=path,
        sha256=body.sha256,
        size=body.size,
        media_type=body.media_type,
        body=body.data,
        metric_name=metric[0],
        metric_type=metric[1],
    )
