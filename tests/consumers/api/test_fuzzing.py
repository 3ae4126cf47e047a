"""The API against its own document: whatever is generated from it (schemathesis), the answer is one that
the document names, in the form that it names, and never an internal error.

Over a database with data: half of the requests name what is there. Seeded: the same requests each time. For more of
them: RUNFOLD_FUZZ_EXAMPLES=200 pytest tests/consumers/api/test_fuzzing.py
"""

from __future__ import annotations

import os
from typing import Any

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

from tests.consumers.api.conftest import WORKSPACE, Api
from tests.consumers.api.test_document import DOCUMENT
from tests.consumers.api.test_hostile_requests import STREAM

EXAMPLES = int(os.environ.get("RUNFOLD_FUZZ_EXAMPLES", "6"))
"""Requests of each operation; the suite makes few, and the same ones each time."""
ADDRESS_CHARACTERS_MAX = 40_000  # longer ones are `test_protection`'s: the server may cut them off unread
KNOWN = {"run_id": "r1", "name": "store", "experiment": "digits", "aggregate_id": "r1", "principal": "ann",
         "snapshot_id": "r1"}  # fmt: skip

schema: Any = schemathesis.openapi.from_dict(DOCUMENT).exclude(path_regex=f".*{STREAM}$")
CHECKS = [status_code_conformance, content_type_conformance, response_schema_conformance, response_headers_conformance]


@schema.parametrize()
@settings(
    max_examples=EXAMPLES,
    derandomize=True,
    deadline=None,
    database=None,
    phases=[Phase.generate],
    suppress_health_check=list(HealthCheck),
)
def test_whatever_is_asked_the_answer_is_one_that_the_document_names(case: Case, fuzzed: Api) -> None:
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
    url = str(requests.Request(**case.as_transport_kwargs(base_url=fuzzed.address)).prepare().url)
    if len(url) > ADDRESS_CHARACTERS_MAX:
        return
    response = case.call(
        base_url=fuzzed.address,
        headers={"Authorization": f"Bearer {fuzzed.access_token}"},
        timeout=30,
        allow_redirects=False,
    )
    if response.status_code >= 500:  # right where it says what is not there: a watermark, the broker (not set here)
        error = response.json()["error"]
        assert response.status_code == 503, (case.as_curl_command(), response.text[:500])
        assert error["code"] == "not_yet" or error.get("setting") == "RUNFOLD_KAFKA", response.text[:500]
    case.validate_response(response, checks=CHECKS)
