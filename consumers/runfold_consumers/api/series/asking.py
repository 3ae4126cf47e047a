"""What a request for series asks for, checked: the same fields in the query of a GET and in the body of a POST."""

from __future__ import annotations

import json
import math
from datetime import datetime
from functools import cached_property
from typing import Annotated, Literal

from pydantic import AfterValidator, BaseModel, BeforeValidator, ConfigDict, Field

from runfold_consumers.api.errors import invalid
from runfold_schemas.limits import COLUMN_NAME_BYTES_MAX, METRIC_NAME_BYTES_MAX

RUNS_MAX = 200
METRICS_MAX = 500
BUCKETS_MAX = 10_000
_METRIC_CHARACTERS_MAX = 2 * (METRIC_NAME_BYTES_MAX + COLUMN_NAME_BYTES_MAX)

Axis = Literal["step", "time", "relative", "ordinal"]
ANY = ""  # of a column: all columns of the name (no column is called so: it would have no heading)


def _metric(said: object) -> object:
    """A name, or the JSON text of [name, column]."""
    if isinstance(said, str) and said.startswith("["):
        try:
            pair = json.loads(said)
        except (ValueError, RecursionError):
            return said
        if isinstance(pair, list) and len(pair) == 2:
            return pair
    return said


def _number(said: object) -> object:
    """A number, or a moment as the seconds that it stands for."""
    if isinstance(said, str):
        try:
            moment = datetime.fromisoformat(said[:-1] + "+00:00" if said[-1:] in "Zz" else said)
        except ValueError:
            return said
        if moment.tzinfo is None:
            raise ValueError("a moment needs a time zone, such as 2026-11-01T12:00:00Z")
        return moment.timestamp()
    return said


def _finite(number: float) -> float:
    if not math.isfinite(number):
        raise ValueError("an end of the range is a finite number")
    return number


def _text(said: str) -> str:
    said.encode()  # refuses lone surrogates
    if "\0" in said:
        raise ValueError("no name holds NUL")
    return said


Text = Annotated[str, AfterValidator(_text)]
Metric = Annotated[
    Annotated[Text, Field(min_length=1, max_length=_METRIC_CHARACTERS_MAX)] | tuple[Text, Text | None],
    BeforeValidator(_metric),
]
End = Annotated[float, BeforeValidator(_number), AfterValidator(_finite)]


class Ask(BaseModel):
    """Which series, and how."""

    model_config = ConfigDict(populate_by_name=True)

    run_id: list[Annotated[Text, Field(min_length=1, max_length=1024)]] = Field(
        min_length=1, max_length=RUNS_MAX, description="Ids of 1 to 200 runs."
    )
    metric: list[Metric] = Field(
        min_length=1,
        max_length=METRICS_MAX,
        description='1 to 500 metrics: a name (all columns), or JSON ["name", "column"]; column null: scalars alone.',
    )
    rank: int | None = Field(default=None, ge=0, lt=1 << 31, description="Of this rank alone.")
    attempt: Annotated[int, Field(ge=0, lt=1 << 31)] | Literal["all"] | None = Field(
        default=None,
        description="Of this attempt; `all`: each as its own series; else the latest that logged a step wins.",
    )
    fold: Literal["none", "ranks"] = Field(
        default="none", description="`ranks`: mean over ranks, with band and slowest rank."
    )
    buckets: int = Field(
        default=0,
        ge=0,
        le=BUCKETS_MAX,
        description="Points by x, cut into so many buckets of which each keeps its least and greatest point; 0: all "
        "points, in reading order.",
    )
    x: Axis = Field(default="step", description="`relative`: seconds since the run's start; `time`: unix seconds.")
    from_: End | None = Field(default=None, alias="from", description="Least x; of time also as ISO 8601 with zone.")
    to: End | None = Field(default=None, description="Greatest x.")
    after: str | None = Field(
        default=None,
        max_length=1 << 20,
        description="`cursor` of an earlier answer to the same question: what changed since.",
    )
    as_of: str | None = Field(
        default=None, max_length=1 << 20, description="A watermark, or a broker time (ISO 8601): as folded up to there."
    )

    def checked(self) -> Ask:
        """Itself. Raises ApiError 400 where fields do not go together."""
        if self.from_ is not None and self.to is not None and self.from_ > self.to:
            raise invalid(
                f"from={self.from_:g} lies behind to={self.to:g}; a range goes from the lesser to the greater"
            )
        return self

    @cached_property
    def runs(self) -> list[str]:
        """The runs, each once, as asked."""
        return list(dict.fromkeys(self.run_id))

    @cached_property
    def names(self) -> list[str]:
        """The metric names, each once, as asked."""
        return list(dict.fromkeys(metric if isinstance(metric, str) else metric[0] for metric in self.metric))

    def wants(self, name: str, column: str | None) -> bool:
        """Whether points of that metric and column are asked for."""
        return name in self._columns and (ANY in self._columns[name] or column in self._columns[name])

    @cached_property
    def _columns(self) -> dict[str, set[str | None]]:
        columns: dict[str, set[str | None]] = {}
        for metric in self.metric:
            name, column = (metric, ANY) if isinstance(metric, str) else metric
            columns.setdefault(name, set()).add(column)
        return columns
