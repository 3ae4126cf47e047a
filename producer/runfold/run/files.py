"""upload_file(s), upload_folder, download_file(s), get_file_names, and the content of images and chart documents.

A name is written once per attempt; who uses it again is told, as with properties. Images and chart documents are told
apart from files by their metric: the ledger gives a repeated one another path, so nothing is decided there.
"""

from __future__ import annotations

import os
from collections.abc import Iterable, Mapping
from datetime import datetime, timezone
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

from runfold import notices, validation
from runfold.exceptions import UserErrorException
from runfold_schemas.events import ArtifactLogged

if TYPE_CHECKING:
    from runfold.artifacts.progress import Progress
    from runfold.artifacts.sources import Body
    from runfold.reading.client import ApiClient
    from runfold_schemas.watermark import Lane

    from .handle import RunHandle

ORIGIN = "ExperimentRun"
DEFAULT_DATASTORES = ("workspaceartifactstore", "workspaceblobstore", "default")


class Artifact(NamedTuple):
    """What `upload_file` says of one stored file; `created_time` is the end of the upload, by this process's clock."""

    artifact_id: str
    origin: str
    container: str
    path: str
    etag: str
    created_time: datetime


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
        """The value of a chart document.

        :raises UserErrorException: It is an image.
        """
        import json

        if self.metric_type == "image":
            raise UserErrorException(f"{self.path} is an image, which has no value; `data` holds its bytes.")
        return json.loads(self.data)


def upload_file(handle: RunHandle, name: object, path_or_stream: object, datastore_name: object = None) -> Uploaded:
    """Stores a file under a name and waits for the decision.

    :raises ArtifactExistsError: The name is taken in this attempt.
    :raises FileNotFoundError: There is no such file.
    """
    _note_datastore(datastore_name)
    from runfold.artifacts.progress import Progress

    with Progress("upload") as progress:
        path, body, lane, ordinal = state_file(handle, name, path_or_stream, progress)
    handle.session.decisions.wait(lane, ordinal, f"upload_file({path!r})")
    handle.stored[path] = body.sha256
    return _uploaded(handle, path, body)


def state_file(
    handle: RunHandle, name: object, path_or_stream: object, progress: Progress | None = None
) -> tuple[str, Body, Lane, int]:
    """Stores a file and journals the wish to name it: path, body, lane and ordinal."""
    from runfold.artifacts import sources, storing

    path = validation.artifact_path(name)
    session = handle.session
    body = sources.of(path_or_stream, path, session.spool())
    if progress is not None:
        progress.expect(body.size)
    body = storing.store(session, handle.run_id, body, moved=progress.moved if progress is not None else None)
    return path, body, *state(handle, path, body)


def upload_files(
    handle: RunHandle,
    names: object,
    paths: object,
    return_artifacts: bool = False,
    timeout_seconds: object = None,
    datastore_name: object = None,
) -> Any:
    """Stores files, each under its name, several at once, and waits for all decisions together.

    :param return_artifacts: Whether the artifacts come first: (artifacts by name, map), else the map alone.
    :param timeout_seconds: Seconds for all of it; as long as it takes where None.
    :returns: An iterator over what `upload_file` would return of each.
    :raises TypeError: Not as many names as paths, or no lists of them.
    :raises FileNotFoundError: One of the files is not there; nothing was stored.
    :raises ArtifactExistsError: A name is taken in this attempt; the other files are stored.
    :raises AzureMLException: The time is over; what was stored so far stays.
    """
    from runfold.run import uploading

    _note_datastore(datastore_name)
    wanted = _pairs(names, paths)
    seconds = _seconds(timeout_seconds)
    stored = uploading.stored(handle, wanted, f"upload_files({len(wanted)} files)", seconds)
    told = map(lambda each: _uploaded(handle, *each), stored)  # noqa: C417 - a map, as the original's
    if return_artifacts:
        return {path: _uploaded(handle, path, body).artifacts[path] for path, body in stored}, told
    return told


def upload_folder(handle: RunHandle, name: object, path: object, datastore_name: object = None) -> Any:
    """Stores the files below a directory under the prefix `name`, links to files and directories too.

    :returns: As `upload_files`.
    :raises UserErrorException: It is no directory.
    """
    if not isinstance(path, (str, os.PathLike)) or not Path(os.fsdecode(path)).is_dir():
        raise UserErrorException(f"path must be a directory that exists, it is {path!r:.200}.")
    root = os.fsdecode(path)
    prefix = name.__fspath__() if isinstance(name, os.PathLike) else name
    if not isinstance(prefix, str):
        raise UserErrorException(f"name must be a str, it is {name!r:.200} of type {type(name).__name__}.")
    below = [found for found, _ in walked(root)]
    names = [f"{prefix.rstrip('/')}/{each}" if prefix.strip("./") else each for each in below]
    return upload_files(handle, names, [Path(root, each) for each in below], False, None, datastore_name)


