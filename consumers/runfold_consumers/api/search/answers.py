"""Shapes of the answers of search. Numbers that JSON has no words for are the texts NaN, Infinity and -Infinity."""

from __future__ import annotations

from typing import Literal

from pydantic import BaseModel, Field

from runfold_consumers.api.answers import Answer, Moment

Cell = int | float | str | None


class FoundRun(BaseModel):
    """A run of a listing."""

    run_id: str
    experiment: str | None = Field(description="null until RunStarted is folded.")
    name: str | None = Field(description="Its display name.")
    number: int | None = Field(description="Its number in the experiment; null until folded.")
    parent_run_id: str | None
    status: str = Field(description="Of the latest attempt.", examples=["Completed"])
    attempt: int
    created_at: Moment
    started_at: Moment | None
    ended_at: Moment | None
    heartbeat_at: Moment | None = Field(description="Broker time of the last heartbeat.")
    children: int = Field(description="How many runs have it as their parent.")
    values: dict[str, Cell] = Field(
        description="Per ref of `columns`, as it was written: text, number, or null where the run has none. Times are "
        "ISO 8601, UTC. A text of more than 1,024 characters is cut and ends with an ellipsis. Of the last value "
        "of a metric that is a text, the first 256 are kept.",
        examples=[{"tag.team": "vision", "metric.loss.min": 0.1}],
    )


class FoundRunsAnswer(Answer):
    """A page of the runs that match."""

    runs: list[FoundRun]
    n: int = Field(description="Runs on this page.")
    of: int | None = Field(
        description="Runs that match, up to 1,000, without a filter 100,000; null with `count=false`."
    )
    of_is_exact: bool = Field(description="False where more match than were counted, or nobody counted.")
    next_cursor: str | None = Field(description="`cursor` of the next page; null on the last one.")


class Column(BaseModel):
    """Something that runs have."""

    ref: str = Field(examples=["metric.loss.last"])
    kind: Literal["field", "tag", "property", "metric"]
    label: str = Field(description="What people read.", examples=["loss"])


class ColumnsAnswer(Answer):
    """Refs: fields, then tags, properties and metrics by key."""

    columns: list[Column]
    more: bool = Field(description="There are more than `limit`, of one kind at least: ask with a longer prefix.")


class Spread(BaseModel):
    """A metric over the runs of a group that have it."""

    mean: Cell
    min: Cell
    max: Cell
    n: int = Field(description="Runs that have it.")


class Group(BaseModel):
    """Runs that have one value in common."""

    value: Cell = Field(description="null: they have none. A text is told by its first 256 characters, and grouped so.")
    runs: int
    statuses: dict[str, int] = Field(examples=[{"Completed": 3, "Failed": 1}])
    values: dict[str, Spread] = Field(description="Per metric of `values`, as it was written.")


class GroupsAnswer(Answer):
    """Groups by their value, that of none last."""

    groups: list[Group]
    n: int = Field(description="Groups on this page.")
    of: int = Field(description="Groups there are.")
    next_cursor: str | None = Field(description="`cursor` of the next page; null on the last one.")
