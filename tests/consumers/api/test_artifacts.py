"""Artifacts: what there is, and signed addresses that the object store takes."""

from __future__ import annotations

import hashlib

import pytest
import urllib3

from runfold_consumers.artifacts.objects import Objects
from tests.consumers.api.conftest import WORKSPACE, Api, Ledger
from tests.consumers.api.saying import Saying
from tests.services import Services

BODY = b"weights"
SHA256 = hashlib.sha256(BODY).hexdigest()
AVAILABLE = (
    "INSERT INTO observed.objects (workspace, run_id, sha256, size, availability) VALUES (%s, 'r1', %s, 7, 'available')"
)


@pytest.fixture
def objects(services: Services, bucket: str) -> Objects:
    return Objects(services.s3_address, services.s3_key, services.s3_secret, bucket)


def test_artifacts_are_listed_by_prefix_and_page_with_their_availability(ledger: Ledger, api: Api) -> None:
    said = Saying("r1")
    ledger.say(
        said.started(), *(said.artifact(f"outputs/{i}.bin", f"{i:064x}") for i in range(5)), said.artifact("log.txt")
    )
    ledger.execute(AVAILABLE, WORKSPACE, f"{1:064x}")
    everything = api.get("/runs/r1/artifacts").json["artifacts"]
    assert [a["path"] for a in everything] == ["log.txt", *(f"outputs/{i}.bin" for i in range(5))]
    assert {a["path"]: a["availability"] for a in everything}["outputs/1.bin"] == "available"
    assert {a["path"]: a["availability"] for a in everything}["outputs/2.bin"] == "pending"
    first = api.get("/runs/r1/artifacts", prefix="outputs/", limit=3).json
    rest = api.get("/runs/r1/artifacts", prefix="outputs/", limit=3, cursor=first["next_cursor"]).json
    assert [a["path"] for a in first["artifacts"] + rest["artifacts"]] == [f"outputs/{i}.bin" for i in range(5)]
    assert rest["next_cursor"] is None


def test_bytes_go_and_come_by_signed_addresses(ledger: Ledger, api: Api) -> None:
    wanted = {"sha256": SHA256, "size": len(BODY), "media_type": "application/x-weights"}
    upload = api.ask("POST", f"/v1/workspaces/{WORKSPACE}/runs/a%20b/uploads", wanted).json
    assert not upload["exists"]
    sent = urllib3.request(upload["method"], upload["url"], body=BODY, headers=upload["headers"])
    assert sent.status == 200
    ledger.say(Saying("a b").artifact("m.bin", SHA256))
    content = api.get("/runs/a%20b/artifacts/content", path="m.bin").json
    assert (content["sha256"], content["path"], content["attempt"]) == (SHA256, "m.bin", 0)
    assert urllib3.request("GET", content["url"]).data == BODY


def test_bytes_that_are_there_need_no_upload(ledger: Ledger, api: Api) -> None:
    ledger.execute(AVAILABLE, WORKSPACE, SHA256)
    path = f"/v1/workspaces/{WORKSPACE}/runs/r1/uploads"
    assert api.ask("POST", path, {"sha256": SHA256, "size": 7}).json["exists"]
    ledger.execute("UPDATE observed.objects SET availability = 'mismatched'")
    assert not api.ask("POST", path, {"sha256": SHA256, "size": 7}).json["exists"]


def test_content_is_of_the_latest_attempt_unless_one_is_named(ledger: Ledger, api: Api) -> None:
    said = Saying("r1")
    ledger.say(said.started(), said.artifact("m", "1" * 64, attempt=0), said.artifact("m", "2" * 64, attempt=1))
    assert api.get("/runs/r1/artifacts/content", path="m").json["sha256"] == "2" * 64
    assert api.get("/runs/r1/artifacts/content", path="m", attempt=0).json["sha256"] == "1" * 64
    told = api.get("/runs/r1/artifacts/content", path="n")
    assert (told.status, told.json["error"]["kind"]) == (404, "artifact")


def test_an_upload_of_no_digest_is_refused(api: Api) -> None:
    wrong: list[object] = [
        {},
        {"sha256": "x", "size": 1},
        {"sha256": SHA256, "size": -1},
        {"sha256": "../" + SHA256, "size": 1},
    ]
    for body in [*wrong, [], None, "x"]:
        told = api.ask("POST", f"/v1/workspaces/{WORKSPACE}/runs/r1/uploads", body)
        assert (told.status, told.code) == (400, "invalid"), body
