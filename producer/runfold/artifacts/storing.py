"""Where an artifact's bytes go: to object storage by a signed URL, into the fact itself, or into the journal's spool.

    images, chart documents     into the fact when they are small: no service is asked
    files                       to object storage; while it or the API is away, small ones into the fact, larger ones
                                into the spool, from which a shipper uploads them later
    spool full                  the upload is tried again until a deadline, then the exception of the service is raised

A service that was away is not asked again for 10 s, so that a training with many files is not held up by each.
"""

from __future__ import annotations

import contextlib
import hashlib
import json
import os
import shutil
import threading
import time
import uuid
from pathlib import Path
from typing import TYPE_CHECKING

from runfold import notices
from runfold.exceptions import AuthenticationException, ServiceAwayError, ServiceException
from runfold.journal.segments import FULL

from .sources import CHUNK_BYTES, Body

if TYPE_CHECKING:
    from runfold.session import Session

SPOOL_BYTES_MAX = 4 << 30  # of one journal
SPOOL_BYTES_MAX_OFFLINE = 256 << 20  # an offline journal may never be shipped
DISK_FREE_BYTES_MIN = 1 << 30  # what the spool leaves to everybody else
ROOM_WAIT_S = 60.0  # how long a file waits for room in the spool, or for the service to come back
UPLOAD_RETRY_S = 2.0  # how long one upload is tried again
AWAY_S = 10.0

_away_until = 0.0
_PAUSE = threading.Event()  # never set: its wait is the pause between two tries


def store(session: Session, run_id: str, body: Body, *, inline: bool) -> Body:
    """Stores a body, or makes sure that it will be, and returns it; `data` is what must travel in the fact, or None.

    :param inline: Whether a small body travels in the fact even when object storage could take it.
    :raises ServiceAwayError: The object store or the API is away, and the spool is full.
    """
    if body.data is not None and (inline or session.workspace is None):
        return body
    try:
        if session.workspace is None:
            return _spooled(session, run_id, body)
        if _upload(session, run_id, body):
            return body._replace(data=None)
        return body if body.data is not None else _spooled(session, run_id, body)
    finally:
        if body.owned and body.path is not None:
            body.path.unlink(missing_ok=True)


def _upload(session: Session, run_id: str, body: Body) -> bool:
    global _away_until
    if time.monotonic() < _away_until:
        return False
    try:
        session.api.upload(run_id, body.sha256, body.size, body.media_type, body.open, timeout_s=UPLOAD_RETRY_S)
    except (ServiceAwayError, ServiceException, AuthenticationException) as away:
        _away_until = time.monotonic() + AWAY_S
        about = notices.away(getattr(away, "service", "API"))
        notices.once(about, f"{away.message} Files are kept in the journal and uploaded later.")
        return False
    return True


def _spooled(session: Session, run_id: str, body: Body) -> Body:
    spool = session.spool()
    deadline = time.monotonic() + ROOM_WAIT_S
    while True:
        if _fits(spool, body.size, SPOOL_BYTES_MAX if session.workspace else SPOOL_BYTES_MAX_OFFLINE):
            try:
                return _copied(spool, run_id, body)
            except OSError as error:
                if error.errno not in FULL:
                    raise
        if session.workspace is None or time.monotonic() >= deadline:
            raise ServiceAwayError(
                "object store",
                "RUNFOLD_API",
                session.settings.api,
                f"it does not take the file, and the spool {spool} has no room for {body.size} bytes",
            )
        _PAUSE.wait(AWAY_S)
        if _upload(session, run_id, body):
            return body._replace(data=None)


def _copied(spool: Path, run_id: str, body: Body) -> Body:
    part = spool / f"part-{uuid.uuid4().hex}"
    digest, size = hashlib.sha256(), 0
    try:
        with body.open() as source, part.open("wb") as target:
            while chunk := source.read(CHUNK_BYTES):
                digest.update(chunk)
                size += target.write(chunk)
            target.flush()
            os.fsync(target.fileno())
        # What was copied counts: the script may have changed the file since it was looked at first.
        body = body._replace(sha256=digest.hexdigest(), size=size, data=None)
        kept = spool / body.sha256
        part.replace(kept)
        _describe(spool, run_id, body)
        if not kept.exists():  # a shipper has just uploaded the same bytes for another run, and cleaned up
            return _copied(spool, run_id, body)
    finally:
        part.unlink(missing_ok=True)
    return body


def _describe(spool: Path, run_id: str, body: Body) -> None:
    told = json.dumps({"run_id": run_id, "sha256": body.sha256, "size": body.size, "media_type": body.media_type})
    unique = uuid.uuid4().hex
    part = spool / f"part-{unique}"
    part.write_text(told, encoding="utf-8")
    try:
        os.link(part, spool / f"{body.sha256}.json")
    except OSError:  # it is taken by another run with the same bytes, or the file system has no links
        part.replace(spool / f"{body.sha256}.{unique}.json")
    finally:
        part.unlink(missing_ok=True)


def _fits(spool: Path, size: int, bytes_max: int) -> bool:
    if not spool.is_dir():  # it was deleted under us, or there is no journal at all
        return False
    used = 0
    for file in spool.iterdir():
        with contextlib.suppress(OSError):
            used += file.stat().st_size
    return used + size <= bytes_max and shutil.disk_usage(spool).free - size >= DISK_FREE_BYTES_MIN
