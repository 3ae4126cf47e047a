"""take_snapshot, restore_snapshot, get_snapshot_id: the source code of a run.

A snapshot is a fact like others: journaled at once, whatever service is away. A small ZIP travels in it; a larger one
goes to object storage, or into the spool, as files do. Its id and what git says become properties in one fact; nobody
waits for its decision.
"""

from __future__ import annotations

import os
import re
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING

from runfold import notices
from runfold.exceptions import ServiceAwayError, ServiceException, SnapshotException
from runfold.snapshots import contents, git, packing, restoring
from runfold_schemas import limits
from runfold_schemas.events import SnapshotTaken
from runfold_schemas.home import home

from . import finding
from . import properties as properties_system

if TYPE_CHECKING:
    from runfold.artifacts.sources import Body
    from runfold.snapshots.contents import Contents

    from .handle import RunHandle

PROPERTY = "ContentSnapshotId"
MEDIA_TYPE = "application/zip"
_ID = re.compile(r"[0-9A-Za-z][0-9A-Za-z._-]{0,127}")

# Of this process: what was found in each directory last, and the last ZIP that was small enough to travel in an event.
_previous: dict[Path, dict[str, str]] = {}
_packed: dict[str, Body] = {}


def take(handle: RunHandle, path: object, *, begun_here: bool = False) -> str:
    """Keeps the source code of a directory, or of one file, with the run, and returns the snapshot's id.

    The same content has the same id. Returns after the journal's append; a ZIP of more than 256 KiB is uploaded first,
    or kept in the spool while the store is away.

    :param begun_here: The run was begun by the caller just now: nobody is asked whether it has a snapshot already.
    :raises SnapshotException: The run has one, the directory is not there, cannot be read, or exceeds 300 MB or 2,000
        files that are new since this process's last snapshot of it.
    """
    known = _known(handle, begun_here)
    if known is not None:
        raise SnapshotException(f"Cannot take snapshot as the run already has one: {known}")
    if not isinstance(path, (str, os.PathLike)):
        raise SnapshotException(
            f"A snapshot is taken of a directory or file, given as str or path; it was {path!r:.200} of type "
            f"{type(path).__name__}."
        )
    root = Path(os.path.abspath(os.fsdecode(path)))  # noqa: PTH100 - '..' goes, links stay
    found = contents.of(root, _previous.get(root), _kept_by_us(handle))
    if found.left_out:
        shown = ", ".join(found.left_out[:3])
        notices.once(
            ("snapshot", root),
            f"{len(found.left_out)} files are no part of the snapshot of {root}, since they are links that lead out of "
            f"it or to nothing, or have a name that is no UTF-8: {shown}.",
        )
    found, body = _stored(handle, found)
    _previous[root] = {entry.path: entry.sha256 for entry in found.entries}
    snapshot_id = found.snapshot_id
    attempt = handle.session.place.attempt
    handle.session.fact(
        handle.run_id,
        SnapshotTaken,
        attempt=attempt,
        snapshot_id=snapshot_id,
        sha256=body.sha256,
        size=body.size,
        files=len(found.entries),
        content_bytes=found.size,
        directory=os.fsencode(root).decode("utf-8", "replace"),
        body=body.data,
    )
    added = {PROPERTY: snapshot_id, **git.properties(root)}
    properties_system.state(handle, added)
    for key, value in added.items():
        handle.properties.setdefault(key, value)
    return snapshot_id


def check(handle: RunHandle, path: str | os.PathLike[str]) -> None:
    """Whether `take` could keep that directory; what it has read is remembered, and not read again.

    :raises SnapshotException: As `take`.
    """
    root = Path(os.path.abspath(os.fsdecode(path)))  # noqa: PTH100
    contents.of(root, _previous.get(root), _kept_by_us(handle))


def snapshot_id(handle: RunHandle) -> str | None:
    """Id of the run's latest snapshot, fetched; None where it has none."""
    record = finding.refresh(handle)
    latest: str | None = record.get("snapshot_id")
    return latest or handle.properties.get(PROPERTY)


def restore(handle: RunHandle, snapshot_id: str | None = None, path: str | os.PathLike[str] | None = None) -> str:
    """Downloads a snapshot as a ZIP and returns its absolute path, `<path>/<snapshot id>.zip`.

    The ZIP's digest is compared, and its entries are looked through: see `runfold.snapshots.restoring`.

    :param snapshot_id: Whose; the run's latest where None.
    :param path: Directory, made where it is not there; the system's directory for temporary files where None.
    :raises SnapshotException: There is no such snapshot, or its ZIP is harmful.
    """
    wanted = _latest(handle) if snapshot_id is None else snapshot_id
    if not isinstance(wanted, str) or not _ID.fullmatch(wanted):
        raise SnapshotException(f"{wanted!r:.200} is no id of a snapshot; get_snapshot_id() names the run's own.")
    session = handle.session
    folder = Path(os.path.abspath(tempfile.gettempdir() if path is None else path))  # noqa: PTH100
    target = folder / f"{wanted}.zip"
    folder.mkdir(parents=True, exist_ok=True)
    try:
        record = session.read(lambda api: api.snapshot(wanted))
        with tempfile.TemporaryDirectory(prefix=f".{wanted}.", dir=folder) as scratch:
            part = Path(scratch) / target.name
            session.api.download(record, part)
            restoring.check(part)
            part.replace(target)
    except ServiceException as error:
        if error.status_code != 404:
            raise
        raise SnapshotException(
            f"There is no snapshot {wanted} in workspace {session.workspace}, or its ZIP was not uploaded yet.",
            inner_exception=error,
        ) from error
    return str(target)


def _known(handle: RunHandle, begun_here: bool) -> str | None:
    """The snapshot that the run has, as far as it is known; who joined the run asks, and goes on without an answer."""
    known = handle.properties.get(PROPERTY)
    if known is None and not begun_here and not handle.known:
        try:
            known = snapshot_id(handle)
        except (ServiceAwayError, ServiceException) as away:
            notices.note(f"it is not known whether the run has a snapshot: {away.message}")
    return known


def _latest(handle: RunHandle) -> str:
    found = snapshot_id(handle)
    if found is None:
        raise SnapshotException(f"Run {handle.run_id} has no snapshot; run.take_snapshot(directory) takes one.")
    return found


def _stored(handle: RunHandle, found: Contents) -> tuple[Contents, Body]:
    """The contents as they were packed, and their ZIP where storing has put it."""
    from runfold.artifacts import sources, storing

    small = _packed.get(found.snapshot_id)
    if small is not None:
        return found, small
    with tempfile.NamedTemporaryFile(prefix="runfold-snapshot-", suffix=".zip") as scratch:
        try:
            found = packing.pack(found, scratch)
            scratch.flush()
        except OSError as error:
            raise SnapshotException(
                f"While attempting to take snapshot of {found.root}: {error}.", inner_exception=error
            ) from error
        body = sources.of(Path(scratch.name), scratch.name, Path(scratch.name).parent)._replace(media_type=MEDIA_TYPE)
        if body.data is not None:
            _packed.clear()
            _packed[found.snapshot_id] = body
        return found, storing.store(
            handle.session, handle.run_id, body, inline=body.size <= limits.INLINE_BODY_BYTES_MAX
        )


def _kept_by_us(handle: RunHandle) -> set[Path]:
    """What Runfold itself keeps: journals grow while they are read, and are no source code."""
    return {Path(os.path.realpath(each)) for each in (home(), handle.session.settings.journals())}
