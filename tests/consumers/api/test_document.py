"""The OpenAPI document says of every operation what it does, what it answers and how it fails."""

from __future__ import annotations

from typing import Any

import pytest

from runfold_consumers.api.app import application
from runfold_consumers.artifacts.objects import Objects

DOCUMENT: dict[str, Any] = application("postgresql://nowhere", Objects("http://127.0.0.1:1", "k", "s", "b")).openapi()
OPERATIONS = [(method, path) for path, of_path in DOCUMENT["paths"].items() for method in of_path]
PROBES = ("/livez", "/readyz")


@pytest.mark.parametrize(("method", "path"), OPERATIONS)
def test_an_operation_is_documented(method: str, path: str) -> None:
    operation = DOCUMENT["paths"][path][method]
    assert operation["summary"]
    assert operation["description"]
    good = [answer for status, answer in operation["responses"].items() if status in ("200", "204")]
    assert len(good) == 1
    assert "204" in operation["responses"] or all(body["schema"] for body in good[0]["content"].values())
    if path in PROBES:
        assert "security" not in operation
        return
    assert operation["security"] == [{"HTTPBearer": []}]
    assert {"400", "401", "403", "503"} <= set(operation["responses"])
    assert "422" not in operation["responses"]
    for status, answer in operation["responses"].items():
        if status >= "400":
            assert answer["content"]["application/json"]["schema"] == {"$ref": "#/components/schemas/ErrorAnswer"}
    for parameter in operation.get("parameters", ()):
        assert parameter.get("description") or parameter["schema"].get("description"), parameter["name"]


def test_every_get_of_a_workspace_waits_and_names_its_watermark() -> None:
    for method, path in OPERATIONS:
        if method == "get" and path not in PROBES:
            names = {parameter["name"] for parameter in DOCUMENT["paths"][path][method]["parameters"]}
            assert {"not_before", "wait_s"} <= names, path
            good = DOCUMENT["paths"][path][method]["responses"]["200"]
            if "application/json" in good["content"]:
                shape = good["content"]["application/json"]["schema"]["$ref"].rpartition("/")[2]
                assert "watermark" in DOCUMENT["components"]["schemas"][shape]["properties"], path
            else:
                assert "Runfold-Watermark" in good["headers"]


def test_no_page_of_the_api_loads_scripts_from_elsewhere() -> None:
    app = application("postgresql://nowhere", Objects("http://127.0.0.1:1", "k", "s", "b"))
    assert (app.docs_url, app.redoc_url) == (None, None)
