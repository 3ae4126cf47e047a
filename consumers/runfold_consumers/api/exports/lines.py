"""Rows of exports as NDJSON: a JSON object a line, UTF-8. NaN and infinities are the texts NaN, Infinity, -Infinity."""

from __future__ import annotations

import json
import math
from collections.abc import Iterable, Mapping
from typing import Any

from pydantic_core import to_json

from runfold_consumers.api.answers import odd_text
from runfold_consumers.api.series.columns import Lane
from runfold_schemas.events import MetricLogged
from runfold_schemas.values import restore

_TEXTUAL = frozenset(("string", "bigint"))


def lines(rows: Iterable[Mapping[str, Any]]) -> bytes:
    """Any rows: times become ISO 8601, bytes text with what is no UTF-8 replaced."""
    told = ({name: _text(value) for name, value in row.items()} for row in rows)
    return b"".join(to_json(row, inf_nan_mode="strings") + b"\n" for row in told)


def point_lines(event: MetricLogged, lane: Lane) -> bytes:
    """The points of an event in ordinal order. What they share is encoded once."""
    shared = [
        f'{{"run_id":{_quoted(event.aggregate_id)},"metric":{_quoted(series.name)},"column":{_quoted(series.column)},'
        f'"rank":{_quoted(lane.rank)},"attempt":{lane.attempt},"writer":{_quoted(event.writer_id)},'
        f'"kind":{_quoted(series.kind)},"axis":{_quoted(series.axis)},"ordinal":'
        for series in event.series
    ]
    kinds = [series.kind for series in event.series]
    columns = (_listed(column) for column in (event.index, event.step, event.time, event.value))
    told = []
    for ordinal, (place, step, time, number) in enumerate(zip(*columns, strict=True), event.first_ordinal):
        if kinds[place] == "double":
            value = repr(number) if math.isfinite(number) else _quoted(odd_text(number))
        else:
            kind = kinds[place]
            text = event.texts[int(number)] if kind in _TEXTUAL else None
            value = _quoted(restore(kind, number, text)) if kind != "bigint" else str(text)
        moment = repr(time) if math.isfinite(time) else _quoted(odd_text(time))
        told.append(f'{shared[place]}{ordinal},"step":{step},"time":{moment},"value":{value}}}\n')
    return "".join(told).encode("utf-8", "replace")


def _quoted(value: Any) -> str:
    return json.dumps(value, ensure_ascii=False)


def _listed(column: Any) -> list[Any]:
    return list(column.tolist() if hasattr(column, "tolist") else column)


def _text(value: Any) -> Any:
    return value.decode("utf-8", "replace") if isinstance(value, bytes) else value
