"""get_status, decisions, completeness, and the labels for people: display name and description."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from runfold import validation
from runfold_schemas import limits, statuses
from runfold_schemas.events import RunDescribed

from . import finding, quotas

if TYPE_CHECKING:
    from runfold.reading.records import DecisionRecord

    from .handle import RunHandle


def get_status(handle: RunHandle, not_before: str | None) -> str:
    """The status, fetched, until the API has said a terminal one."""
    if not handle.settled:
        finding.refresh(handle, not_before)
    return handle.status


def get_detailed_status(handle: RunHandle, not_before: str | None) -> dict[str, str | None]:
    """The status, and why the run waits while it is Queued: the reason that the latest Queued was stated with."""
    status = get_status(handle, not_before)
    record = handle.record
    waits_for = record["status_reason"] if record is not None and status == statuses.QUEUED else None
    return {"status": status, "details": waits_for}


def completeness(handle: RunHandle, not_before: str | None) -> dict[str, Any]:
    """Whether all that was said about the run has arrived: `{"complete": ..., "writers": [...]}`."""
    told = handle.session.read(lambda api: api.completeness(handle.run_id), not_before)
    return {"complete": told["complete"], "writers": told["writers"]}


def decisions(handle: RunHandle, not_before: str | None) -> list[DecisionRecord]:
    """What the ledger did not plainly accept, fetched."""
    told = handle.session.read(lambda api: list(api.decisions(handle.run_id)), not_before)
    return [each for each in told if each["verdict"] != "repeated"]  # a repeat is how shipping works, and says nothing


def set_display_name(handle: RunHandle, value: object) -> None:
    """Gives the run another label."""
    label = validation.text("display_name", value, limits.DISPLAY_NAME_BYTES_MAX)
    quotas.display_name(handle, label)
    handle.session.fact(handle.run_id, RunDescribed, display_name=label)
    handle.display_name = label


def set_description(handle: RunHandle, value: object) -> None:
    """Describes the run in words."""
    words = validation.text("description", value, limits.DESCRIPTION_BYTES_MAX, empty=True)
    quotas.description(handle, words)
    handle.session.fact(handle.run_id, RunDescribed, description=words)
    handle.description = words
