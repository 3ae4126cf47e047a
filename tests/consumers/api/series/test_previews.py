"""Previews of artifacts, chart documents and tables."""

from __future__ import annotations

import hashlib
import json
import math
from typing import Any

import pytest
import urllib3
from hypothesis import given, settings

from runfold.reading import metrics
from runfold_consumers.api.previews.sniffing import HEAD_BYTES, safe_type
from runfold_consumers.api.previews.tables import table
from runfold_consumers.artifacts.objects import Objects
from runfold_schemas.events import MetricLogged, Series
from tests.consumers.api.conftest import Ledger
from tests.consumers.api.saying import NOW_US, A, B, Saying
from tests.consumers.api.series import generated
from tests.consumers.api.series.conftest import ApiWithin

PNG = b"\x89PNG\r\n\x1a\n" + b"\0" * 30
MATRIX = {
    "schema_type": "confusion_matrix",
    "schema_version": "1.0.0",
    "data": {"class_labels": ["a"], "matrix": [[1]]},
}


def sha(body: bytes) -> str:
    return hashlib.sha256(body).hexdigest()


def stored(ledger: Ledger, objects: Objects, said: Saying, path: str, body: bytes, media: str | None = None) -> None:
    objects.put(ledger.workspace, said.run_id, sha(body), body, media)
    ledger.say(said.fact(_artifact, name=path, sha256=sha(body), size=len(body), media_type=media))


def chart(said: Saying, name: str, data: bytes, type_: str, **fields: Any) -> Any:
    return said.fact(
        _artifact, name=name, sha256=sha(data), size=len(data), metric_name=name, metric_type=type_, **fields
    )


def _artifact(**fields: Any) -> Any:
    from runfold_schemas.events import ArtifactLogged

    return ArtifactLogged(**fields)


@pytest.mark.parametrize(
    ("body", "path", "media", "told"),
    [
        (PNG, "a.png", "image/png", "image/png"),
        (PNG, "a.html", "text/html", "image/png"),
        (b"\xff\xd8\xff\xe0", "a", None, "image/jpeg"),
        (b"RIFF\0\0\0\0WEBPVP8 ", "a", None, "image/webp"),
        (b"BM\x36\0\0\0\0\0\0\0\x36", "a", None, "image/bmp"),
        (b"BMI of 20 patients", "a.txt", None, "text/plain; charset=utf-8"),
        (b"<html><script>alert(1)</script>", "a.html", "text/html", "text/plain; charset=utf-8"),
        (b"<svg xmlns='http://www.w3.org/2000/svg'/>", "a.svg", "image/svg+xml", "text/plain; charset=utf-8"),
        (b"alert(1)", "a.js", "text/javascript", "text/plain; charset=utf-8"),
        (b'{"a": 1}', "a.json", None, "application/json"),
        (b'{"a": 1}', "a", "application/vnd.x+json; charset=utf-8", "application/json"),
        (b"\0\1", "a.json", "application/json", "application/octet-stream"),
        (b"a,b\n1,2\n", "a.csv", None, "text/csv; charset=utf-8"),
        ("grüße".encode(), "a.txt", "text/plain", "text/plain; charset=utf-8"),
        ("ü".encode() * HEAD_BYTES, "a.txt", None, "text/plain; charset=utf-8"),
        (("a" + "ü" * HEAD_BYTES).encode()[:HEAD_BYTES], "a.txt", None, "text/plain; charset=utf-8"),
        (b"\xfc\xfe", "a.txt", "text/plain", "application/octet-stream"),
        (b"%PDF-1.7\n\0", "a.pdf", "application/pdf", "application/octet-stream"),
        (b"", "empty", None, "text/plain; charset=utf-8"),
    ],
)
def test_a_type_is_told_that_no_browser_runs(body: bytes, path: str, media: str | None, told: str) -> None:
    assert safe_type(body[:HEAD_BYTES], path, media) == told


