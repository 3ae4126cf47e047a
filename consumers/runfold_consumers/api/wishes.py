"""What a request may state, within the limits that the client keeps to as well; and the facts that it becomes. Pure."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from typing import Annotated, Any, Literal

from pydantic import AfterValidator, BaseModel, ConfigDict, Field

from runfold_consumers.api.stating import Fact
from runfold_schemas import limits
from runfold_schemas.events import (
    CancelRequested,
    ErrorRecorded,
    ExperimentChanged,
    LaneEnd,
    PropertyAdded,
    PropertyCorrected,
    RunDescribed,
    RunEnrolled,
    RunStarted,
    StatusChanged,
    TagRemoved,
    TagSet,
)
from runfold_schemas.statuses import TERMINAL

Status = Literal[
    "Unapproved", "Starting", "Provisioning", "Preparing", "Queued", "Running", "Pausing", "Paused", "NotResponding",
    "Finalizing", "Completed", "Failed", "Canceled",
]  # fmt: skip
_EXPERIMENT = re.compile(r"[a-zA-Z0-9][\w\-]{0,254}\Z")


def _text(bytes_max: int, *, empty: bool = True) -> Callable[[str], str]:
    def checked(value: str) -> str:
        if "\0" in value or any("\ud800" <= character <= "\udfff" for character in value):
            raise ValueError("NUL and lone surrogates cannot be stored")
        size = len(value.encode())
        if size > bytes_max or not (value or empty):
            raise ValueError(f"it has {size} bytes of UTF-8; allowed are {0 if empty else 1} to {bytes_max}")
        return value

    return checked


def _experiment(value: str) -> str:
    if not _EXPERIMENT.match(value):
        raise ValueError("1 to 255 letters, digits, '-' and '_' are allowed, the first a letter or a digit")
    return value


def _run_id(value: str) -> str:
    printable = value.isprintable() and "/" not in value and "\\" not in value
    if not printable or not 1 <= len(value) <= limits.RUN_ID_CHARACTERS_MAX:
        raise ValueError(f"1 to {limits.RUN_ID_CHARACTERS_MAX} printable characters without '/' and '\\' are allowed")
    return value


TagKey = Annotated[str, AfterValidator(_text(limits.TAG_KEY_BYTES_MAX, empty=False))]
TagValue = Annotated[str, AfterValidator(_text(limits.TAG_VALUE_BYTES_MAX))]
PropertyKey = Annotated[str, AfterValidator(_text(limits.PROPERTY_KEY_BYTES_MAX, empty=False))]
PropertyValue = Annotated[str, AfterValidator(_text(limits.PROPERTY_VALUE_BYTES_MAX))]
Tags = Annotated[dict[TagKey, TagValue | None], Field(max_length=limits.TAGS_PER_CALL_MAX)]
Properties = Annotated[dict[PropertyKey, PropertyValue | None], Field(max_length=limits.PROPERTIES_PER_CALL_MAX)]
GivenRunId = Annotated[str, AfterValidator(_run_id)]
Label = Annotated[str, AfterValidator(_text(limits.DISPLAY_NAME_BYTES_MAX))]
Description = Annotated[str, AfterValidator(_text(limits.DESCRIPTION_BYTES_MAX))]
Reason = Annotated[str, AfterValidator(_text(limits.STATUS_REASON_BYTES_MAX))]


class _Wish(BaseModel):
    model_config = ConfigDict(extra="forbid")


class RunWanted(_Wish):
    """A run to begin."""

    experiment: Annotated[str, AfterValidator(_experiment)]
    run_id: GivenRunId | None = Field(None, description="Else one is drawn. The same one again joins the run.")
    display_name: Label | None = None
    parent_run_id: GivenRunId | None = None
    tags: Tags = {}
    properties: Properties = {}

    def facts(self, run_id: str) -> list[Fact]:
        """It begins, gets a number in its experiment, and what belongs to it."""
        started = {
            "experiment": self.experiment, "parent_run_id": self.parent_run_id, "display_name": self.display_name,
            "target": "local",
        }  # fmt: skip
        facts = [
            Fact("run", run_id, RunStarted, started),
            Fact("experiment", self.experiment, RunEnrolled, {"run_id": run_id}),
        ]
        facts += [Fact("run", run_id, TagSet, {"key": key, "value": value}) for key, value in self.tags.items()]
        return facts + ([_added(run_id, self.properties)] if self.properties else [])


class ErrorWanted(_Wish):
    """Why it failed."""

    message: Annotated[str, AfterValidator(_text(limits.ERROR_MESSAGE_BYTES_MAX))] | None = None
    code: Annotated[str, AfterValidator(_text(256, empty=False))] = "UserError"


class StatusWanted(_Wish):
    """A status of the run's latest attempt."""

    status: Status
    reason: Reason | None = None
    error: ErrorWanted | None = Field(None, description="Why it failed; with Failed alone.")

    def facts(self, run_id: str, attempt: int) -> list[Fact]:
        """What is said of the attempt; a terminal status says that its writer has nothing more to say of the run."""
        said: dict[str, Any] = {"attempt": attempt, "status": self.status, "reason": self.reason}
        if self.status in TERMINAL:
            said["lanes"] = lambda ordinal: (LaneEnd("facts", ordinal),)
        facts = [Fact("run", run_id, StatusChanged, said)]
        if self.error is not None:
            told = {"attempt": attempt, "message": self.error.message, "code": self.error.code}
            facts.insert(0, Fact("run", run_id, ErrorRecorded, told))
        return facts


