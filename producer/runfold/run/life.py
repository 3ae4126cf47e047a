"""start_logging, child_run, complete, fail, cancel, flush, and how a with-block ends.

All return after the journal's append but complete (which waits until the broker has what was logged, within the
process's one exit deadline) and flush. A run exists from RunStarted on; a terminal status says where the lanes of its
writer end.
"""

from __future__ import annotations

import time
from types import TracebackType
from typing import TYPE_CHECKING, Any

from runfold import notices, validation
from runfold.exceptions import AzureMLException, UserErrorException
from runfold_schemas import limits
from runfold_schemas.events import ErrorRecorded, LaneEnd, RunEnrolled, RunStarted, StatusChanged

from . import finding
from .handle import RunHandle

if TYPE_CHECKING:
    from runfold.experiment import Experiment

    from .run import Run

OUTPUTS = "./outputs"
TROUBLESHOOTING = "https://aka.ms/azureml-run-troubleshooting"


def start_logging(
    experiment: Experiment,
    name: str | None = None,
    run_id: str | None = None,
    outputs: str | bool | None = None,
    snapshot_directory: str | None = ".",
    display_name: str | None = None,
    **kwargs: Any,
) -> Run:
    """Starts an interactive run; see `Experiment.start_logging`."""
    from .run import Run

    tracked = None if outputs is False else OUTPUTS if outputs in (True, None, "") else outputs
    handle = RunHandle(
        experiment.workspace._session,
        finding.new_run_id() if run_id is None else validation.run_id(run_id),
        experiment=experiment.name,
    )
    begin(handle, name=name, display_name=display_name, outputs=tracked, snapshot_directory=snapshot_directory)
    # As in the original, the cached status is refreshed by the snapshot alone; get_status() asks.
    handle.known = True
    handle.status = "Running" if snapshot_directory else "NotStarted"
    return Run._of(experiment, handle)


def child_run(parent: Run, name: str | None, run_id: str | None, outputs: str | None) -> Run:
    """Starts a child of a run."""
    from .run import Run

    mine = parent._handle
    handle = RunHandle(
        mine.session,
        finding.new_run_id() if run_id is None else validation.run_id(run_id),
        experiment=mine.experiment,
        parent_run_id=mine.run_id,
    )
    handle.target = mine.target
    begin(handle, name=name, outputs=outputs)
    handle.known = True
    if name is not None:
        handle.name = f"{parent.name}>{name}"
    child = Run._of(parent.experiment, handle)
    child._parent = parent
    return child


def begin(
    handle: RunHandle,
    *,
    name: object = None,
    display_name: object = None,
    outputs: object = None,
    snapshot_directory: object = None,
) -> None:
    """States that a run begins, is in its experiment, and runs. All is checked before anything is stated."""
    label = display_name if display_name is not None else name
    handle.name = _label("name", name)
    handle.display_name = _label("display_name", label)
    session, attempt = handle.session, handle.session.place.attempt
    directories = {
        "outputs": _directory("outputs", outputs),
        "snapshot_directory": _directory("snapshot_directory", snapshot_directory),
    }
    session.fact(
        handle.run_id,
        RunStarted,
        experiment=handle.experiment,
        parent_run_id=handle.parent_run_id,
        run_type=handle.run_type,
        target=handle.target,
        display_name=handle.display_name,
        attempt=attempt,
        **directories,
    )
    session.about_experiment(handle.experiment, handle.run_id, RunEnrolled, run_id=handle.run_id)
    session.fact(handle.run_id, StatusChanged, attempt=attempt, status="Running")


def complete(handle: RunHandle, set_status: bool = True) -> None:
    """Waits for what was logged, then states Completed and waits for that, within the process's exit deadline."""
    session = handle.session
    deadline = session.deadline()
    session.settle(deadline, handle.run_id)
    if set_status:
        end(handle, "Completed")
    if session.settle(deadline, handle.run_id):
        session.ask_open(deadline)