def test_a_preview_is_a_range_with_sizes_told(ledger: Ledger, api: ApiWithin, objects: Objects) -> None:
    said = Saying("r1")
    ledger.say(said.started())
    stored(ledger, objects, said, "a/b.txt", b"0123456789", "text/html")
    whole = api.get("/runs/r1/artifacts/preview", path="a/b.txt")
    assert (whole.status, whole.data) == (200, b"0123456789")
    assert whole.headers["Content-Type"] == "text/plain; charset=utf-8"
    assert whole.headers["X-Content-Type-Options"] == "nosniff"
    assert "default-src 'none'" in whole.headers["Content-Security-Policy"]
    assert whole.headers["Runfold-Size"] == "10"
    part = api.get("/runs/r1/artifacts/preview", path="a/b.txt", first=3, limit=4)
    assert (part.status, part.data, part.headers["Content-Range"]) == (206, b"3456", "bytes 3-6/10")
    tail = api.get("/runs/r1/artifacts/preview", path="a/b.txt", first=8, limit=100)
    assert (tail.status, tail.data, tail.headers["Content-Range"]) == (206, b"89", "bytes 8-9/10")
    beyond = api.get("/runs/r1/artifacts/preview", path="a/b.txt", first=10)
    assert (beyond.status, beyond.code, beyond.headers["Runfold-Size"]) == (416, "out_of_range", "10")
    assert api.get("/runs/r1/artifacts/preview", path="a/b.txt", limit=(4 << 20) + 1).status == 400
    assert api.get("/runs/r1/artifacts/preview", path="a/none").status == 404
    stored(ledger, objects, said, "empty", b"")
    assert api.get("/runs/r1/artifacts/preview", path="empty").data == b""


def test_a_large_file_is_cut_and_bytes_are_saved(ledger: Ledger, api: ApiWithin, objects: Objects) -> None:
    said = Saying("r1")
    ledger.say(said.started())
    stored(ledger, objects, said, "w.bin", b"\0" * (5 << 20))
    told = api.get("/runs/r1/artifacts/preview", path="w.bin")
    assert (told.status, len(told.data), told.headers["Content-Disposition"]) == (206, 4 << 20, "attachment")
    assert told.headers["Content-Type"] == "application/octet-stream"


def test_bytes_that_are_not_there_or_others_are_not_shown(ledger: Ledger, api: ApiWithin, objects: Objects) -> None:
    said = Saying("r1")
    ledger.say(said.started(), said.artifact("gone", "1" * 64))
    told = api.get("/runs/r1/artifacts/preview", path="gone")
    assert (told.status, told.code, told.json["error"]["availability"]) == (404, "not_stored", "pending")
    objects.put(ledger.workspace, "r1", "2" * 64, b"abc", None)
    ledger.say(said.artifact("other", "2" * 64))
    told = api.get("/runs/r1/artifacts/preview", path="other")
    assert (told.status, told.code) == (409, "mismatched")


def test_signed_addresses_serve_ranges(ledger: Ledger, api: ApiWithin, objects: Objects) -> None:
    said = Saying("r1")
    ledger.say(said.started())
    stored(ledger, objects, said, "w.bin", bytes(range(256)) * 100)
    url = api.get("/runs/r1/artifacts/content", path="w.bin").json["url"]
    part = urllib3.request("GET", url, headers={"Range": "bytes=256-259"})
    assert (part.status, part.data) == (206, b"\0\1\2\3")
    assert part.headers["Content-Range"] == "bytes 256-259/25600"


