"""Whatever is asked of any route, the answer is one that the OpenAPI document names, and no internal error."""

from __future__ import annotations

import json
from typing import Any
from urllib.parse import quote, unquote, urlencode, urlsplit

import pytest

from runfold_consumers.artifacts.objects import Objects
from tests.consumers.api.conftest import WORKSPACE, Api, Ledger
from tests.consumers.api.saying import Saying
from tests.consumers.api.test_document import DOCUMENT, OPERATIONS, PROBES
from tests.services import Services

SHA256 = "5" * 64
LONG = "\U0001f600é" * 400
TEXTS = ("", "\0", "r1", "..", "a/../b", "\\", "%", "\r\n", "'; --", "é" * 1000, LONG, '{"k": "\ud800"}', "[" * 5000)
NUMBERS = (
    "-1",
    "0",
    "1",
    "999999999999999999999999",
    "-9223372036854775808",
    "1e400",
    "NaN",
    "",
    "\0",
    "\uff11",
    "1.5",
)
VALUES: tuple[Any, ...] = (None, True, -1, 2**63, 2**200, 1.5, "", "\0", "../..", LONG, [], {}, [[]], ["\0"], "\ud800")


@pytest.fixture
def objects(services: Services, bucket: str) -> Objects:
    return Objects(services.s3_address, services.s3_key, services.s3_secret, bucket)


def schema_of(told: dict[str, Any]) -> dict[str, Any]:
    if "$ref" in told:
        found: dict[str, Any] = DOCUMENT["components"]["schemas"][told["$ref"].rpartition("/")[2]]
        return found
    return told


def queries(operation: dict[str, Any]) -> list[tuple[dict[str, str], dict[str, str]]]:
    """(path parameters, query) with one hostile value each, and one with all at once."""
    ordinary = {"path": {"workspace": WORKSPACE}, "query": {"wait_s": "0"}}
    hostile: list[tuple[str, str, str]] = []
    for parameter in operation.get("parameters", []):
        where, name, kind = parameter["in"], parameter["name"], json.dumps(parameter["schema"])
        if name == "workspace":
            continue
        if parameter["required"]:
            ordinary[where][name] = "1" if "integer" in kind else "dataset" if "dataset" in kind else "r1"
        numeric = "integer" in kind or "number" in kind
        hostile += [(where, name, value) for value in (NUMBERS if numeric else TEXTS)]
    asked = []
    for where, name, value in hostile:
        one = {each: dict(given) for each, given in ordinary.items()}
        one[where][name] = value
        asked.append((one["path"], one["query"]))
    return asked


def bodies(schema: dict[str, Any]) -> list[Any]:
    """Bodies with one hostile field each, however deep."""
    right = example(schema)
    found: list[Any] = list(VALUES)
    for name, told in schema["properties"].items():
        inner = schema_of(told)
        if "properties" in inner:
            found += [{**right, name: body} for body in bodies(inner)]
        elif inner.get("type") == "array" and "properties" in schema_of(inner["items"]):
            found += [{**right, name: [body]} for body in bodies(schema_of(inner["items"]))]
        found += [{**right, name: value} for value in VALUES]
    return [*found, {**right, **dict.fromkeys(right, LONG)}]


def example(schema: dict[str, Any]) -> dict[str, Any]:
    known: dict[str, Any] = {
        "sha256": SHA256, "size": 7, "kind": "run", "id": "r1", "upload_id": "u", "etags": ["0" * 32], "path": "a",
        "not_before": "w1", "media_type": None, "wait_s": 0.0, "after": 0, "limit": 1,
    }  # fmt: skip
    made = {}
    for name, told in schema["properties"].items():
        inner = schema_of(told)
        if "properties" in inner:
            made[name] = example(inner)
        elif inner.get("type") == "array" and "properties" in schema_of(inner["items"]):
            made[name] = [example(schema_of(inner["items"]))]
        else:
            made[name] = known[name]
    return made


def test_no_request_is_an_internal_error(api: Api, ledger: Ledger) -> None:
    said = Saying("r1")
    ledger.say(said.opened(), said.started(), said.tag("k", "v"), said.artifact("a"), said.log("out", b"text"))
    wrong = []
    for method, path in OPERATIONS:
        operation = DOCUMENT["paths"][path][method]
        if path in PROBES:
            continue
        asked: list[tuple[str, Any]] = []
        for in_path, query in queries(operation):
            segments = {name: quote(value.encode("utf-8", "surrogatepass"), safe="") for name, value in in_path.items()}
            text = urlencode({n: v.encode("utf-8", "surrogatepass") for n, v in query.items()})
            asked.append((path.replace(":path}", "}").format(**segments) + "?" + text, None))
        if "requestBody" in operation:
            schema = schema_of(operation["requestBody"]["content"]["application/json"]["schema"])
            ordinary = {"workspace": WORKSPACE, "name": "store"}
            asked += [(path.format(**ordinary), body) for body in bodies(schema)]
        for url, body in asked:
            told = api.ask(method.upper(), url, body)
            if told.status >= 500 or str(told.status) not in {*operation["responses"], "404", "405"}:
                wrong.append((method, url[:200], str(body)[:200], told.status, told.data[:200]))
    assert wrong == []


def test_what_an_event_calls_a_digest_leads_nowhere_else(api: Api, ledger: Ledger, objects: Objects) -> None:
    said = Saying("r1")
    ledger.say(said.started(), *(said.artifact(name, sha256=name) for name in ("../../b/x", "..", "", "a/b", "\n")))
    told = api.get("/runs/r1/artifacts", signed=True)
    assert told.status == 200
    for artifact in told.json["artifacts"]:
        _, bucket, *place, last = unquote(urlsplit(artifact["url"]).path).split("/")
        assert (bucket, *place) == (objects.bucket, WORKSPACE, "r1")
        assert last not in ("", ".", "..")
