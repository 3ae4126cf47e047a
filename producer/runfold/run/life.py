"""start_logging, start, complete, fail, cancel, flush, and how a with-block ends.

All return after the journal's append but flush and those that end a run (which wait until the broker has what was
logged, within the process's one exit deadline, and store the outputs). A run exists from RunStarted on; a terminal
status says where the lanes of its writer end.
"""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, Any

from runfold import notices, validation
from runfold.exceptions import AzureMLException, UserErrorException
from runfold_schemas import limits, statuses
from runfold_schemas.events import CancelRequested, ErrorRecorded, LaneEnd, RunEnrolled, RunStarted, StatusChanged

from . import finding, quotas
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
    handle.known = True
    if snapshot_directory:
        _take_snapshot(handle, snapshot_directory)
    # As in the original, the cached status is refreshed by the snapshot alone; get_status() asks.
    handle.status = statuses.RUNNING if snapshot_directory else statuses.NOT_STARTED
    return Run._of(experiment, handle)


def _take_snapshot(handle: RunHandle, directory: object) -> None:
    """Keeps the source code. Where it is not allowed the run is there all the same, and Running, as in the original.

    :raises SnapshotException: It is too large, or not there.
    """
    from . import snapshots

    try:
        snapshots.take(handle, directory, begun_here=True)
    except OSError as error:  # no place for temporary files, a full disk: the training goes on
        notices.once("snapshot", f"the source code of run {handle.run_id} is not kept: {error}")


def begin(
    handle: RunHandle,
    *,
    name: object = None,
    display_name: object = None,
    outputs: object = None,
    snapshot_directory: object = None,
    running: bool = True,
) -> None:
    """States that a run begins, is in its experiment, and runs; makes the outputs' directory. All is checked before
    anything is stated.

    :param running: Whether Running is stated; the status of a supervised job's run is its supervisor's affair.
    """
    label = display_name if display_name is not None else name
    handle.name = _label("name", name)
    handle.display_name = _label("display_name", label)
    session, attempt = handle.session, handle.session.place.attempt
    directories = {
        "outputs": validation.directory("outputs", outputs),
        "snapshot_directory": validation.directory("snapshot_directory", snapshot_directory),
    }
    quotas.display_name(handle, handle.display_name)
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
    session.about("experiment", handle.experiment, RunEnrolled, run_id=handle.run_id)
    if running:
        session.fact(handle.run_id, StatusChanged, attempt=attempt, status=statuses.RUNNING)
    _track(handle, directories["outputs"])


def _track(handle: RunHandle, outputs: str | None) -> None:
    """Makes the directory of outputs; one that nobody asked for does no harm where none can be made."""
    if outputs is None:
        return
    from .outputs import track

    try:
        track(handle, outputs)
    except UserErrorException as error:
        if outputs != OUTPUTS:
            raise
        notices.once(("outputs", outputs), error.message)


def start(handle: RunHandle) -> None:
    """States Running."""
    session = handle.session
    session.fact(handle.run_id, StatusChanged, attempt=session.place.attempt, status=statuses.RUNNING)
    if not handle.settled and handle.ended is None:
        handle.status = statuses.RUNNING


def complete(handle: RunHandle, set_status: bool = True) -> None:
    """Waits for what was logged, stores the outputs, then states Completed and waits for that, within the process's
    exit deadline.
    """
    _logged(handle)
    _store_outputs(handle)
    if set_status:
        end(handle, statuses.COMPLETED)
    _settled(handle)


def fail(handle: RunHandle, details: object, code: object, set_status: bool = True) -> None:
    """Waits for what was logged, stores the outputs, then states what went wrong, and Failed.

    :raises TypeError: `details` is neither text, exception nor None; nothing was stated.
    """
    told = _told(details, code)
    if isinstance(details, str):
        quotas.error_message(handle, details)
    _logged(handle)
    _store_outputs(handle)
    _failed(handle, told, set_status)
    _settled(handle)