def test_charts_come_by_metric_in_order_with_their_documents(ledger: Ledger, api: ApiWithin, objects: Objects) -> None:
    said, other = Saying("r1"), Saying("r1", B)
    ledger.say(said.opened(rank=1, attempt=0), said.started(), other.opened())
    for place in range(3):
        body = json.dumps({**MATRIX, "place": place}).encode()
        ledger.say(
            said.fact(
                _artifact, at=place, name="cm", sha256=sha(body), size=len(body), body=body, metric_name="cm",
                metric_type="confusion_matrix",
            )
        )  # fmt: skip
    large = json.dumps({"schema_type": "residuals", "data": {"bin_edges": [0, math.nan], "bin_counts": [1]}}).encode()
    objects.put(ledger.workspace, "r1", sha(large), large, None)
    ledger.say(
        chart(said, "res", large, "residuals"),
        chart(said, "bad", b"{", "predictions", body=b"{"),
        chart(said, "img", PNG, "image", body=PNG),
        said.artifact("plain.txt"),
        said.fact(_artifact, name="late", sha256="3" * 64, size=9, metric_name="late", metric_type="residuals"),
    )  # fmt: skip
    told = api.get("/runs/r1/charts").json
    assert [(c["metric"], c["place"], c["places"]) for c in told["charts"]] == [
        ("bad", 1, 1), ("cm", 1, 3), ("cm", 2, 3), ("cm", 3, 3), ("img", 1, 1), ("late", 1, 1), ("res", 1, 1),
    ]  # fmt: skip
    by_metric = {chart["metric"]: chart for chart in told["charts"]}
    assert by_metric["cm"]["document"] == {**MATRIX, "place": 2}
    assert (by_metric["cm"]["rank"], by_metric["cm"]["attempt"]) == (1, 0)
    assert by_metric["res"]["document"]["data"]["bin_edges"] == [0, "NaN"]
    assert (by_metric["bad"]["document"], by_metric["bad"]["left"]) == (None, "no_json")
    assert (by_metric["late"]["document"], by_metric["late"]["left"]) == (None, "not_stored")
    assert (by_metric["img"]["document"], by_metric["img"]["left"]) == (None, None)
    assert (told["n"], told["of"]) == (7, 7)
    assert {"metric": "cm", "type": "confusion_matrix", "charts": 3} in told["metrics"]
    pages, cursor = [], None
    while True:
        page = api.get("/runs/r1/charts", limit=2, with_documents=False, **({"cursor": cursor} if cursor else {})).json
        pages += page["charts"]
        cursor = page["next_cursor"]
        if cursor is None:
            break
    assert [chart["path"] for chart in pages] == [chart["path"] for chart in told["charts"]]
    assert all(chart["document"] is None for chart in pages)
    assert [c["metric"] for c in api.get("/runs/r1/charts", type="image").json["charts"]] == ["img"]
    assert api.get("/runs/r1/charts", metric="cm").json["of"] == 3


def test_a_document_nested_too_deep_is_left(ledger: Ledger, api: ApiWithin) -> None:
    said = Saying("r1")
    ledger.say(said.started())
    for depth in (90, 300, 900, 9_000):
        body = b"[" * depth + b"]" * depth
        ledger.say(chart(said, f"{depth:05}", body, "predictions", body=body))
    told = api.get("/runs/r1/charts")
    assert told.status == 200, told.data
    assert [chart["left"] for chart in told.json["charts"]] == [None, "too_deep", "too_deep", "too_deep"]


def test_charts_and_tables_are_told_as_of_a_moment(ledger: Ledger, api: ApiWithin) -> None:
    said = Saying("r1")
    ledger.say(said.opened(rank=1), said.started(), chart(said, "m", b"[1]", "residuals", body=b"[1]"))
    ledger.say(said.logged("t", 1.0))
    charts, rows = api.get("/runs/r1/charts").json, api.get("/runs/r1/tables", name="t").json
    ledger.say(chart(said, "n", b"[2]", "residuals", body=b"[2]"), said.logged("t", 2.0))
    assert api.get("/runs/r1/charts").json["of"] == 2
    assert api.get("/runs/r1/charts", as_of=charts["watermark"]).json == charts
    assert charts["charts"][0]["document"] == [1]
    assert api.get("/runs/r1/tables", name="t").json["rows"] == [[1.0], [2.0]]
    assert api.get("/runs/r1/tables", name="t", as_of=rows["watermark"]).json == rows
    for path in ("charts", "tables"):
        early = api.get(f"/runs/r1/{path}", name="t", as_of="2020-01-01T00:00:00Z")
        assert (early.status, early.code) == (404, "not_found")


