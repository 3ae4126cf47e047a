"""Events to messages and back: the bytes are fastavro's, whatever is encoded comes back, whatever is broken says so."""

from __future__ import annotations

import copy
import math
import struct
from typing import Any

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from runfold_schemas import catalog, codec, shapes
from runfold_schemas.events import MetricLogged, Series, TagSet
from tests.schemas import reference, strategies

SHAPES = {name: shapes.parse(catalog.schema(name)) for name in catalog.names()}
METRIC = MetricLogged(
    aggregate_id="a run",
    writer_id="0" * 32,
    first_ordinal=1,
    occurred_at=1_700_000_000_000_000,
    series=(Series("loss"), Series("note", None, "string", "step")),
    texts=("hello", "wörld"),
    index=[0, 1, 0] * 8,
    step=list(range(100, 124)),
    time=[1.7e9 + point for point in range(24)],
    value=[0.5, 1.0, math.inf] * 8,
)


def same(a: Any, b: Any) -> bool:
    """Equality with NaN equal to itself, columns by their bits."""
    if isinstance(a, tuple) and hasattr(a, "_fields"):
        return type(a) is type(b) and all(same(x, y) for x, y in zip(a, b, strict=True))
    if isinstance(a, np.ndarray) or isinstance(b, np.ndarray):
        left, right = np.asarray(a), np.asarray(b)
        if not left.size and not right.size:
            return True
        return [struct.pack("<d", x) if isinstance(x, float) else x for x in left.tolist()] == [
            struct.pack("<d", x) if isinstance(x, float) else x for x in right.tolist()
        ]
    return bool(a == b) or (a != a and b != b)


@pytest.mark.parametrize("name", catalog.names())
@given(data=st.data())
@settings(max_examples=40, suppress_health_check=[HealthCheck.too_slow])
def test_bytes_are_fastavros_and_every_event_comes_back(name: str, data: st.DataObject) -> None:
    event = data.draw(strategies.events_of(name))
    message = codec.encode(event)
    assert message == reference.message(catalog.schema(name), reference.plain(SHAPES[name], event))
    assert same(codec.decode(message), event)


@pytest.mark.parametrize("name", catalog.names())
@given(data=st.data())
@settings(max_examples=15)
def test_a_newer_writer_with_another_field_is_read(name: str, data: st.DataObject) -> None:
    newer = copy.deepcopy(catalog.schema(name))
    place = data.draw(st.integers(0, len(newer["fields"])))
    newer["fields"].insert(place, {"name": "extra", "type": "string", "doc": "New.", "default": ""})
    event = data.draw(strategies.events_of(name))
    value = reference.plain(SHAPES[name], event) | {"extra": "of tomorrow"}
    assert same(codec.decode(reference.message(newer, value), lambda _: newer), event)


@pytest.mark.parametrize("name", catalog.names())
@given(data=st.data())
@settings(max_examples=15)
def test_an_older_writer_without_a_field_is_read_with_its_default(name: str, data: st.DataObject) -> None:
    older = copy.deepcopy(catalog.schema(name))
    columns = {"index", "step", "time", "value", "series", "texts"}
    candidates = [field["name"] for field in older["fields"] if field["name"] not in columns]
    gone = data.draw(st.sampled_from(candidates))
    older["fields"] = [field for field in older["fields"] if field["name"] != gone]
    event = data.draw(strategies.events_of(name))
    decoded = codec.decode(reference.message(older, reference.plain(SHAPES[name], event)), lambda _: older)
    default = type(event)._field_defaults[gone]
    assert same(decoded, event._replace(**{gone: default}))


@pytest.mark.parametrize("event", [METRIC, TagSet(aggregate_id="a", writer_id="b", key="k", value="v")])
def test_a_message_cut_anywhere_raises_decode_error_and_nothing_else(event: Any) -> None:
    message = codec.encode(event)
    for length in range(len(message)):
        with pytest.raises(codec.DecodeError):
            codec.decode(message[:length])
    with pytest.raises(codec.DecodeError, match="ends at byte"):
        codec.decode(message + b"\0")


@given(st.data())
@settings(max_examples=300)
def test_flipped_bytes_give_an_event_or_decode_error(data: st.DataObject) -> None:
    message = bytearray(codec.encode(METRIC))
    for _ in range(data.draw(st.integers(1, 3))):
        message[data.draw(st.integers(0, len(message) - 1))] ^= data.draw(st.integers(1, 255))
    try:
        decoded = codec.decode(bytes(message))
    except codec.DecodeError:
        return
    assert isinstance(decoded, MetricLogged)


def test_an_unknown_fingerprint_is_named() -> None:
    with pytest.raises(codec.UnknownFingerprint) as caught:
        codec.decode(b"\xc3\x01" + b"12345678" + b"body")
    assert caught.value.fingerprint == b"12345678"
    assert isinstance(caught.value, codec.DecodeError)


def test_an_event_of_a_newer_release_is_named() -> None:
    future = {"type": "record", "name": "Invented", "namespace": "runfold", "fields": []}
    with pytest.raises(codec.UnknownEvent, match=r"runfold\.Invented"):
        codec.decode(reference.message(future, {}), lambda _: future)