def fail_unheard(handle: RunHandle, details: object, code: object) -> None:
    """As `fail`, of an offline run: nobody is waited for, and nothing is stored."""
    _failed(handle, _told(details, code), set_status=True)


def cancel(handle: RunHandle) -> None:
    """States Canceled; of a submitted run CancelRequested, which whoever runs it obeys and answers with Canceled."""
    if is_submitted(handle):
        _ask_to_cancel(handle)
        return
    end(handle, statuses.CANCELED)
    _logged(handle)
    _store_outputs(handle)
    _settled(handle)


def is_submitted(handle: RunHandle) -> bool:
    """Whether somebody else, a supervisor, runs the run and owns its status."""
    from .types import SCRIPT_RUN

    return handle.run_type == SCRIPT_RUN or (handle.record is not None and handle.record.get("definition") is not None)


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


def leave_block(handle: RunHandle, exit_type: type[BaseException] | None, value: BaseException | None) -> bool:
    """How a with-block ends a run: first the status, then the outputs.

    :returns: Whether the exception is swallowed: only sys.exit(0) and sys.exit() are, and then nothing is stated.
    """
    swallowed = exit_type is not None and left_well(exit_type, value)
    _logged(handle)
    if exit_type is None:
        end(handle, statuses.COMPLETED)
    elif not swallowed:
        _failed(handle, _told(value if value is not None else exit_type(), None), set_status=True)
    _store_outputs(handle)
    _settled(handle)
    return swallowed


def left_well(exit_type: type[BaseException], value: BaseException | None) -> bool:
    """Whether a block was left by sys.exit(0) or sys.exit()."""
    return issubclass(exit_type, SystemExit) and getattr(value, "code", value) in (None, 0)


def _ask_to_cancel(handle: RunHandle) -> None:
    session = handle.session
    if handle.settled:
        notices.say(f"run {handle.run_id} is {handle.status} already; there is nothing to cancel.")
    said = 0 if handle.record is None else handle.record["attempt"]
    session.fact(handle.run_id, CancelRequested, attempt=max(session.place.attempt, said))
    if not handle.settled:
        handle.status = statuses.CANCEL_REQUESTED
    _logged(handle)


def _logged(handle: RunHandle) -> None:
    """Waits for what was logged, within the exit deadline."""
    session = handle.session
    session.settle(session.deadline(), handle.run_id)


def _store_outputs(handle: RunHandle) -> None:
    """Stores what the tracked directories hold; it raises nothing."""
    if handle.tracked:
        from . import outputs

        outputs.upload_tracked(handle)


def _settled(handle: RunHandle) -> None:
    """Waits for what was stated at an end, and tells what was refused."""
    session = handle.session
    deadline = session.deadline()
    if session.settle(deadline, handle.run_id):
        session.ask_open(deadline)


def _told(details: object, code: object) -> dict[str, str | None]:
    """What ErrorRecorded says, in the original's words.

    :raises TypeError: `details` is neither text, exception nor None.
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
        raise TypeError(
            f"error_details must be a str or an exception, it is {details!r:.200} of type {type(details).__name__}."
        )
    # An exception's own words are not the script's fault.
    kept = None if message is None else validation.shortened(message, limits.ERROR_MESSAGE_BYTES_MAX)
    return {"code": error_code, "message": kept, "details_uri": uri}


def _failed(handle: RunHandle, told: dict[str, str | None], set_status: bool) -> None:
    session = handle.session
    session.fact(handle.run_id, ErrorRecorded, attempt=session.place.attempt, **told)
    if set_status:
        end(handle, statuses.FAILED)


def _label(what: str, given: object) -> str | None:
    return None if given is None else validation.text(what, given, limits.DISPLAY_NAME_BYTES_MAX)


def _seconds(given: object) -> float:
    if isinstance(given, bool) or not isinstance(given, (int, float)) or not given >= 0:
        raise UserErrorException(f"timeout_seconds must be a number from 0, it is {given!r:.200}.")
    if given > 7 * 86400:
        notices.say("flush() with a timeout of more than a week waits one week.")
    return min(float(given), 7 * 86400.0)
