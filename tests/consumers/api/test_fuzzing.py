"""The API against its own document: whatever is generated from it (schemathesis), the answer is one that
the document names, in the form that it names, and never an internal error.

Over a database with data: half of the requests name what is there. Seeded: the same requests each time. For more of
them: RUNFOLD_FUZZ_EXAMPLES=200 pytest tests/consumers/api/test_fuzzing.py
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from typing import Any

import pytest
import requests
import schemathesis
from hypothesis import HealthCheck, Phase, settings
from schemathesis import Case
from schemathesis.specs.openapi.checks import (
    content_type_conformance,
    response_headers_conformance,
    response_schema_conformance,
    status_code_conformance,
)

from runfold_consumers.api.access import create_access_token
from runfold_consumers.api.sql import roles
from runfold_consumers.artifacts.objects import Objects
from runfold_schemas.settings import Settings
from tests.consumers.api.conftest import WORKSPACE, Ledger, serving
from tests.consumers.api.saying import Saying
from tests.consumers.api.test_document import DOCUMENT
from tests.services import Services, _Database, s3_client

EXAMPLES = int(os.environ.get("RUNFOLD_FUZZ_EXAMPLES", "6"))
"""Requests of each operation; the suite makes few, and the same ones each time."""
ADDRESS_CHARACTERS_MAX = 40_000  # longer ones are `test_protection`'s: the server may cut them off unread
KNOWN = {"run_id": "r1", "name": "store", "experiment": "digits", "aggregate_id": "r1", "principal": "ann"}
STREAM = "/changes"  # has no end, and tests of its own

schema: Any = schemathesis.openapi.from_dict(DOCUMENT).exclude(path_regex=f".*{STREAM}$")
CHECKS = [status_code_conformance, content_type_conformance, response_schema_conformance, response_headers_conformance]


@pytest.fixture(scope="module")
def fuzzed(services: Services, migrated_template: str) -> Iterator[tuple[str, str]]:
    """Address of an API over data, and an access token for all of it."""
    store = Objects(services.s3_address, services.s3_key, services.s3_secret, "test-fuzzing")
    client = s3_client(services)
    if not client.bucket_exists(bucket_name="test-fuzzing"):
        client.make_bucket(bucket_name="test-fuzzing")
    generous = Settings.model_construct(rate_limit="1000000/minute", rate_limit_failed="1000000/minute")
    with _Database(services, migrated_template) as (_, conninfo):
        said = Saying("r1")
        Ledger(conninfo).say(
            said.opened(),
            said.started("digits"),
            said.tag("k", "v"),
            said.properties(p="1"),
            said.properties(p="2"),
            said.logged("loss", 1.0, float("nan"), 3.0),
            said.artifact("a.txt"),
            said.log("out", b"text\n"),
            said.ended(),
        )
        secret = create_access_token(conninfo, principal="ann", workspaces=["*"], scopes=["read", "write", "admin"])
        with serving(conninfo, store, generous) as address:
            yield address, secret
        roles.forget(conninfo, WORKSPACE)


@schema.parametrize()
@settings(
    max_examples=EXAMPLES,
    derandomize=True,
    deadline=None,
    database=None,
    phases=[Phase.generate],
    suppress_health_check=list(HealthCheck),
)
def test_whatever_is_asked_the_answer_is_one_that_the_document_names(case: Case, fuzzed: tuple[str, str]) -> None:
    address, secret = fuzzed
    if "workspace" in case.path_parameters:
        case.path_parameters["workspace"] = WORKSPACE
    for name, value in list(case.path_parameters.items()):
        if name in KNOWN and len(str(value)) % 2:
            case.path_parameters[name] = KNOWN[name]
    if isinstance(case.query, dict) and "wait_s" in {
        p["name"] for p in case.operation.definition.raw.get("parameters", ())
    }:
        case.query["wait_s"] = 0
    if isinstance(case.body, dict) and "wait_s" in case.body:
        case.body["wait_s"] = 0
    url = str(requests.Request(**case.as_transport_kwargs(base_url=address)).prepare().url)
    if len(url) > ADDRESS_CHARACTERS_MAX:
        return
    response = case.call(
        base_url=address, headers={"Authorization": f"Bearer {secret}"}, timeout=30, allow_redirects=False
    )
    if response.status_code >= 500:  # right where it says what is not there: a watermark, the broker (not set here)
        error = response.json()["error"]
        assert response.status_code == 503, (case.as_curl_command(), response.text[:500])
        assert error["code"] == "not_yet" or error.get("setting") == "RUNFOLD_KAFKA", response.text[:500]
    case.validate_response(response, checks=CHECKS)
