"""wait_for_completion: until a run has ended and its data has arrived, with its log on standard output if asked for.

The pause between two looks grows with the time waited, as in the original: max(MIN, MAX / (1 + 100 exp(-t / 20)))
seconds, 2 and 60 unless AZUREML_RUN_POLLING_INTERVAL_MIN and _MAX say otherwise. The first look comes at once. A log
that is followed is looked at every second. As in the original, Finalizing and CancelRequested end a wait without
wait_post_processing; Finalizing of a submitted script does not, see `_stores_its_outputs`.
"""

from __future__ import annotations

import codecs
import contextlib
import json
import math
import os
import re
import sys
import threading
import time
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from runfold import notices
from runfold.exceptions import (
    ActivityFailedException,
    ExperimentExecutionException,
    ServiceAwayError,
    ServiceException,
)
from runfold_schemas import statuses

from . import details, finding

if TYPE_CHECKING:
    from runfold.reading.logs import LogPiece
    from runfold.reading.records import LogRecord, RunRecord

    from .handle import RunHandle
    from .surface.base import RunBase

AWAY_S = 600.0  # how long the API may be away while a run is waited for
ARRIVAL_S = 30.0  # how long an ended run's last data is waited for
ARRIVAL_LOOK_S = 0.25
FOLLOW_S = 1.0
LOG_PATTERN = re.compile(r"(?:user_logs/std_log|azureml-logs/\d\d)[^/]*\.txt\Z")
NO_ERROR = "Detailed error not set on the Run. Please check the logs for details."
INTERRUPTED = (
    "The output streaming for the run interrupted.\nBut the run is still executing on the compute target. \n"
    "Details for canceling the run can be found here: https://aka.ms/aml-docs-cancel-run"
)
_MIN, _MAX = ("AZUREML_RUN_POLLING_INTERVAL_MIN", 2.0), ("AZUREML_RUN_POLLING_INTERVAL_MAX", 60.0)

_pulse = threading.Event()  # never set: its wait is a pause that a signal ends


def wait_for_completion(
    run: RunBase, show_output: bool, wait_post_processing: bool, raise_on_error: bool
) -> dict[str, Any]:
    """Waits; see `Run.wait_for_completion`."""
    if show_output:
        try:
            return _shown(run, wait_post_processing, raise_on_error)
        except KeyboardInterrupt:
            raise ExperimentExecutionException(INTERRUPTED) from None
    handle = run._handle
    begun = time.monotonic()
    look = _Looking(handle)
    record = look()
    while _goes_on(record["status"], wait_post_processing) or _stores_its_outputs(record):
        _pulse.wait(pause_s(time.monotonic() - begun))
        record = look()
    _arrived(handle, record)
    found = details.get_details(handle)
    if found["status"] == statuses.FAILED and raise_on_error:
        raise ActivityFailedException(error_details=json.dumps(found.get("error") or NO_ERROR, indent=4))
    return found


class _Looking:
    """Fetches the run; who waits for hours is not to be ended by an API that is away for a minute.

    :raises ServiceAwayError: It was never there, or is away for AWAY_S.
    """

    def __init__(self, handle: RunHandle) -> None:
        self._handle = handle
        self._seen_at: float | None = None

    def __call__(self) -> RunRecord:
        try:
            record = finding.refresh(self._handle)
        except ServiceAwayError as away:
            last = self._handle.record
            if last is None or self._seen_at is None or time.monotonic() - self._seen_at > AWAY_S:
                raise
            notices.once(notices.away(away.service), f"waiting on for run {self._handle.run_id}: {away.message}")
            return last
        self._seen_at = time.monotonic()
        return record


def pause_s(waited_s: float, environ: Mapping[str, str] = os.environ) -> float:
    """How long to pause after so many seconds of waiting."""
    least, most = (_seconds(environ, *bound) for bound in (_MIN, _MAX))
    return max(least, most / (1.0 + 100.0 * math.exp(-waited_s / 20.0)))


def _seconds(environ: Mapping[str, str], name: str, default: float) -> float:
    try:
        said = float(environ.get(name) or default)
    except ValueError:
        notices.once(("polling", name), f"{name} is {environ[name]!r}, which is no number; {default} s are taken.")
        return default
    return said if 0 < said < math.inf else default


def _goes_on(status: str, post_processing: bool) -> bool:
    return statuses.is_running(status) or (post_processing and status in statuses.POST_PROCESSING)


def _stores_its_outputs(record: RunRecord) -> bool:
    """Whether the run of a submitted script is Finalizing: its supervisor stores the outputs then, and a run that has
    failed is not Failed before that. Who waits wants both, so this is waited for as the original does with show_output.
    """
    return record["status"] == statuses.FINALIZING and record.get("definition") is not None


