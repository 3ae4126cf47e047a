"""get_details, get_details_with_logs, get_all_logs.

A log is text that grows (LogAppended) and, once its writer has closed it, an artifact of the same name: the text is
taken from the ledger, and from the artifact where the ledger has no text.
"""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple
from urllib.parse import quote, urlencode

from runfold import notices, validation
from runfold.exceptions import UserErrorException

from . import finding

if TYPE_CHECKING:
    from runfold.reading.records import LogRecord, RunRecord

    from .handle import RunHandle

LOG_FOLDERS = ("user_logs/", "system_logs/", "azureml-logs/", "logs/")


def get_details(handle: RunHandle, not_before: str | None = None) -> dict[str, Any]:
    """What the ledger knows of the run, in the original's names; what is not set is absent."""
    return _details(handle, log_addresses, not_before)


def get_details_with_logs(handle: RunHandle, not_before: str | None = None) -> dict[str, Any]:
    """As get_details, with each log's text in the place of its address."""
    return _details(handle, _texts, not_before)


def get_all_logs(handle: RunHandle, destination: object, project: object = None) -> list[str]:
    """Writes every log to disk: paths of the files.

    :param project: Directory of the project, in which assets/<run id> is the default; the current one where None.
    :raises UserErrorException: `destination` is a file.
    """
    if destination is not None and not isinstance(destination, (str, os.PathLike)):
        raise UserErrorException(
            f"destination must be the path of a directory, it is {destination!r:.200} of type "
            f"{type(destination).__name__}."
        )
    folder = Path(str(project or "."), "assets", handle.run_id) if destination is None else Path(destination)
    if folder.exists() and not folder.is_dir():
        raise UserErrorException(f"destination must be a directory, {folder} is a file.")
    written = []
    for name, log in _logs(handle).items():
        target = _below(folder, name)
        if target is None:
            continue
        target.parent.mkdir(parents=True, exist_ok=True)
        _write(handle, name, log, target)
        written.append(str(target))
    return written


def log_addresses(handle: RunHandle) -> dict[str, str]:
    """Where each log is, by name: the signed address of its artifact, or of the API while it grows."""
    return {name: log.address or _live_address(handle, name) for name, log in _logs(handle, signed=True).items()}


def _texts(handle: RunHandle) -> dict[str, str]:
    return {name: _whole(handle, name, log).decode("utf-8", "replace") for name, log in _logs(handle).items()}


def _details(handle: RunHandle, logs: Callable[[RunHandle], dict[str, str]], not_before: str | None) -> dict[str, Any]:
    record = finding.refresh(handle, not_before)
    details = {name: value for name, value in _stated(handle, record).items() if value is not None}
    details["logFiles"] = logs(handle)
    details["submittedBy"] = record["submitted_by"]
    if record["submitted_by"] is None:
        notices.once(("submitted by", handle.run_id), f"who submitted run {handle.run_id} is not known.")
    return details


def _stated(handle: RunHandle, record: RunRecord) -> dict[str, Any]:
    from . import datasets

    error = record["error"]
    linked = datasets.details(record, handle.session)
    warnings = [{"source": each["source"], "message": each["message"]} for each in record.get("warnings") or ()]
    return {
        "runId": handle.run_id,
        "target": record["target"],
        "status": record["status"],
        "startTimeUtc": record["started_at"],
        "endTimeUtc": record["ended_at"],
        "error": None if error is None else {"error": {name: said for name, said in error.items() if said is not None}},
        "warnings": warnings or None,
        "properties": dict(record["properties"]),
        **linked,
        "runDefinition": record.get("definition"),
    }


class _Log(NamedTuple):
    """One log: its text, its artifact, or both."""

    text: LogRecord | None
    address: str | None


def _logs(handle: RunHandle, signed: bool = False) -> dict[str, _Log]:
    """Logs by name, in order. One that several processes wrote, or several attempts, is the first process's of the
    latest.

    :param signed: Whether the artifacts come with their addresses.
    """
    api = handle.session.api
    texts: dict[str, LogRecord] = {}
    for text in api.logs(handle.run_id):
        known = texts.get(text["name"])
        if known is None or text["attempt"] > known["attempt"]:
            texts[text["name"]] = text
    addresses: dict[str, str | None] = {}
    for folder in LOG_FOLDERS:
        for each in api.artifacts(handle.run_id, prefix=folder, signed=signed):
            if each["metric_name"] is None:
                url = each.get("url")
                addresses[each["path"]] = str(url) if url else None  # by path, then attempt: the latest stays
    return {name: _Log(texts.get(name), addresses.get(name)) for name in sorted(texts.keys() | addresses.keys())}


def _whole(handle: RunHandle, name: str, log: _Log) -> bytes:
    api = handle.session.api
    if log.text is None:
        return api.read_bytes(api.content(handle.run_id, name))
    return b"".join(api.log_pieces(handle.run_id, name, log.text["attempt"], log.text["writer_id"]))


def _write(handle: RunHandle, name: str, log: _Log, target: Path) -> None:
    api = handle.session.api
    if log.text is None:
        api.download(api.content(handle.run_id, name), target)
        return
    with target.open("wb") as file:
        for piece in api.log_pieces(handle.run_id, name, log.text["attempt"], log.text["writer_id"]):
            file.write(piece)


def _below(folder: Path, name: str) -> Path | None:
    """Where a log goes below a folder; None for a name that leads elsewhere, since names are anybody's words."""
    try:
        return folder.joinpath(*validation.artifact_path(name).split("/"))
    except UserErrorException:
        notices.say(f"the log {name!r:.200} is not written: its name leads out of {folder}.")
        return None


def _live_address(handle: RunHandle, name: str) -> str:
    session = handle.session
    api = (session.settings.api or "").rstrip("/")
    where = f"/v1/workspaces/{quote(session.workspace or '', safe='')}/runs/{quote(handle.run_id, safe='')}"
    return f"{api}{where}/logs/content?{urlencode({'name': name})}"
