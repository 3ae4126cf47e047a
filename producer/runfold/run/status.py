"""get_status, get_details, and the labels for people: display name and description."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from runfold import validation
from runfold_schemas import limits
from runfold_schemas.events import RunDescribed

from . import files, finding

if TYPE_CHECKING:
    from runfold.reading.records import DecisionRecord

    from .handle import RunHandle

LOG_FOLDERS = ("user_logs/", "system_logs/")


def get_status(handle: RunHandle, not_before: str | None) -> str:
    """The status, fetched, until the API has said a terminal one."""
    if not handle.settled:
        finding.refresh(handle, not_before)
    return handle.status


def get_details(handle: RunHandle, not_before: str | None) -> dict[str, Any]:
    """What the ledger knows of the run, in the original's names; what is not set is absent."""
    record = finding.refresh(handle, not_before)
    error = record["error"]
    details: dict[str, Any] = {
        "runId": handle.run_id,
        "target": record["target"],
        "status": record["status"],
        "startTimeUtc": record["started_at"],
        "endTimeUtc": record["ended_at"],
        "error": None if error is None else {"error": {name: said for name, said in error.items() if said is not None}},
        "properties": dict(record["properties"]),
        "inputDatasets": [],
        "outputDatasets": [],
    }
    details = {name: value for name, value in details.items() if value is not None}
    details["logFiles"] = files.addresses(handle, LOG_FOLDERS)
    details["submittedBy"] = record["submitted_by"]
    return details


def decisions(handle: RunHandle, not_before: str | None) -> list[DecisionRecord]:
    """What the ledger did not plainly accept, fetched."""
    told = handle.session.read(lambda api: list(api.decisions(handle.run_id)), not_before)
    return [each for each in told if each["verdict"] != "repeated"]  # a repeat is how shipping works, and says nothing


def set_display_name(handle: RunHandle, value: object) -> None:
    """Gives the run another label."""
    label = validation.text("display_name", value, limits.DISPLAY_NAME_BYTES_MAX)
    handle.session.fact(handle.run_id, RunDescribed, display_name=label)
    handle.display_name = label


def set_description(handle: RunHandle, value: object) -> None:
    """Describes the run in words."""
    words = validation.text("description", value, limits.DESCRIPTION_BYTES_MAX, empty=True)
    handle.session.fact(handle.run_id, RunDescribed, description=words)
    handle.description = words
