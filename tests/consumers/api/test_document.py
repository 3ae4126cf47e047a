"""The OpenAPI document says of every operation what it does, what it answers and how it fails."""

from __future__ import annotations

from typing import Any

import pytest

from runfold_consumers.api import permissions
from runfold_consumers.api.app import application
from runfold_consumers.artifacts.objects import Objects

APPLICATION = application("postgresql://nowhere", Objects("http://127.0.0.1:1", "k", "s", "b"))
DOCUMENT: dict[str, Any] = APPLICATION.openapi()
OPERATIONS = [(method, path) for path, of_path in DOCUMENT["paths"].items() for method in of_path]
PROBES = ("/livez", "/readyz")
OPEN = {(row.method.lower(), row.path) for row in permissions.OPEN}
ELSEWHERE = ("/roles", "/changes")  # not of the log; and a stream, whose ids are the watermarks


@pytest.mark.parametrize(("method", "path"), OPERATIONS)
def test_an_operation_is_documented(method: str, path: str) -> None:
    operation = DOCUMENT["paths"][path][method]
    assert operation["summary"]
    assert operation["description"]
    good = {status: answer for status, answer in operation["responses"].items() if status < "400"}
    assert set(good) <= {"200", "201", "202", "204", "206", "303"}
    assert good
    for status, answer in good.items():
        assert status in ("204", "303") or all(body["schema"] for body in answer["content"].values())
    assert ("security" in operation) == ((method, path) not in OPEN)
    if path in PROBES:
        return
    assert operation.get("security", [{"HTTPBearer": []}]) == [{"HTTPBearer": []}]
    assert {"400", "401", "403", "503"} <= set(operation["responses"])
    assert "422" not in operation["responses"]
    for status, answer in operation["responses"].items():
        if status >= "400":
            assert answer["content"]["application/json"]["schema"] == {"$ref": "#/components/schemas/ErrorAnswer"}
    for parameter in operation.get("parameters", ()):
        assert parameter.get("description") or parameter["schema"].get("description"), parameter["name"]


def test_every_get_of_a_workspace_waits_and_names_its_watermark() -> None:
    for method, path in OPERATIONS:
        if method == "get" and path.startswith("/v1/workspaces/") and not any(part in path for part in ELSEWHERE):
            names = {parameter["name"] for parameter in DOCUMENT["paths"][path][method]["parameters"]}
            assert {"not_before", "wait_s"} <= names, path
            good = DOCUMENT["paths"][path][method]["responses"]["200"]
            if "application/json" in good["content"]:
                shape = good["content"]["application/json"]["schema"]["$ref"].rpartition("/")[2]
                assert "watermark" in DOCUMENT["components"]["schemas"][shape]["properties"], path
            else:
                assert "Runfold-Watermark" in good["headers"]


def test_no_page_of_the_api_loads_scripts_from_elsewhere() -> None:
    assert (APPLICATION.docs_url, APPLICATION.redoc_url) == (None, None)
