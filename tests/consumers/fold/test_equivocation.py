"""A repeat whose values differ is told apart from one that was only written by another release (P10)."""

from __future__ import annotations

import copy
from typing import Any

import fastavro

from runfold_consumers.fold.equivocation import differences
from runfold_consumers.fold.rules import Refusal
from runfold_schemas import catalog, codec, framing
from runfold_schemas.events import ArtifactLogged, TagRemoved, TagSet

TAG = TagSet("run", "r", "0" * 32, 1, 1, key="k", value="v")


def test_the_same_again_is_no_conflict() -> None:
    assert differences(codec.encode(TAG), codec.encode(TAG), codec.RELEASED) == ()


def test_each_field_that_differs_is_named_with_both_values() -> None:
    other = TAG._replace(occurred_at=2, value=None)
    assert differences(codec.encode(TAG), codec.encode(other), codec.RELEASED) == (
        Refusal("occurred_at", "1", "2"),
        Refusal("value", "v", None),
    )


def test_another_event_under_the_same_ordinal_is_a_conflict() -> None:
    other = TagRemoved(*TAG[:5], key="k")
    assert differences(codec.encode(TAG), codec.encode(other), codec.RELEASED) == (
        Refusal("event", "TagSet", "TagRemoved"),
    )


def test_bytes_are_told_by_their_digest() -> None:
    one, two = (ArtifactLogged(*TAG[:5], name="a", body=body) for body in (b"x" * 9999, b"y"))
    (refusal,) = differences(codec.encode(one), codec.encode(two), codec.RELEASED)
    assert refusal.key == "body"
    assert str(refusal.kept).startswith("9999 bytes, SHA-256 ")


def test_a_field_that_only_one_writer_knew_is_not_compared() -> None:
    import io

    newer: dict[str, Any] = copy.deepcopy(catalog.schema("TagSet"))
    newer["fields"] = [field for field in newer["fields"] if field["name"] != "value"]
    fingerprint = catalog.fingerprint_of(catalog.canonical_form(newer))
    body = io.BytesIO()
    fastavro.schemaless_writer(body, fastavro.parse_schema(newer, {}), TAG._asdict())
    message = framing.frame(fingerprint, body.getvalue())

    def lookup(wanted: bytes) -> Any:
        return newer if wanted == fingerprint else codec.RELEASED(wanted)

    assert differences(codec.encode(TAG), message, lookup) == ()
    assert [one.key for one in differences(codec.encode(TAG._replace(key="other")), message, lookup)] == ["key"]