class CancelWanted(_Wish):
    """A wish that the run ends."""

    reason: Reason | None = None

    def facts(self, run_id: str, attempt: int) -> list[Fact]:
        """The wish."""
        return [Fact("run", run_id, CancelRequested, {"attempt": attempt, "reason": self.reason})]


class RunChange(_Wish):
    """What is to be shown of a run. What is not named stays."""

    display_name: Label | None = None
    description: Description | None = None
    tags: Tags = Field({}, description="A value, or null to take the tag away.")

    def facts(self, run_id: str) -> list[Fact]:
        """One word for label and description, one for each tag."""
        facts = []
        if self.display_name is not None or self.description is not None:
            said = {"display_name": self.display_name, "description": self.description}
            facts.append(Fact("run", run_id, RunDescribed, said))
        for key, value in self.tags.items():
            facts.append(
                Fact("run", run_id, TagRemoved, {"key": key})
                if value is None
                else Fact("run", run_id, TagSet, {"key": key, "value": value})
            )
        return facts


class CorrectionWanted(_Wish):
    """A property that is wrong."""

    key: PropertyKey
    value: PropertyValue | None = Field(description="What it should have been; null: no value.")
    reason: Annotated[str, AfterValidator(_text(limits.STATUS_REASON_BYTES_MAX, empty=False))]

    def facts(self, run_id: str) -> list[Fact]:
        """The annotation."""
        return [Fact("run", run_id, PropertyCorrected, self.model_dump())]


class ExperimentChange(_Wish):
    """What is to be shown of an experiment. What is not named stays."""

    archived: bool | None = None
    description: Description | None = None
    tags: Tags = Field({}, description="A value, or null to take the tag away.")

    def facts(self, experiment: str) -> list[Fact]:
        """One word for all of it; none where nothing is named."""
        said = {
            "archived": self.archived,
            "description": self.description,
            "tags": {key: value for key, value in self.tags.items() if value is not None},
            "removed_tags": tuple(key for key, value in self.tags.items() if value is None),
        }
        return [Fact("experiment", experiment, ExperimentChanged, said)] if self.model_fields_set else []


def properties_added(run_id: str, properties: Mapping[str, str | None]) -> list[Fact]:
    """Properties, all of them or none."""
    return [_added(run_id, properties)] if properties else []


def _added(run_id: str, properties: Mapping[str, str | None]) -> Fact:
    return Fact("run", run_id, PropertyAdded, {"properties": dict(properties)})