def fail(handle: RunHandle, details: object, code: object, set_status: bool = True) -> None:
    """States what went wrong, then Failed.

    :raises TypeError: `details` is neither text, exception nor None; nothing was stated.
    """
    message: str | None = None
    uri: str | None = None
    error_code = "UserError" if code is None else validation.text("error_code", str(code), limits.TAG_KEY_BYTES_MAX)
    if isinstance(details, AzureMLException):
        message, error_code = str(details.message), details._error_code or "AzureMLError"
    elif isinstance(details, BaseException):
        message, uri = f"User program failed with {type(details).__name__}: {details}", TROUBLESHOOTING
    elif isinstance(details, str):
        message = details
    elif details is not None:
        raise TypeError(f"error_details must be a str or an exception, it is a {type(details).__name__}.")
    session, attempt = handle.session, handle.session.place.attempt
    session.fact(
        handle.run_id, ErrorRecorded, attempt=attempt, code=error_code, message=_kept(message), details_uri=uri
    )
    if set_status:
        end(handle, "Failed")


def cancel(handle: RunHandle) -> None:
    """States Canceled."""
    end(handle, "Canceled")


def end(handle: RunHandle, status: str) -> None:
    """States a terminal status, and with it where this writer's lanes of the run end."""
    session, run_id = handle.session, handle.run_id

    def ends(ordinal: int) -> tuple[LaneEnd, ...]:
        mine = {**session.ends_of(run_id), "facts": ordinal}
        return tuple(LaneEnd(stream, last) for stream, last in sorted(mine.items()))

    if handle.ended not in (None, status) and session.workspace is not None:  # offline, the original says nothing
        notices.say(f"run {run_id} was {handle.ended} already, and an attempt ends once: {status} will be refused.")
    session.fact(run_id, StatusChanged, attempt=session.place.attempt, status=status, lanes=ends)
    handle.ended = handle.ended or status
    if not handle.settled:
        handle.status = handle.ended


def flush(handle: RunHandle, timeout_seconds: object) -> None:
    """Waits until all that this process wrote is acknowledged and visible.

    :raises FlushTimeoutError: It is not, after that time.
    """
    seconds = 300.0 if timeout_seconds is None else _seconds(timeout_seconds)
    deadline = time.monotonic() + seconds
    handle.session.flush(seconds)
    handle.session.decisions.tell(deadline)


def leave_block(
    handle: RunHandle,
    exit_type: type[BaseException] | None,
    value: BaseException | None,
    traceback: TracebackType | None,
) -> bool:
    """How a with-block ends a run; True swallows the exception: only sys.exit(0) and sys.exit() are swallowed."""
    if exit_type is None:
        complete(handle)
        return False
    if issubclass(exit_type, SystemExit) and getattr(value, "code", value) in (None, 0):
        return True
    fail(handle, value if value is not None else exit_type(), None)
    return False


def _label(what: str, given: object) -> str | None:
    return None if given is None else validation.text(what, given, limits.DISPLAY_NAME_BYTES_MAX)


def _directory(what: str, given: object) -> str | None:
    if given is None or given is False:
        return None
    path = given.__fspath__() if hasattr(given, "__fspath__") else given
    return validation.text(what, path, limits.ARTIFACT_PATH_BYTES_MAX * 4)


def _kept(message: str | None) -> str | None:
    """An error's text as it can be stored: an exception's own words are not the script's fault."""
    if message is None:
        return None
    clean = message.replace("\0", "\ufffd").encode("utf-8", "replace")[: limits.ERROR_MESSAGE_BYTES_MAX]
    return clean.decode("utf-8", "ignore")


def _seconds(given: object) -> float:
    if isinstance(given, bool) or not isinstance(given, (int, float)) or not given >= 0:
        raise UserErrorException(f"timeout_seconds must be a number from 0, it is {given!r:.200}.")
    if given > 7 * 86400:
        notices.say("flush() with a timeout of more than a week waits one week.")
    return min(float(given), 7 * 86400.0)