def test_a_wide_table_comes_by_fewer_rows(monkeypatch: pytest.MonkeyPatch) -> None:
    from runfold_consumers.api.previews import tables

    said = [
        MetricLogged(
            aggregate_id="r1", writer_id=A, first_ordinal=1, series=tuple(Series("t", c, "long", "row") for c in "abc"),
            index=[0, 1, 2] * 4, step=[1, 1, 1, 4, 4, 4, 7, 7, 7, 10, 10, 10], time=[1.0] * 12, value=[1.0] * 12,
        )
    ]  # fmt: skip
    points = generated.columns(said, {A: metrics.Writer(0, 0)})
    monkeypatch.setattr(tables, "CELLS_MAX", 7)
    found = table("t", points.slots, 1, 100, [0])
    assert (found.columns, len(found.rows), found.of) == (["a", "b", "c"], 2, 4)


def test_a_table_comes_as_rows_with_columns_in_order(ledger: Ledger, api: ApiWithin) -> None:
    event = MetricLogged(
        aggregate_id="r1", writer_id=A, first_ordinal=1, occurred_at=NOW_US,
        series=(
            Series("t", "b", "double", "row"), Series("t", "a", "string", "row"), Series("t", "c", "long", "row"),
            Series("t", None, "null", "row"), Series("u", None, "double", "ordinal"),
        ),
        texts=("x", "y"), index=[0, 1, 0, 1, 2, 4, 3, 0], step=[1, 1, 3, 3, 3, 6, 7, 8],
        time=[1.77e9 + i for i in range(8)], value=[0.5, 0.0, math.nan, 1.0, 7.0, 1.0, 0.0, 2.5],
    )  # fmt: skip
    ledger.say(Saying("r1").opened(), Saying("r1").started(), event)
    told = api.get("/runs/r1/tables", name="t").json
    assert told["columns"] == ["b", "a", "c"]
    assert told["rows"] == [[0.5, "x", None], ["NaN", "y", 7], [None, None, None], [2.5, None, None]]
    assert (told["first"], told["n"], told["of"]) == (0, 4, 4)
    part = api.get("/runs/r1/tables", name="t", first=1, limit=2).json
    assert (part["rows"], part["n"], part["of"]) == (told["rows"][1:3], 2, 4)
    assert api.get("/runs/r1/tables", name="t", first=9).json["rows"] == []
    assert api.get("/runs/r1/tables", name="none").json["of"] == 0
    assert api.get("/runs/nobody/tables", name="t").status == 404


ROWED = [
    Series("t", "a", "double", "row"), Series("t", "b", "long", "row"), Series("t", None, "null", "row"),
    Series("t", None, "double", "ordinal"), Series("t", "a", "string", "row"),
]  # fmt: skip


@settings(max_examples=60, deadline=None)
@given(generated.writers().flatmap(lambda w: generated.events(w, ROWED).map(lambda e: (w, e))))
def test_rows_read_as_the_facade_reads_them(run: Any) -> None:
    writers, said = run
    points = generated.columns(said, writers)
    found = table("t", points.slots, 0, 1000, range(len(points.lanes)))
    read = metrics.of_run("r1", said, generated.metadata(writers)).get("t")
    if not any(slot.axis == "row" for slot in points.slots):
        return  # scalars alone are no table
    assert isinstance(read, dict)
    expected = {name: values if found.of > 1 else [values] for name, values in read.items()}
    assert found.columns == list(read)
    for place, name in enumerate(found.columns):
        values: list[Any] = [row[place] for row in found.rows]
        present = [value for value in values if value is not None]
        if present and type(present[0]) is float:  # as the façade reads a column of floats
            values = [float(value) if type(value) is int else value for value in values]
        assert repr(values) == repr(expected[name]) or found.of == 1
