"""download_file and download_files: stored files to disk, each whole or not at all, several at a time.

A name is the latest attempt's. Names come from whoever wrote to the ledger, so one that would leave the directory that
was asked for is refused. A log that is still written is no artifact yet: what there is of it so far is written.
"""

from __future__ import annotations

import os
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

from runfold import notices, validation
from runfold.artifacts.parallel import Transfers
from runfold.artifacts.progress import Progress
from runfold.exceptions import ArtifactNotFoundError, ServiceException, UserErrorException

if TYPE_CHECKING:
    from runfold.reading.client import ApiClient
    from runfold.reading.records import ArtifactRecord

    from .handle import RunHandle

ADDRESS_REFUSED = 403  # an address is good for an hour


class Where(NamedTuple):
    """Where files go: the options of `download_files`.

    Attributes:
        directory: Goes before each path; the current directory where None.
        paths: One for each file, instead of its path.
        append_prefix: Whether the prefix stays in the local path; without a directory it does.
    """

    directory: object
    paths: object
    append_prefix: bool


def download_file(handle: RunHandle, name: object, output_file_path: object, not_before: str | None) -> None:
    """Writes a stored file to disk: under its base name in the current directory, into a directory, or to a path.

    :raises ArtifactNotFoundError: Nothing is stored under that name.
    :raises ArtifactMismatchError: The stored bytes are others than the fact names; nothing was written.
    """
    path = validation.artifact_path(name)
    if output_file_path is not None and not isinstance(output_file_path, (str, os.PathLike)):
        raise UserErrorException(
            f"output_file_path must be a path, it is {output_file_path!r:.200} of type "
            f"{type(output_file_path).__name__}."
        )
    base = path.rpartition("/")[2]
    given = base if output_file_path is None else os.fsdecode(output_file_path)
    target = Path(given)
    if target.is_dir() or given.endswith("/"):
        target = target / base
    api = handle.session.api
    try:
        content = handle.session.read(lambda api: api.content(handle.run_id, path), not_before)
    except ArtifactNotFoundError as missing:
        logs = _logs(handle, api)
        if path not in logs:
            raise ArtifactNotFoundError(path, list(dict.fromkeys([*missing.available, *logs]))) from missing
        _write_log(handle, api, path, target)
        return
    target.parent.mkdir(parents=True, exist_ok=True)
    with Progress("download", content["size"]) as progress:
        api.download(content, target, moved=progress.moved)


def download_files(
    handle: RunHandle,
    prefix: object,
    where: Where,
    batch_size: object,
    timeout_s: float | None,
    not_before: str | None,
) -> None:
    """Writes the stored files below a folder of the run to disk, or all of them, logs so far too.

    :raises ArtifactNotFoundError: Nothing is stored there; nothing was written.
    :raises UserErrorException: An option, or a stored name, is not allowed; nothing was written.
    :raises AzureMLException: The time is over; what was written so far stays.
    """
    if isinstance(batch_size, bool) or not isinstance(batch_size, int) or batch_size < 1:
        raise UserErrorException(f"batch_size must be a whole number from 1, it is {batch_size!r:.200}.")
    folder = _folder(prefix)
    api = handle.session.api
    stored = handle.session.read(lambda api: api.artifacts(handle.run_id, prefix=folder, signed=True), not_before)
    latest = {each["path"]: each for each in stored}  # by path, then attempt: the last one is the latest
    logs = [name for name in _logs(handle, api) if name.startswith(folder) and name not in latest]
    names = [*latest, *logs]
    if not names and folder:
        available = dict.fromkeys(each["path"] for each in api.artifacts(handle.run_id))
        raise ArtifactNotFoundError(str(prefix), list(available), what="Prefix")
    targets = dict(zip(names, _targets(names, folder, where), strict=True))
    for target in {target.parent for target in targets.values()}:
        target.mkdir(parents=True, exist_ok=True)
    with Progress("download", sum(each["size"] for each in latest.values())) as progress:
        transfers = Transfers(f"download_files({folder!r})", timeout_s, progress.moved)

        def fetch(record: ArtifactRecord) -> None:
            target = targets[record["path"]]
            try:
                api.download(record, target, moved=transfers.moved)
            except ServiceException as refused:
                if refused.status_code != ADDRESS_REFUSED:
                    raise
                again = api.content(handle.run_id, record["path"], attempt=record["attempt"])
                api.download(again, target, moved=transfers.moved)

        wanted = list(latest.values())
        for first in range(0, len(wanted), batch_size):
            transfers.each(fetch, wanted[first : first + batch_size])
    for name in logs:
        _write_log(handle, api, name, targets[name])


def _folder(prefix: object) -> str:
    if prefix is None or prefix in ("", ".", "./"):
        return ""
    return f"{validation.artifact_path(prefix)}/"


def _targets(names: Sequence[str], folder: str, where: Where) -> list[Path]:
    if where.directory is not None and not isinstance(where.directory, (str, os.PathLike)):
        raise UserErrorException(f"output_directory must be a path, it is {where.directory!r:.200}.")
    root = Path(os.fsdecode(where.directory)) if where.directory is not None else Path()
    chosen = _chosen(where.paths, len(names))
    if chosen is not None:
        return [root / each for each in chosen]
    cut = len(folder) if where.directory is not None and not where.append_prefix else 0
    return [root / _safe(name)[cut:] for name in names]


def _chosen(paths: object, count: int) -> list[str] | None:
    """`output_paths` where they can be used."""
    if paths is None:
        return None
    if isinstance(paths, (str, bytes)) or not isinstance(paths, Sequence):
        raise UserErrorException(f"output_paths must be a list of paths, it is {paths!r:.200}.")
    chosen = [os.fsdecode(path) for path in paths]
    if len(chosen) != count or len({os.path.normpath(path) for path in chosen}) != count:
        notices.say(
            f"output_paths has {len(chosen)} paths ({len(set(chosen))} different ones) for {count} files; it is "
            "ignored, and files are written under their own paths."
        )
        return None
    return chosen


def _safe(name: str) -> str:
    """A stored name that stays below the directory that it is written to.

    :raises UserErrorException: It does not.
    """
    parts = name.split("/")
    if {"", ".", ".."} & set(parts) or "\0" in name or "\\" in name or name.startswith("/"):
        raise UserErrorException(
            f"the stored name {name!r:.300} leads out of the output directory and is refused; nothing was written. "
            "download_file with a path of your own fetches it."
        )
    return name


def _logs(handle: RunHandle, api: ApiClient) -> list[str]:
    return list(dict.fromkeys(each["name"] for each in api.logs(handle.run_id)))


def _write_log(handle: RunHandle, api: ApiClient, name: str, target: Path) -> None:
    """Writes a log so far."""
    target.parent.mkdir(parents=True, exist_ok=True)
    part = target.with_name(f".{target.name}.{os.getpid()}.part")
    try:
        with part.open("wb") as file:
            file.writelines(api.log_pieces(handle.run_id, name))
        part.replace(target)
    finally:
        part.unlink(missing_ok=True)
