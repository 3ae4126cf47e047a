"""Many files into a run: read, uploaded and stated several at a time, and decided together.

They go by chunks: for the small ones of a chunk the API is asked once where they go. Facts are stated in the order of
the files. The last fact's decision is waited for; when that is known, all before it are decided, and the refused ones
are asked for in one go.

Who was interrupted calls again: what an unfinished call, or another process, has stored under the same names with the
same bytes is no conflict then.
"""

from __future__ import annotations

import os
import weakref
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeAlias

from runfold import notices
from runfold.artifacts import sources, storing
from runfold.artifacts.parallel import Transfers
from runfold.artifacts.progress import Progress
from runfold.exceptions import ArtifactExistsError, AzureMLException, ServiceException
from runfold_schemas import limits

from . import files

if TYPE_CHECKING:
    from runfold.artifacts.sources import Body
    from runfold.exceptions import UserErrorException, WebserviceException
    from runfold_schemas.watermark import Lane

    from .handle import RunHandle

CHUNK_FILES = 400
CHUNK_BYTES = 16 << 20  # of small bodies that are held at once
Stated: TypeAlias = "list[tuple[str, Lane, int]]"
_finished: weakref.WeakKeyDictionary[Any, set[tuple[str, str]]] = weakref.WeakKeyDictionary()  # by session: run, path


def stored(
    handle: RunHandle, wanted: Sequence[tuple[str, Any]], call: str, timeout_s: float | None
) -> list[tuple[str, Body]]:
    """Stores files, each under its name; what each has become.

    :param wanted: Path within the run, and path or stream.
    :param call: The call, for messages.
    :raises UserErrorException: At least one was refused; all others are stored.
    """
    bodies, stated = moved(handle, wanted, call, timeout_s, patient=True)
    finished = _finished.setdefault(handle.session, set())
    refused = {
        path: refusal
        for path, refusal in decided(handle, stated, call).items()
        if (handle.run_id, path) in finished or not _same_bytes(refusal)
    }
    finished.update((handle.run_id, path) for path, _ in bodies)
    handle.stored.update((path, body.sha256) for path, body in bodies if path not in refused)
    if refused:
        for path, refusal in list(refused.items())[1:]:
            notices.note(f"{call}: {path} was refused: {refusal.message}")
        if len(refused) > 1:
            notices.say(f"{call}: {len(refused)} names are taken already, {', '.join(list(refused)[:5])} among them.")
        raise next(iter(refused.values()))
    return bodies


def moved(
    handle: RunHandle, wanted: Sequence[tuple[str, Any]], call: str, timeout_s: float | None, *, patient: bool
) -> tuple[list[tuple[str, Body]], Stated]:
    """Stores files and states their names: bodies without their data, and the facts."""
    session = handle.session
    spool = session.spool()
    bodies: list[tuple[str, Body]] = []
    stated: Stated = []
    with Progress("upload") as progress:
        transfers = Transfers(call, timeout_s, progress.moved)

        def read(item: tuple[str, Any]) -> Body:
            return sources.of(item[1], item[0], spool)

        def store(item: tuple[Body, Any]) -> Body:
            return storing.store(
                session, handle.run_id, item[0], patient=patient, prepared=item[1], moved=transfers.moved
            )

        for chunk in _chunks(wanted):
            found = transfers.each(read, chunk)
            progress.expect(sum(body.size for body in found))
            places = storing.prepared(session, handle.run_id, found)
            for (path, _), body in zip(
                chunk, transfers.each(store, list(zip(found, places, strict=True))), strict=True
            ):
                stated.append((path, *files.state(handle, path, body)))
                bodies.append((path, body._replace(data=None)))
    return bodies, stated


def _chunks(wanted: Sequence[tuple[str, Any]]) -> Iterator[Sequence[tuple[str, Any]]]:
    first, held = 0, 0
    for place, (_, source) in enumerate(wanted):
        held += _held(source)
        if place - first == CHUNK_FILES or held > CHUNK_BYTES:
            yield wanted[first:place]
            first, held = place, _held(source)
    if first < len(wanted):
        yield wanted[first:]


def _held(source: object) -> int:
    """Bytes of a file that stay in memory until it is stored."""
    if not isinstance(source, (str, os.PathLike)):
        return limits.INLINE_BODY_BYTES_MAX
    try:
        size = Path(source).stat().st_size
    except OSError:
        return 0
    return size if size <= limits.INLINE_BODY_BYTES_MAX else 0


def decided(handle: RunHandle, stated: Stated, call: str) -> dict[str, UserErrorException | WebserviceException]:
    """Waits for the decisions about facts of one lane or few; the refusals by path. What stays open is told later."""
    from runfold import decisions

    known = handle.session.decisions
    refused: dict[str, UserErrorException | WebserviceException] = {}
    by_lane: dict[Lane, dict[int, str]] = {}
    for path, lane, ordinal in stated:
        by_lane.setdefault(lane, {})[ordinal] = path
    for lane, paths in by_lane.items():
        last = max(paths)
        try:
            settled = known.wait(lane, last, call) is not None
        except AzureMLException:  # the last one was refused: it is found below with the others
            settled = True
        try:
            if settled:
                for told in handle.session.api.decisions(handle.run_id, writer_id=lane.writer_id):
                    refusal = decisions.refused(told) if told["ordinal"] in paths else None
                    if refusal is not None:
                        refused[paths[told["ordinal"] or 0]] = refusal
                continue
        except (AzureMLException, ServiceException) as away:
            notices.note(f"{call}: which names were refused is not known: {away.message}")
        known.leave_open((lane, ordinal, f"{call}: {path!r}") for ordinal, path in paths.items() if ordinal != last)
    return refused


def _same_bytes(refusal: Exception) -> bool:
    return isinstance(refusal, ArtifactExistsError) and refusal.kept == refusal.refused