@pytest.mark.parametrize(
    ("change", "text"),
    [
        ({"index": [0]}, "differ in length"),
        ({"index": [2] * 24}, "index holds 2 to 2; MetricLogged has 2 series"),
        ({"index": [-1] * 24}, "index holds -1"),
        ({"value": [2.0] * 24}, "no place among its 2 texts"),
        ({"value": [-1.0] * 24}, "no place"),
        ({"value": [0.5] * 24}, "no place"),
        ({"value": [math.nan] * 24}, "no place"),
        ({"series": ()}, "has 0 series"),
    ],
)
@pytest.mark.parametrize("numpy_there", [True, False])
def test_points_that_point_nowhere_are_refused(
    change: dict[str, Any], text: str, numpy_there: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    if not numpy_there:
        monkeypatch.setattr(codec, "_readers", {})
        monkeypatch.setattr(codec, "_numpy", lambda: None)
    broken = reference.plain(SHAPES["MetricLogged"], METRIC._replace(**change))
    with pytest.raises(codec.DecodeError, match=text):
        codec.decode(reference.message(catalog.schema("MetricLogged"), broken))


def test_without_numpy_columns_are_lists(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(codec, "_readers", {})
    monkeypatch.setattr(codec, "_numpy", lambda: None)
    assert codec.decode(codec.encode(METRIC)) == METRIC


@given(st.data())
@settings(max_examples=60)
def test_columns_in_several_blocks_with_and_without_sizes_are_read(data: st.DataObject) -> None:
    event = data.draw(strategies.metrics())
    body = b"".join(
        _in_blocks(data, field, value) if field.kind == "array" else reference.written(_avro(field), value)
        for (_, field), value in zip(SHAPES["MetricLogged"].fields, event, strict=True)
    )
    assert same(codec.decode(b"\xc3\x01" + catalog.fingerprint("MetricLogged") + body), event)


def _avro(field: shapes.Shape) -> Any:
    return ["null", field.branches[1].kind] if field.kind == "union" else field.kind


def _in_blocks(data: st.DataObject, field: shapes.Shape, items: Any) -> bytes:
    avro = field.item.kind if field.item.kind != "record" else _series()
    out = b""
    rest = list(items)
    while rest:
        count = data.draw(st.integers(1, len(rest)))
        block = b"".join(reference.written(avro, reference.plain(field.item, item)) for item in rest[:count])
        rest = rest[count:]
        if data.draw(st.booleans()):
            out += reference.written("long", -count) + reference.written("long", len(block)) + block
        else:
            out += reference.written("long", count) + block
    return out + b"\0"


def _series() -> Any:
    return next(f["type"]["items"] for f in catalog.schema("MetricLogged")["fields"] if f["name"] == "series")


@pytest.mark.parametrize(
    ("event", "path"),
    [
        (TagSet(key=3), "runfold.TagSet.key"),  # type: ignore[arg-type]
        (TagSet(value=b"x"), "runfold.TagSet.value"),  # type: ignore[arg-type]
        (TagSet(key="\ud800"), "runfold.TagSet.key"),
        (TagSet(ordinal=2**63), "runfold.TagSet.ordinal"),
        (TagSet(ordinal=1.5), "runfold.TagSet.ordinal"),  # type: ignore[arg-type]
        (TagSet(ordinal=None), "runfold.TagSet.ordinal"),  # type: ignore[arg-type]
        (METRIC._replace(series=(Series(3),)), "runfold.MetricLogged.series[0].name"),  # type: ignore[arg-type]
        (METRIC._replace(series="loss"), "runfold.MetricLogged.series"),  # type: ignore[arg-type]
        (METRIC._replace(texts="text"), "runfold.MetricLogged.texts"),
        (METRIC._replace(step=[*range(23), 0.5]), "runfold.MetricLogged.step[23]"),  # type: ignore[list-item]
        (METRIC._replace(step=[*range(23), 2**63]), "runfold.MetricLogged.step[23]"),
        (METRIC._replace(index=[*range(23), 2**31]), "runfold.MetricLogged.index[23]"),
        (METRIC._replace(index=np.array([0.0] * 24)), "runfold.MetricLogged.index[0]"),
        (METRIC._replace(value=["x"] * 24), "runfold.MetricLogged.value[0]"),  # type: ignore[list-item]
        (METRIC._replace(value=b"x" * 24), "runfold.MetricLogged.value"),
        (METRIC._replace(time=[1.0]), "runfold.MetricLogged"),
    ],
)
def test_what_cannot_be_written_is_named_by_path_value_and_what_is_allowed(event: Any, path: str) -> None:
    with pytest.raises(codec.EncodeError) as caught:
        codec.encode(event)
    assert caught.value.path == path
    assert path in str(caught.value)
    assert "allowed is" in str(caught.value)


def test_only_events_are_encoded() -> None:
    with pytest.raises(codec.EncodeError, match="one of ArtifactLogged"):
        codec.encode(Series("loss"))  # type: ignore[arg-type]
