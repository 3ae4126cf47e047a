"""Artifacts: what there is, and signed addresses that the object store takes."""

from __future__ import annotations

import hashlib

import psycopg
import pytest
import urllib3

from runfold_consumers.api.access import create_access_token
from runfold_consumers.api.database import statement
from runfold_consumers.artifacts.objects import Objects, owner_of
from tests.consumers.api.conftest import WORKSPACE, Api, Ledger, serving
from tests.consumers.api.saying import Saying
from tests.services import Services

BODY = b"weights"
SHA256 = hashlib.sha256(BODY).hexdigest()
UPLOADS = f"/v1/workspaces/{WORKSPACE}/uploads"
RUN = {"kind": "run", "id": "r1"}
AVAILABLE = (
    "INSERT INTO observed.objects (workspace, run_id, sha256, size, availability) VALUES (%s, 'r1', %s, 7, 'available')"
)


MANY = """
INSERT INTO observed.objects (workspace, run_id, sha256, size, availability)
SELECT workspace, run_id, sha256, size, 'available' FROM state.artifacts WHERE run_id = %s
"""


@pytest.fixture
def objects(services: Services, bucket: str) -> Objects:
    return Objects(services.s3_address, services.s3_key, services.s3_secret, bucket)


@pytest.mark.parametrize("name", ["artifacts", "charts"])
def test_many_that_just_came_are_each_found_by_their_key(ledger: Ledger, name: str) -> None:
    """Statistics that know only another run once made a page of 10,000 artifacts take 12 s: all joined with all."""
    for table in ("state.artifacts", "observed.objects"):
        ledger.execute(f"ALTER TABLE {table} SET (autovacuum_enabled = false)")
    for run_id, count in (("r0", 20), ("r1", 2_000)):
        said = Saying(run_id)
        images = (said.artifact(f"{i}.png", f"{i:064x}", metric_name="m", metric_type="image") for i in range(count))
        ledger.say(said.opened(), said.started(), *images)
        ledger.execute(MANY, run_id)
        if run_id == "r0":
            ledger.execute("ANALYZE")
    asked: dict[str, object] = dict.fromkeys(("after_path", "after_attempt", "after_metric", "after_place", "attempt"))
    asked |= {"workspace": WORKSPACE, "run_id": "r1", "prefix": "", "limit": 1_001, "metric": None, "type": None}
    with psycopg.connect(ledger.conninfo) as connection:
        told = connection.execute(b"EXPLAIN (ANALYZE, BUFFERS, FORMAT JSON) " + statement(name), asked).fetchone()
    assert told is not None
    pages = told[0][0]["Plan"]["Shared Hit Blocks"] + told[0][0]["Plan"]["Shared Read Blocks"]
    assert pages < 20 * 2_000


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
    wanted = {"owner": RUN, "sha256": SHA256, "size": len(BODY), "media_type": "application/x-weights"}
    upload = api.ask("POST", UPLOADS, {**wanted, "owner": {"kind": "run", "id": "a b"}}).json
    assert not upload["exists"]
    sent = urllib3.request(upload["method"], upload["url"], body=BODY, headers=upload["headers"])
    assert sent.status == 200
    ledger.say(Saying("a b").artifact("m.bin", SHA256))
    content = api.get("/runs/a%20b/artifacts/content", path="m.bin").json
    assert (content["sha256"], content["path"], content["attempt"]) == (SHA256, "m.bin", 0)
    assert urllib3.request("GET", content["url"]).data == BODY
    signed = api.get("/runs/a%20b/artifacts", signed=True).json["artifacts"][0]
    assert urllib3.request("GET", signed["url"]).data == BODY
    assert api.get("/runs/a%20b/artifacts").json["artifacts"][0]["url"] is None


def test_bytes_that_are_there_need_no_upload(ledger: Ledger, api: Api) -> None:
    ledger.execute(AVAILABLE, WORKSPACE, SHA256)
    wanted = {"sha256": SHA256, "size": 7}
    assert api.ask("POST", UPLOADS, {"owner": RUN, **wanted}).json["exists"]
    other = {"sha256": "1" * 64, "size": 7}
    both = api.ask("POST", f"{UPLOADS}/batch", {"owner": RUN, "bodies": [wanted, other]}).json["uploads"]
    assert [each["exists"] for each in both] == [True, False]
    assert not api.ask("POST", UPLOADS, {"owner": {"kind": "model", "id": "r1"}, **wanted}).json["exists"]
    ledger.execute("UPDATE observed.objects SET availability = 'mismatched'")
    assert not api.ask("POST", UPLOADS, {"owner": RUN, **wanted}).json["exists"]


