"""Files of a datastore by path: listed in order, page by page, written and read by signed addresses, nowhere else."""

from __future__ import annotations

import pytest
import urllib3

from runfold_consumers.artifacts.objects import Objects
from tests.consumers.api.conftest import WORKSPACE, Api
from tests.services import Services

STORE = "/datastores/workspaceblobstore"


@pytest.fixture
def objects(services: Services, bucket: str) -> Objects:
    return Objects(services.s3_address, services.s3_key, services.s3_secret, bucket)


def put(api: Api, path: str, data: bytes, store: str = STORE) -> None:
    told = api.ask(
        "POST", f"/v1/workspaces/{WORKSPACE}{store}/uploads", body={"files": [{"path": path, "size": len(data)}]}
    )
    assert told.status == 200, told.data
    (upload,) = told.json["uploads"]
    answer = urllib3.request("PUT", upload["url"], body=data, headers=upload["headers"])
    assert answer.status < 300, answer.data


def test_what_is_put_is_listed_by_path_and_read_back(api: Api) -> None:
    for path in ("b/2", "a b/ü%.txt", "b/10", "bc"):
        put(api, path, path.encode())
    put(api, "b/2", b"again")
    put(api, "b/2", b"other store", "/datastores/other")
    files = api.get(f"{STORE}/files").json["files"]
    assert [each["path"] for each in files] == ["a b/ü%.txt", "b/10", "b/2", "bc"]
    assert [each["path"] for each in api.get(f"{STORE}/files", prefix="b/").json["files"]] == ["b/10", "b/2"]
    (one,) = api.get(f"{STORE}/files", path="a b/ü%.txt").json["files"]
    assert (one["size"], urllib3.request("GET", one["url"]).data) == (len("a b/ü%.txt".encode()), "a b/ü%.txt".encode())
    assert urllib3.request("GET", files[2]["url"]).data == b"again"
    assert api.get(f"{STORE}/files", path="none").json["files"] == []


def test_pages_follow_each_other_without_gap_or_repeat(api: Api) -> None:
    paths = sorted(f"d{n % 3}/{n:02}" for n in range(11))
    for path in paths:
        put(api, path, b"x")
    seen: list[str] = []
    cursor: dict[str, str] = {}
    while True:
        page = api.get(f"{STORE}/files", limit=4, **cursor).json
        seen += [each["path"] for each in page["files"]]
        if page["next_cursor"] is None:
            break
        cursor = {"cursor": page["next_cursor"]}
    assert seen == paths


@pytest.mark.parametrize("path", ["", "/x", "a//b", "../x", "a/../b", "a/.", "a\\b", "a\nb", "x" * 701])
def test_a_path_that_leads_elsewhere_is_refused(api: Api, path: str) -> None:
    wanted = {"files": [{"path": path, "size": 1}]}
    told = api.ask("POST", f"/v1/workspaces/{WORKSPACE}{STORE}/uploads", body=wanted)
    assert (told.status, told.code) == (400, "invalid")
    assert api.get(f"{STORE}/files", path=path).status == 400


@pytest.mark.parametrize("name", ["..", "a.b", "a%2Fb"])
def test_a_name_that_is_none_is_refused(api: Api, name: str) -> None:
    assert api.get(f"/datastores/{name}/files").status in (400, 404)
