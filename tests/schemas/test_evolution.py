"""Schemas change only so that every release reads every other."""

from __future__ import annotations

import copy
import io
import re
import sys
from typing import Any

import fastavro
import pytest

from runfold_schemas import catalog, evolution, generate

TAG = catalog.schema("TagSet")


def changed(**fields: Any) -> dict[str, Any]:
    """TagSet with fields replaced, taken out (None) or added."""
    schema = copy.deepcopy(TAG)
    for name, field in fields.items():
        schema["fields"] = [one for one in schema["fields"] if one["name"] != name]
        if field is not None:
            schema["fields"].append({"name": name, "doc": "A field.", **field})
    return schema


def test_the_present_schemas_are_sound_and_read_every_release_and_are_read_by_it() -> None:
    assert evolution.problems() == []
    assert evolution.main() == 0


def test_every_present_schema_is_frozen_in_some_release_or_newer_than_all() -> None:
    assert "1" in catalog.releases()
    assert set(catalog.releases()["1"]) <= set(catalog.names())


def test_generated_events_are_what_the_schemas_say(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "argv", ["generate", "--check"])
    assert generate.main() == 0


@pytest.mark.parametrize(
    ("reader", "writer", "why"),
    [
        (TAG, changed(extra={"type": "string", "default": ""}), None),
        (TAG, changed(value=None), None),
        (changed(ordinal={"type": "double", "default": 0}), TAG, None),
        (TAG, changed(ordinal={"type": "double", "default": 0}), "written as double, read as long"),
        (changed(extra={"type": "string"}), TAG, "the reader no default"),
        (TAG, changed(key={"type": ["null", "string"], "default": None}), "written as null, read as string"),
        (changed(key={"type": ["null", "string"], "default": None}), TAG, None),
        (
            changed(value={"type": ["null", "int"], "default": None}),
            TAG,
            "no branch of the reader's union takes string",
        ),
        (changed(key={"type": "bytes", "default": ""}), TAG, None),
        ({**TAG, "name": "Other"}, TAG, "read as runfold.Other"),
        (
            changed(key={"type": {"type": "enum", "name": "E", "symbols": ["a"]}, "default": "a"}),
            changed(key={"type": {"type": "enum", "name": "E", "symbols": ["a", "b"]}, "default": "a"}),
            "lacks the symbols",
        ),
        (
            changed(key={"type": {"type": "fixed", "name": "F", "size": 2}, "default": "ab"}),
            changed(key={"type": {"type": "fixed", "name": "F", "size": 3}, "default": "abc"}),
            "written with 3 bytes, read with 2",
        ),
        (
            changed(key={"type": {"type": "array", "items": "int"}, "default": []}),
            changed(key={"type": {"type": "array", "items": "long"}, "default": []}),
            r"key\[\]: written as long, read as int",
        ),
    ],
)
def test_what_a_reader_cannot_read_is_told_with_its_path(reader: Any, writer: Any, why: str | None) -> None:
    found = evolution.unreadable(reader, writer)
    if why is None:
        assert found == []
    else:
        assert len(found) == 1
        assert re.search(why, found[0])


def test_a_schema_within_itself_is_judged_without_end() -> None:
    tree = {"type": "record", "name": "Tree", "fields": [{"name": "next", "type": ["null", "Tree"], "default": None}]}
    assert evolution.unreadable(tree, tree) == []


@pytest.mark.parametrize(
    ("schema", "why"),
    [
        (changed(extra={"type": "string"}), "extra: a field needs a default"),
        (changed(extra={"type": "string", "default": "", "doc": ""}), "extra: a field needs a doc"),
        (changed(extra={"type": ["null", "string"], "default": ""}), "does not fit|fastavro does not take it"),
        (changed(extra={"type": "integer", "default": 0}), "fastavro does not take it"),
        ({**TAG, "doc": ""}, "TagSet: a record needs a doc"),
    ],
)
def test_house_rules_are_held(schema: Any, why: str) -> None:
    assert any(re.search(why, problem) for problem in evolution.house_problems(schema))


def test_a_broken_change_fails_the_check(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    real = catalog.schema
    broken = changed(key=None, name={"type": "string"})
    monkeypatch.setattr(catalog, "schema", lambda name: broken if name == "TagSet" else real(name))
    assert evolution.main() == 1
    assert "release 1 cannot be read: runfold.TagSet.name" in capsys.readouterr().err


def test_a_release_is_frozen_once(tmp_path: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(catalog, "RELEASED", tmp_path)
    assert evolution.freeze() == "1"
    assert evolution.freeze() is None
    real = catalog.schema
    newer = changed(extra={"type": "string", "default": ""})
    monkeypatch.setattr(catalog, "schema", lambda name: newer if name == "TagSet" else real(name))
    assert evolution.freeze() == "2"


@pytest.mark.parametrize("name", catalog.names())
def test_published_files_are_read_by_plain_fastavro(name: str) -> None:
    parsed = fastavro.parse_schema(catalog.schema(name), {})
    empty = {
        field["name"]: field["default"].encode("latin-1") if field["type"] == "bytes" else field["default"]
        for field in catalog.schema(name)["fields"]
    }
    out = io.BytesIO()
    fastavro.writer(out, parsed, [empty])
    out.seek(0)
    (read,) = fastavro.reader(out)
    assert isinstance(read, dict)
    assert read.keys() == empty.keys()