@pytest.mark.parametrize("kind", ["run", "model", "dataset", "datastore"])
def test_each_kind_of_owner_has_a_place_of_its_own(kind: str, api: Api, objects: Objects) -> None:
    upload = api.ask("POST", UPLOADS, {"owner": {"kind": kind, "id": "é/x"}, "sha256": SHA256, "size": 7}).json
    urllib3.request("PUT", upload["url"], body=BODY, headers=upload["headers"])
    assert objects.size(WORKSPACE, owner_of(kind, "é/x"), SHA256) == 7
    others = {"run", "model", "dataset", "datastore"} - {kind}
    assert {objects.size(WORKSPACE, owner_of(other, "é/x"), SHA256) for other in others} == {None}


def test_content_is_of_the_latest_attempt_unless_one_is_named(ledger: Ledger, api: Api) -> None:
    said = Saying("r1")
    ledger.say(said.started(), said.artifact("m", "1" * 64, attempt=0), said.artifact("m", "2" * 64, attempt=1))
    assert api.get("/runs/r1/artifacts/content", path="m").json["sha256"] == "2" * 64
    assert api.get("/runs/r1/artifacts/content", path="m", attempt=0).json["sha256"] == "1" * 64
    told = api.get("/runs/r1/artifacts/content", path="n")
    assert (told.status, told.json["error"]["kind"]) == (404, "artifact")


def test_an_upload_that_is_none_is_refused(api: Api) -> None:
    right = {"owner": RUN, "sha256": SHA256, "size": 1}
    wrong: list[object] = [
        {**right, "sha256": "x"},
        {**right, "size": -1},
        {**right, "size": (5 << 40) + 1},
        {**right, "owner": {"kind": "run", "id": "model/m"}},
        {**right, "sha256": "../" + SHA256},
        {**right, "owner": "r1"},
        {**right, "owner": {"kind": "secret", "id": "r1"}},
        {**right, "owner": {"kind": "run", "id": ""}},
        {**right, "owner": {"kind": "run", "id": "a\0"}},
    ]
    for body in [*wrong, {}, [], None, "x"]:
        for below in ("", "/parts", "/completed", "/aborted"):
            told = api.ask("POST", UPLOADS + below, body)
            assert (told.status, told.code) == (400, "invalid"), body
    large = {"owner": RUN, "bodies": [{"sha256": SHA256, "size": 1 << 40}]}
    assert api.ask("POST", f"{UPLOADS}/batch", large).code == "invalid"


def test_while_the_store_is_away_large_uploads_are_told_that_it_is(database: str) -> None:
    with serving(database, Objects("http://127.0.0.1:1", "k", "s", "bucket")) as address:
        token = create_access_token(database, principal="ann", workspaces=["*"], scopes=["write"])
        told = Api(address, token).ask("POST", UPLOADS, {"owner": RUN, "sha256": SHA256, "size": 1 << 40})
    assert (told.status, told.code, told.json["error"]["service"]) == (503, "unavailable", "object store")


def test_an_upload_that_is_gone_is_told_so(api: Api, objects: Objects) -> None:
    wanted = {"owner": RUN, "sha256": SHA256, "size": 100 << 20}
    begun = api.ask("POST", UPLOADS, wanted).json["multipart"]
    assert (begun["parts"], begun["part_bytes"]) == (4, 32 << 20)
    assert api.ask("POST", UPLOADS, wanted).json["multipart"] == begun
    named = {**wanted, "upload_id": begun["upload_id"]}
    page = api.ask("POST", f"{UPLOADS}/parts", {**named, "after": 2}).json["parts"]
    assert [(part["part"], part["first"], part["size"], part["etag"]) for part in page] == [
        (3, 64 << 20, 32 << 20, None),
        (4, 96 << 20, 4 << 20, None),
    ]
    told = api.ask("POST", f"{UPLOADS}/completed", {**named, "etags": ["0" * 32]})
    assert told.status == 409  # SeaweedFS knows an upload without parts as none, others as an incomplete one
    for _ in range(2):
        assert api.ask("POST", f"{UPLOADS}/aborted", named).status == 204
    for below, more in (("/parts", {}), ("/completed", {"etags": ["0" * 32]})):
        told = api.ask("POST", UPLOADS + below, {**named, **more})
        assert (told.status, told.code) == (409, "gone")


@pytest.mark.parametrize("upload_id", ["a/../../b", "\n", "é", ""])
def test_an_upload_id_that_no_store_gives_is_refused(upload_id: str, api: Api) -> None:
    named = {"owner": RUN, "sha256": SHA256, "size": 100 << 20, "upload_id": upload_id}
    for below, more in (("/parts", {}), ("/completed", {"etags": ["0"]}), ("/aborted", {})):
        told = api.ask("POST", UPLOADS + below, {**named, **more})
        assert (told.status, told.code) == (400, "invalid")


def test_uploads_that_nobody_goes_on_with_are_swept_away(objects: Objects) -> None:
    objects.begin_upload(WORKSPACE, "a b/c", SHA256, None)
    assert objects.sweep_uploads(older_than_s=60) == 0
    assert objects.unfinished(WORKSPACE, "a b/c", SHA256)
    assert objects.sweep_uploads(older_than_s=-60) == 1
    assert objects.unfinished(WORKSPACE, "a b/c", SHA256) is None
