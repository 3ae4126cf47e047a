"""Exports: a file appears whole or not at all, and filters that are wrong say where."""

from __future__ import annotations

from pathlib import Path

import pytest

from runfold.exceptions import FilterError, ServiceAwayError
from tests.producer.reading.test_transport import answer, client, scripted


def test_an_export_that_is_cut_is_begun_anew_and_nothing_of_it_is_left(tmp_path: Path) -> None:
    moved: list[int] = []
    with scripted(answer(200, b"half", length=9), answer(200, b"the whole")) as (address, heads):
        client(address).export(tmp_path / "a.ndjson", what="points", format="ndjson", q="a = b", moved=moved.append)
    assert (tmp_path / "a.ndjson").read_bytes() == b"the whole"
    assert [path.name for path in tmp_path.iterdir()] == ["a.ndjson"]
    assert sum(moved) == 9
    assert b"/export?what=points&format=ndjson&q=a+%3D+b " in heads[0]


def test_an_export_that_never_ends_leaves_what_was_there(tmp_path: Path) -> None:
    (tmp_path / "a.ndjson").write_text("before")
    with scripted(answer(200, b"half", length=9)) as (address, _), pytest.raises(ServiceAwayError):
        client(address).export(tmp_path / "a.ndjson", what="points", format="ndjson", replace=True, timeout_s=0.2)
    assert (tmp_path / "a.ndjson").read_text() == "before"
    assert [path.name for path in tmp_path.iterdir()] == ["a.ndjson"]


def test_a_file_that_is_there_is_not_replaced_unless_asked_for(tmp_path: Path) -> None:
    (tmp_path / "a.ndjson").write_text("before")
    with scripted(answer(200, b"new")) as (address, heads):
        with pytest.raises(FileExistsError):
            client(address).export(tmp_path / "a.ndjson", what="runs", format="ndjson")
        assert heads == []
        client(address).export(tmp_path / "a.ndjson", what="runs", format="ndjson", replace=True)
    assert (tmp_path / "a.ndjson").read_text() == "new"


def test_a_wrong_filter_keeps_its_place_and_what_was_expected() -> None:
    told = {"code": "filter", "message": "expected a value", "position": 8, "expected": ["a value"], "text": "status ="}
    with scripted(answer(400, {"error": told})) as (address, _), pytest.raises(FilterError) as raised:
        client(address).search("status =")
    assert (raised.value.position, raised.value.expected, raised.value.text) == (8, ["a value"], "status =")


def test_what_would_be_done_twice_is_asked_once() -> None:
    with scripted(b"", answer(200, {})) as (address, heads), pytest.raises(ServiceAwayError):
        client(address).create_access_token("ci", ["team-a"], ["read"])
    assert len(heads) == 1
    assert heads[0].startswith(b"POST /v1/access-tokens ")


def test_the_pause_that_an_api_asks_for_is_kept_as_far_as_time_goes() -> None:
    busy = answer(429, {"error": {"code": "limited", "message": "later"}}).replace(
        b"\r\n", b"\r\nRetry-After: 1\r\n", 1
    )
    with scripted(busy, answer(200, {"watermark": "w1.x"})) as (address, heads):
        assert client(address).watermark(timeout_s=5) == "w1.x"
    assert len(heads) == 2
