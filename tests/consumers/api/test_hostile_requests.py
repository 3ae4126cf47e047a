"""Whatever is asked of any route, the answer is one that the OpenAPI document names, and no internal error."""

from __future__ import annotations

import json
from typing import Any
from urllib.parse import quote, unquote, urlencode, urlsplit

import pytest

from runfold_consumers.artifacts.objects import Objects
from tests.consumers.api.conftest import WORKSPACE, Api, Ledger, Told
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
STREAM = "/changes"  # has no end, and tests of its own
KNOWN: dict[str, Any] = {
    "workspace": WORKSPACE, "kind": "dataset", "sha256": SHA256, "upload_id": "u", "etags": ["0" * 32],
    "not_before": "w1", "path": "a", "wait_s": 0, "what": "runs", "metric": "loss", "by": "status", "query": "SELECT 1",
}  # fmt: skip
VALUES: tuple[Any, ...] = (None, True, -1, 2**63, 2**200, 1.5, "", "\0", "../..", LONG, [], {}, [[]], ["\0"], "\ud800")


@pytest.fixture
def objects(services: Services, bucket: str) -> Objects:
    return Objects(services.s3_address, services.s3_key, services.s3_secret, bucket)


def schema_of(told: dict[str, Any]) -> dict[str, Any]:
    """The schema itself: references followed; of alternatives the first that is not null."""
    if "$ref" in told:
        return schema_of(DOCUMENT["components"]["schemas"][told["$ref"].rpartition("/")[2]])
    if "anyOf" in told:
        return schema_of(next(one for one in told["anyOf"] if one.get("type") != "null"))
    return told


def queries(operation: dict[str, Any]) -> list[tuple[dict[str, str], dict[str, str]]]:
    """(path parameters, query) with one hostile value each."""
    known = operation.get("parameters", [])
    waits = {"wait_s": "0"} if any(parameter["name"] == "wait_s" for parameter in known) else {}
    ordinary: dict[str, dict[str, str]] = {"path": {"workspace": WORKSPACE}, "query": waits}
    hostile: list[tuple[str, str, str]] = []
    for parameter in known:
        where, name, kind = parameter["in"], parameter["name"], json.dumps(parameter["schema"])
        if name == "workspace" or where == "header":  # most of the values cannot stand in a header
            continue
        if parameter["required"]:
            ordinary[where][name] = str(example(parameter["schema"], name))
        numeric = "integer" in kind or "number" in kind
        hostile += [(where, name, value) for value in (NUMBERS if numeric else TEXTS)]
    asked = []
    for where, name, value in hostile:
        one = {each: dict(given) for each, given in ordinary.items()}
        one[where][name] = value
        asked.append((one["path"], one["query"]))
    return asked


def bodies(told: dict[str, Any]) -> list[Any]:
    """Bodies with one hostile field each, however deep."""
    schema = schema_of(told)
    right = example(schema)
    found: list[Any] = list(VALUES)
    for name, of_field in schema.get("properties", {}).items():
        field = schema_of(of_field)
        if "properties" in field:
            found += [{**right, name: body} for body in bodies(field)]
        elif field.get("type") == "array" and "properties" in schema_of(field["items"]):
            found += [{**right, name: [body]} for body in bodies(field["items"])]
        found += [{**right, name: value} for value in VALUES]
    return [*found, {**right, **dict.fromkeys(right, LONG)}]


def example(told: dict[str, Any], name: str = "") -> Any:
    """A value that is right, as far as a schema tells."""
    schema = schema_of(told)
    if name in KNOWN:
        return KNOWN[name]
    if "enum" in schema:
        return schema["enum"][0]
    match schema.get("type"):
        case "object":
            return {field: example(of, field) for field, of in schema.get("properties", {}).items()}
        case "array":
            return [example(schema["items"])]
        case "integer" | "number":
            return 1
        case "boolean":
            return True
    return "r1"


def test_no_hostile_value_makes_an_internal_error(fuzzed: Api) -> None:
    wrong = []
    for method, path in OPERATIONS:
        operation = DOCUMENT["paths"][path][method]
        if path in PROBES or path.endswith(STREAM):
            continue
        asked: list[tuple[str, Any]] = []
        for in_path, query in queries(operation):
            segments = {name: quote(value.encode("utf-8", "surrogatepass"), safe="") for name, value in in_path.items()}
            text = urlencode({n: v.encode("utf-8", "surrogatepass") for n, v in query.items()})
            asked.append((path.replace(":path}", "}").format(**segments) + "?" + text, None))
        if "requestBody" in operation:
            ordinary = {name: quote(str(value)) for name, value in right_path(operation).items()}
            schema = operation["requestBody"]["content"]["application/json"]["schema"]
            asked += [(path.format(**ordinary), body) for body in bodies(schema)]
        for url, body in asked:
            told = fuzzed.ask(method.upper(), url, body)
            if is_wrong(told, operation):
                wrong.append((method, url[:200], str(body)[:200], told.status, told.data[:200]))
    assert wrong == []


def right_path(operation: dict[str, Any]) -> dict[str, Any]:
    of_path = [one for one in operation.get("parameters", []) if one["in"] == "path"]
    return {one["name"]: example(one["schema"], one["name"]) for one in of_path}


def is_wrong(told: Told, operation: dict[str, Any]) -> bool:
    """What says that something is away is right where it is: a position nobody reached, a broker that is not set."""
    if told.status == 503:
        return told.code != "not_yet" and told.json["error"].get("setting") != "RUNFOLD_KAFKA"
    return told.status > 503 or str(told.status) not in {*operation["responses"], "404", "405"}


def test_what_an_event_calls_a_digest_leads_nowhere_else(api: Api, ledger: Ledger, objects: Objects) -> None:
    said = Saying("r1")
    ledger.say(said.started(), *(said.artifact(name, sha256=name) for name in ("../../b/x", "..", "", "a/b", "\n")))
    told = api.get("/runs/r1/artifacts", signed=True)
    assert told.status == 200
    for artifact in told.json["artifacts"]:
        _, bucket, *place, last = unquote(urlsplit(artifact["url"]).path).split("/")
        assert (bucket, *place) == (objects.bucket, WORKSPACE, "r1")
        assert last not in ("", ".", "..")
