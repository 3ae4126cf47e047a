"""Tracked directories: made when the run begins, and what lies in them when it ends belongs to the run.

Names are as the original gives them: the directory's path from where the run began, so that ./outputs/m.pkl is stored
as outputs/m.pkl. What an earlier run of the process left there is stored too. A name is written once per attempt: what
is stored already with the same bytes is passed over, what has other bytes now is told. Nothing here ends a training.
"""

from __future__ import annotations

import contextlib
import os
from pathlib import Path
from typing import TYPE_CHECKING

from runfold import notices, validation
from runfold.exceptions import AzureMLException, ServiceException, UserErrorException

from . import files

if TYPE_CHECKING:
    from .handle import RunHandle

LEFT_OUT = "azureml.log"  # files whose name ends so
ASKED_MAX = 50  # decisions of one end that are asked for
NAMED_MAX = 5  # files in one line of a warning


def track(handle: RunHandle, outputs: object) -> None:
    """Makes a directory, or each of a list, and remembers it for `upload_tracked`.

    :raises UserErrorException: It is no path, or cannot be made.
    """
    for directory in outputs if isinstance(outputs, (list, tuple, set)) else [outputs]:
        given = validation.directory("outputs", directory) if isinstance(directory, (str, os.PathLike)) else None
        if given is None:
            raise UserErrorException(
                f"outputs must be a path or a list of paths, it is {directory!r:.200} of type "
                f"{type(directory).__name__}."
            )
        _track(handle, Path(given))


def _track(handle: RunHandle, given: Path) -> None:
    place = Path(os.path.abspath(given))  # noqa: PTH100 - '..' goes, links stay
    try:
        place.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise UserErrorException(
            f"The directory {given} for outputs cannot be made: {error}. Name one that can, or outputs=False.",
            inner_exception=error,
        ) from error
    tracked = (_prefix(place), str(place))
    if tracked not in handle.tracked:
        handle.tracked.append(tracked)


def upload_tracked(handle: RunHandle) -> None:
    """Stores what lies in the tracked directories. While a service is away it goes to the spool; nobody waits.

    Never raises for what it finds: a file that cannot be stored is told, the others are.
    """
    found = _found(handle)
    if not found:
        return
    stored = _stored(handle)
    wanted = [(name, path) for name, path in found if name not in stored or not _same(path, stored[name])]
    changed = [name for name, _ in wanted if name in stored]
    if changed:
        notices.once(
            ("outputs", handle.run_id),
            f"{len(changed)} files of run {handle.run_id} have other bytes now than those stored under their names "
            f"in this attempt, which stay: {', '.join(changed[:NAMED_MAX])}.",
        )
    _upload(handle, [(name, path) for name, path in wanted if name not in stored])


def _upload(handle: RunHandle, wanted: list[tuple[str, Path]]) -> None:
    from . import uploading

    call = f"outputs of run {handle.run_id}"
    stated: uploading.Stated = []
    failed: list[str] = []
    try:
        bodies, stated = uploading.moved(handle, wanted, call, None, patient=False)
        handle.stored.update((path, body.sha256) for path, body in bodies)
    except (AzureMLException, ServiceException, OSError):
        for name, path in wanted:  # one of them cannot be stored: each for itself
            if name in handle.stored:
                continue
            try:
                bodies, one = uploading.moved(handle, [(name, path)], call, None, patient=False)
            except (AzureMLException, ServiceException, OSError) as error:
                failed.append(f"{name} ({getattr(error, 'message', error)})")
                continue
            handle.stored.update((path, body.sha256) for path, body in bodies)
            stated += one
    if failed:
        notices.say(f"{len(failed)} files of the {call} are not stored: {'; '.join(failed[:NAMED_MAX])}")
    # Of very many, some: a refusal is news only where another process of the run stored the same name meanwhile.
    asked = stated[:ASKED_MAX]
    handle.session.decisions.leave_open((lane, ordinal, f"{call}: {path}") for path, lane, ordinal in asked)


def _found(handle: RunHandle) -> list[tuple[str, Path]]:
    """Files in the tracked directories, by the names that they will have."""
    found: dict[str, Path] = {}
    for prefix, root in handle.tracked:
        try:
            below = files.walked(root)
        except FileNotFoundError:  # the script has removed it
            continue
        except OSError as error:
            notices.say(f"the outputs of run {handle.run_id} in {root} cannot be read: {error}")
            continue
        for path, _ in below:
            if path.endswith(LEFT_OUT):
                continue
            try:
                name = validation.artifact_path(f"{prefix}/{path}" if prefix else path)
            except UserErrorException as refused:
                notices.say(f"a file of the outputs is not stored: {refused.message}")
                continue
            found.setdefault(name, Path(root) / path)
    return sorted(found.items())


def _stored(handle: RunHandle) -> dict[str, str]:
    """Digests of what is stored in this attempt, as far as this process and the ledger know, by name."""
    stored: dict[str, str] = {}
    session = handle.session
    if session.workspace is not None and session.left() == 0:  # else nobody would wait for what they would not see
        with contextlib.suppress(AzureMLException, ServiceException):
            for each in session.api.artifacts(handle.run_id, timeout_s=1.0):
                if each["attempt"] == session.place.attempt:
                    stored[each["path"]] = each["sha256"]
    return {**stored, **handle.stored}


def _same(path: Path, sha256: str) -> bool:
    from runfold.artifacts import sources

    try:
        return sources.of(path, path.name, path.parent).sha256 == sha256
    except (OSError, AzureMLException):
        return False


def _prefix(place: Path) -> str:
    """What comes before the names of a directory's files: its path from here, or its own name where it is elsewhere."""
    try:
        here = Path(os.path.abspath(Path.cwd()))  # noqa: PTH100
    except OSError:  # the working directory was deleted
        return place.name
    if place == here:
        return ""
    return place.relative_to(here).as_posix() if place.is_relative_to(here) else place.name
