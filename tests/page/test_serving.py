"""How the API serves the page's files. No browser, no database: the routes alone."""

from __future__ import annotations

import gzip
import json
import os
from pathlib import Path

import pytest
from fastapi import FastAPI
from starlette.testclient import TestClient

from runfold_consumers.api.page_files import PageFiles, routes

INDEX = "<!doctype html><title>Runfold</title>" + " " * 600


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    built = tmp_path / "page"
    (built / "assets").mkdir(parents=True)
    (built / "index.html").write_text(INDEX)
    (built / "assets/index-abc.js").write_text("export const x = 1;\n" * 100)
    (built / "mark.svg").write_text("<svg/>")
    (tmp_path / "secret.txt").write_text("not the page's")
    return built


@pytest.fixture
def client(folder: Path) -> TestClient:
    app = FastAPI()
    app.include_router(routes(PageFiles(folder)))
    return TestClient(app)


@pytest.mark.parametrize("path", ["/", "/sign-in", "/w/team/runs", "/w/team/runs/a%2Fb?tab=charts", "/w/team/health"])
def test_every_address_of_the_page_is_answered_with_its_index(client: TestClient, path: str) -> None:
    answer = client.get(path)
    assert (answer.status_code, answer.text) == (200, INDEX)
    assert answer.headers["cache-control"] == "no-cache"
    assert answer.headers["content-type"] == "text/html; charset=utf-8"
    assert client.head(path).status_code == 200


VIEWS = {
    "index.html": {"file": "assets/index-abc.js", "isEntry": True, "imports": ["_parts.js"], "css": ["assets/i.css"]},
    "_parts.js": {"file": "assets/parts.js"},
    "_charts.js": {"file": "assets/charts.js", "imports": ["_parts.js"], "css": ["assets/charts.css"]},
    "src/views/runs/index.tsx": {
        "file": "assets/runs.js", "name": "runs", "isDynamicEntry": True, "imports": ["index.html", "_charts.js"],
    },
    "src/views/run/index.tsx": {"file": "assets/run.js", "name": "run", "isDynamicEntry": True},
}  # fmt: skip


@pytest.mark.parametrize(
    ("path", "link"),
    [
        (
            "/w/team/runs?q=x",
            "</assets/runs.js>; rel=modulepreload, </assets/charts.js>; rel=modulepreload, "
            "</assets/charts.css>; rel=preload; as=style; crossorigin",
        ),
        ("/w/team/runs/r1", "</assets/run.js>; rel=modulepreload"),
        ("/w/team/none", None),
        ("/", None),
    ],
)
def test_an_address_names_what_its_view_loads(client: TestClient, folder: Path, path: str, link: str | None) -> None:
    (folder / "views.json").write_text(json.dumps(VIEWS))
    assert client.get(path).headers.get("link") == link
    assert client.get("/views.json").status_code == 404


def test_assets_carry_their_digest_and_are_kept_for_good(client: TestClient) -> None:
    answer = client.get("/assets/index-abc.js")
    assert "immutable" in answer.headers["cache-control"]
    assert answer.headers["content-type"].startswith("text/javascript")
    assert client.get("/assets/index-abc.js", headers={"If-None-Match": answer.headers["etag"]}).status_code == 304


def test_files_go_over_the_wire_compressed_where_the_browser_takes_that(client: TestClient, folder: Path) -> None:
    with client.stream("GET", "/assets/index-abc.js", headers={"Accept-Encoding": "gzip"}) as answer:
        raw = b"".join(answer.iter_raw())
    assert answer.headers["content-encoding"] == "gzip"
    assert gzip.decompress(raw) == (folder / "assets/index-abc.js").read_bytes()
    plain = client.get("/assets/index-abc.js", headers={"Accept-Encoding": "identity"})
    assert "content-encoding" not in plain.headers
    assert int(plain.headers["content-length"]) > len(raw)


@pytest.mark.parametrize(
    "path",
    [
        "/assets/none.js",
        "/assets/../secret.txt",
        "/assets/%2e%2e/%2e%2e/secret.txt",
        "/assets/..%2f..%2fsecret.txt",
        "/assets/",
    ],
)
def test_no_path_leads_out_of_the_folder(client: TestClient, path: str) -> None:
    answer = client.get(path)
    assert answer.status_code == 404
    assert "not the page's" not in answer.text


def test_a_page_that_is_not_built_says_how_to_build_it(tmp_path: Path) -> None:
    app = FastAPI()
    app.include_router(routes(PageFiles(tmp_path / "nothing")))
    answer = TestClient(app).get("/w/team/runs")
    assert answer.status_code == 503
    assert "`make page`" in answer.text
    assert answer.headers["content-type"].startswith("text/plain")


def test_a_new_build_is_served_without_a_restart(client: TestClient, folder: Path) -> None:
    assert client.get("/").text == INDEX
    (folder / "assets/index-abc.js").unlink()
    (folder / "assets/index-def.js").write_text("2")
    (folder / "index.html").write_text("<!doctype html>new")
    os.utime(folder / "index.html", (1, 1))
    assert client.get("/").text == "<!doctype html>new"
    assert client.get("/assets/index-def.js").text == "2"
    assert client.get("/assets/index-abc.js").status_code == 200, "a page that is open loads views of the build before"


def test_a_build_that_is_this_moment_put_in_place_is_no_gap(client: TestClient, folder: Path) -> None:
    assert client.get("/").text == INDEX
    folder.rename(folder.with_name("away"))
    assert client.get("/").text == INDEX
