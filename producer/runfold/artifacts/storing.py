"""Where an artifact's bytes go: to object storage by a signed URL, into the fact itself, or into the journal's spool.

    images, chart documents     into the fact when they are small: no service is asked
    files                       to object storage; while it or the API is away, small ones into the fact, larger ones
                                into the spool, from which a shipper uploads them later
    spool full                  the upload is tried again until a deadline, then the exception of the service is raised

A file that changes while it is uploaded is uploaded again, as it is then. A service that was away is not asked again
for 10 s, so that a training with many files is not held up by each.
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
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from runfold import notices
from runfold.exceptions import AuthenticationException, AzureMLException, ServiceAwayError, ServiceException
from runfold.journal.segments import FULL

from .sources import CHUNK_BYTES, Body, of

if TYPE_CHECKING:
    from runfold.reading.records import Upload
    from runfold.session import Session

SPOOL_BYTES_MAX = 4 << 30  # of one journal
SPOOL_BYTES_MAX_OFFLINE = 256 << 20  # an offline journal may never be shipped
DISK_FREE_BYTES_MIN = 1 << 30  # what the spool leaves to everybody else
ROOM_WAIT_S = 60.0  # how long a file waits for room in the spool, or for the service to come back
UPLOAD_RETRY_S = 2.0  # how long one upload is tried again
CHANGED_MAX = 3  # how often a file that changes is uploaded again
AWAY_S = 10.0
BATCHED_BYTES_MAX = 32 << 20  # of a body that is prepared for with others: below what goes in parts

_away_until = 0.0
_PAUSE = threading.Event()  # never set: its wait is the pause between two tries


def store(
    session: Session,
    owner: str,
    body: Body,
    *,
    inline: bool = False,
    patient: bool = True,
    prepared: Upload | None = None,
    moved: Callable[[int], None] | None = None,
) -> Body:
    """Stores a body, or makes sure that it will be, and returns it; `data` is what must travel in the fact, or None.

    :param owner: Run id, or `model/<name>`, `dataset/<id>`, `datastore/<name>`.
    :param inline: Whether a small body travels in the fact even when object storage could take it.
    :param patient: Whether a file that finds no room in the spool waits for some.
    :param prepared: What the API has said of where it goes.
    :param moved: Told of bytes that were sent; what it raises ends the upload.
    :raises ServiceAwayError: The object store or the API is away, and the spool is full.
    :raises AzureMLException: The file changes again and again while it is read.
    """
    fits = body.data is not None
    if fits and (inline or session.workspace is None):
        return body
    try:
        if session.workspace is None:
            return _spooled(session, owner, body, patient=False)
        uploaded = _uploaded(session, owner, body, prepared, moved)
        if uploaded is not None:
            return uploaded
        return body if fits else _spooled(session, owner, body, patient)
    finally:
        if body.owned and body.path is not None:
            body.path.unlink(missing_ok=True)


def prepared(session: Session, owner: str, bodies: Sequence[Body]) -> list[Upload | None]:
    """Where many bodies go, asked for together; None for those that are asked for one by one, or not now."""
    small = [body for body in bodies if body.size <= BATCHED_BYTES_MAX]
    if session.workspace is None or len(small) < 2 or time.monotonic() < _away_until:
        return [None] * len(bodies)
    wanted = [(body.sha256, body.size, body.media_type) for body in small]
    try:
        told = iter(session.api.prepared(owner, wanted, timeout_s=UPLOAD_RETRY_S))
    except (ServiceAwayError, ServiceException, AuthenticationException) as away:
        _is_away(away)
        return [None] * len(bodies)
    return [next(told) if body.size <= BATCHED_BYTES_MAX else None for body in bodies]


def _uploaded(
    session: Session, owner: str, body: Body, prepared: Upload | None, moved: Callable[[int], None] | None
) -> Body | None:
    """The body, uploaded; None when a service is away."""
    if time.monotonic() < _away_until:
        return None
    for _ in range(CHANGED_MAX):
        try:
            parts = session.api.upload(
                owner,
                body.sha256,
                body.size,
                body.media_type,
                body.open,
                timeout_s=UPLOAD_RETRY_S,
                prepared=prepared,
                moved=moved,
            )
        except (ServiceAwayError, ServiceException, AuthenticationException) as away:
            _is_away(away)
            return None
        if not body.changed():
            return body._replace(data=None, parts=parts)
        assert body.path is not None
        body = of(body.path, body.path.name, body.path.parent)._replace(media_type=body.media_type)
        prepared = None
    raise AzureMLException(f"{body.path} changes while it is being uploaded; upload a copy of it, or close it first.")


def _is_away(away: ServiceAwayError | ServiceException | AuthenticationException) -> None:
    global _away_until
    _away_until = time.monotonic() + AWAY_S
    about = notices.away(getattr(away, "service", "API"))
    notices.once(about, f"{away.message} Files are kept in the journal and uploaded later.")


def _spooled(session: Session, owner: str, body: Body, patient: bool) -> Body:
    spool = session.spool()
    deadline = time.monotonic() + ROOM_WAIT_S
    while True:
        if _fits(spool, body.size, SPOOL_BYTES_MAX if session.workspace else SPOOL_BYTES_MAX_OFFLINE):
            try:
                return _copied(spool, owner, body)
            except OSError as error:
                if error.errno not in FULL:
                    raise
        if not patient or time.monotonic() >= deadline:
            raise ServiceAwayError(
                "object store",
                "RUNFOLD_API",
                session.settings.api,
                f"it does not take the file, and the spool {spool} has no room for {body.size} bytes",
            )
        _PAUSE.wait(AWAY_S)
        uploaded = _uploaded(session, owner, body, None, None)
        if uploaded is not None:
            return uploaded


def _copied(spool: Path, owner: str, body: Body) -> Body:
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
        body = body._replace(sha256=digest.hexdigest(), size=size, data=None, stamp=None)
        kept = spool / body.sha256
        part.replace(kept)
        _describe(spool, owner, body)
        if not kept.exists():  # a shipper has just uploaded the same bytes for another run, and cleaned up
            return _copied(spool, owner, body)
    finally:
        part.unlink(missing_ok=True)
    return body


def _describe(spool: Path, owner: str, body: Body) -> None:
    told = json.dumps({"run_id": owner, "sha256": body.sha256, "size": body.size, "media_type": body.media_type})
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