def walked(root: str) -> list[tuple[str, os.stat_result]]:
    """Files below a directory by path, '/' between parts; a link that leads back to a parent is not followed."""
    found: list[tuple[str, os.stat_result]] = []
    pending: list[tuple[str, tuple[tuple[int, int], ...]]] = [("", ())]
    while pending:
        below, above = pending.pop()
        here = Path(root, below)
        about = here.stat()
        identity = (about.st_dev, about.st_ino)
        if identity in above:
            continue
        for entry in os.scandir(here):
            path = f"{below}/{entry.name}" if below else entry.name
            if entry.is_dir():
                pending.append((path, (*above, identity)))
            elif entry.is_file():
                found.append((path, entry.stat()))
    return sorted(found, key=lambda each: each[0])


def store_body(handle: RunHandle, path: str, body: Body, metric: tuple[str, str]) -> None:
    """Stores the content of an image or chart document: (metric name, metric type)."""
    from runfold.artifacts import storing

    state(handle, path, storing.store(handle.session, handle.run_id, body, inline=True), metric)


def get_file_names(handle: RunHandle, not_before: str | None = None) -> list[str]:
    """Paths of all that is stored in the run, and of its logs that are still written."""

    def names(api: ApiClient) -> list[str]:
        stored = [each["path"] for each in api.artifacts(handle.run_id)]
        return list(dict.fromkeys([*stored, *(each["name"] for each in api.logs(handle.run_id))]))

    return handle.session.read(names, not_before)


def download_file(
    handle: RunHandle, name: object, output_file_path: object = None, not_before: str | None = None
) -> None:
    """Writes a stored file, or a log so far, to disk: see `downloading`."""
    from . import downloading

    downloading.download_file(handle, name, output_file_path, not_before)


def download_files(
    handle: RunHandle,
    prefix: object = None,
    output_directory: object = None,
    output_paths: object = None,
    batch_size: object = 100,
    append_prefix: object = True,
    timeout_seconds: object = None,
    not_before: str | None = None,
) -> None:
    """Writes the stored files below a prefix to disk: see `downloading`."""
    from . import downloading

    where = downloading.Where(output_directory, output_paths, bool(append_prefix))
    downloading.download_files(handle, prefix, where, batch_size, _seconds(timeout_seconds), not_before)


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


def address(run_id: str, path: str) -> str:
    """How get_metrics names the content of an image or chart document."""
    return f"aml://artifactId/{ORIGIN}/{_container(run_id)}/{path}"


def state(
    handle: RunHandle, path: str, body: Body, metric: tuple[str | None, str | None] = (None, None)
) -> tuple[Lane, int]:
    """Journals what a body is called."""
    return handle.session.told(
        handle.run_id,
        ArtifactLogged,
        attempt=handle.session.place.attempt,
        name=path,
        sha256=body.sha256,
        size=body.size,
        media_type=body.media_type,
        part_digests=body.parts,
        body=body.data,
        metric_name=metric[0],
        metric_type=metric[1],
    )


def _seconds(given: object) -> float | None:
    """A timeout; None for as long as it takes."""
    if given is None:
        return None
    if isinstance(given, bool) or not isinstance(given, (int, float)) or not given > 0:
        raise UserErrorException(f"timeout_seconds must be a number above 0 or None, it is {given!r:.200}.")
    return float(given)


def _pairs(names: object, paths: object) -> list[tuple[str, Any]]:
    """Names, as they will be stored, and their files; each is looked for before anything is stored."""
    for what, given in (("names", names), ("paths", paths)):
        if isinstance(given, (str, bytes)) or not isinstance(given, Iterable):
            raise TypeError(f"{what} must be a list, it is {given!r:.200} of type {type(given).__name__}.")
    listed, sources = list(names), list(paths)  # type: ignore[call-overload]
    if len(listed) != len(sources):
        raise TypeError(f"names and paths go together: there are {len(listed)} names and {len(sources)} paths.")
    pairs = [(validation.artifact_path(name), source) for name, source in zip(listed, sources, strict=True)]
    for _, source in pairs:
        if isinstance(source, (str, os.PathLike)):
            Path(os.fsdecode(source)).stat()
    seen: set[str] = set()
    for path, _ in pairs:
        if path in seen:
            notices.say(f"{path} is named twice in one call: a name is written once, the second file will be refused.")
        seen.add(path)
    return pairs


def _note_datastore(given: object) -> None:
    if given is not None and given not in DEFAULT_DATASTORES:
        notices.once(
            ("datastore", given),
            f"datastore_name {given!r:.200}: files of a run are kept in the ledger's object store, whatever is named.",
        )


def _uploaded(handle: RunHandle, path: str, body: Body) -> Uploaded:
    container = _container(handle.run_id)
    now = datetime.now(timezone.utc)
    artifact = Artifact(f"{ORIGIN}/{container}/{path}", ORIGIN, container, path, body.sha256, now)
    content = ArtifactContent(ORIGIN, container, path, address(handle.run_id, path))
    return Uploaded({path: artifact}, {path: content})


def _container(run_id: str) -> str:
    return f"dcid.{run_id}"