def _arrived(handle: RunHandle, record: RunRecord) -> None:
    """An ended run's status may overtake other processes' data: waits for that, at most ARRIVAL_S."""
    deadline = time.monotonic() + ARRIVAL_S
    while record["status"] in statuses.TERMINAL and record["missing"]:
        if time.monotonic() > deadline:
            notices.once(
                ("arrival", handle.run_id),
                f"run {handle.run_id} has ended, and some of what it said has not arrived; run.completeness() says "
                "what is missing.",
            )
            return
        _pulse.wait(ARRIVAL_LOOK_S)
        record = finding.refresh(handle)


# With its log


def _shown(run: RunBase, wait_post_processing: bool, raise_on_error: bool) -> dict[str, Any]:
    handle = run._handle
    out = sys.stdout
    out.write(f"RunId: {run.id}\nWeb View: {run.get_portal_url()}\n")
    follower = _Follower(handle)
    look = _Looking(handle)
    record = look()
    begun = time.monotonic()
    next_look = begun
    while _goes_on(record["status"], wait_post_processing) or record["status"] == statuses.FINALIZING:
        with contextlib.suppress(ServiceAwayError):  # told by look()
            follower.look()
        out.flush()
        _pulse.wait(min(FOLLOW_S, pause_s(time.monotonic() - begun)))
        if time.monotonic() >= next_look:
            record = look()
            next_look = time.monotonic() + min(FOLLOW_S, pause_s(time.monotonic() - begun))
    _arrived(handle, record)
    follower.finish()
    found = details.get_details(handle)
    out.write(f"\nExecution Summary\n=================\nRunId: {run.id}\nWeb View: {run.get_portal_url()}\n")
    messages = [each["message"] for each in found.get("warnings", ()) if each.get("message")]
    if messages:
        out.write("\nWarnings:\n" + "".join(f"{message}\n" for message in messages) + "\n")
    if found["status"] == statuses.FAILED:
        error = json.dumps(found.get("error") or NO_ERROR, indent=4)
        if raise_on_error:
            out.flush()
            raise ActivityFailedException(error_details=error)
        out.write(f"\nError:\n{error}\n")
    out.write("\n")
    out.flush()
    return found


class _Follower:
    """Prints the log with the highest number, of rank 0, as it grows."""

    def __init__(self, handle: RunHandle) -> None:
        self._handle = handle
        self._log: LogRecord | None = None
        self._next = 1
        self._text = codecs.getincrementaldecoder("utf-8")("replace")
        self._broken_line = False

    def look(self) -> bool:
        """Prints what has come, and says whether that was anything."""
        api = self._handle.session.api
        chosen = followed(api.logs(self._handle.run_id))
        if chosen is None:
            return False
        if self._log is None or _of(self._log) != _of(chosen):
            self._log, self._next = chosen, 1
            self._text.reset()
            name = chosen["name"]
            self._print(f"\nStreaming {name}\n{'=' * (len(name) + 10)}\n\n")
        return self._read()

    def finish(self) -> None:
        """Prints what is left."""
        while self.look():
            pass
        self._print(self._text.decode(b"", final=True))
        if self._broken_line:
            self._print("\n")

    def _read(self) -> bool:
        log, api = self._log, self._handle.session.api
        assert log is not None
        came = False
        while True:
            try:
                piece: LogPiece = api.log_bytes(
                    self._handle.run_id, log["name"], log["attempt"], log["writer_id"], self._next
                )
            except ServiceException as error:
                if error.status_code == 404:
                    return came
                raise
            self._next = piece.next
            self._print(self._text.decode(piece.data))
            came = came or bool(piece.data)
            if not piece.data or piece.next >= piece.end:
                return came

    def _print(self, text: str) -> None:
        if text:
            sys.stdout.write(text)
            self._broken_line = not text.endswith("\n")


def followed(logs: list[LogRecord]) -> LogRecord | None:
    """The log to follow: of the latest attempt, of the lowest rank, the highest-numbered; None where there is none."""
    chosen = [log for log in logs if LOG_PATTERN.match(log["name"])]
    if not chosen:
        return None
    latest = max(log["attempt"] for log in chosen)
    of_attempt = [log for log in chosen if log["attempt"] == latest]
    # Ranks of one job are told apart by their number; azureml-logs/NN are steps, and the last step counts.
    steps = [log for log in of_attempt if log["name"].startswith("azureml-logs/")]
    if steps:
        return max(steps, key=lambda log: log["name"])
    return min(of_attempt, key=lambda log: (log["name"], log["rank"] if log["rank"] is not None else -1))


def _of(log: LogRecord) -> tuple[str, int, str]:
    return log["name"], log["attempt"], log["writer_id"]
