"""Models, datasets, environments and datastores by version, experiments, and snapshots of code."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from runfold.exceptions import ServiceException, UserErrorException
from runfold.reading.client import ApiClient
from runfold_consumers.artifacts.objects import Objects
from runfold_schemas import events
from runfold_schemas.events import (
    AssetChanged,
    AssetRegistered,
    ModelChanged,
    ModelFile,
    ModelRegistered,
    RelatedDataset,
)
from tests.consumers.api.conftest import WORKSPACE, Api, Ledger
from tests.consumers.api.saying import A, B, Saying
from tests.services import Services

SHA256 = "5" * 64


@pytest.fixture
def objects(services: Services, bucket: str) -> Objects:
    return Objects(services.s3_address, services.s3_key, services.s3_secret, bucket)


def model(name: str, writer_id: str = A) -> Saying:
    return Saying(name, writer_id, "model")


def registered(said: Saying, **fields: Any) -> events.Event:
    files = (ModelFile("m/weights.bin", SHA256, 3, "application/x-weights"), ModelFile("m/ä b.txt", "6" * 64, 4))
    return said.fact(ModelRegistered, **{"objects_run_id": "r1", "run_id": "r1", "files": files, **fields})


def listed(client: ApiClient, **filters: Any) -> list[str]:
    return [f"{each['name']}:{each['version']}" for each in client.models(**filters)]


def not_there(ask: Callable[[], object]) -> None:
    with pytest.raises(ServiceException) as raised:
        ask()
    assert raised.value.status_code == 404


def test_a_model_comes_back_as_it_was_registered_with_the_last_words_on_it(ledger: Ledger, client: ApiClient) -> None:
    said, other = model("net"), model("net", B)
    datasets = (RelatedDataset("training", "digits:1"),)
    ledger.say(said.opened(actor="ann"))
    ledger.say(
        registered(
            said,
            experiment="digits",
            path="outputs/m",
            description="first",
            tags={"k": "v", "bare": None},
            properties={"p": "1"},
            framework="ScikitLearn",
            framework_version="1.5",
            datasets=datasets,
            sample_input_dataset_id="in:1",
            resource_configuration='{"cpu": 2}',
            mime_type="application/x-python",
            unpack=True,
        )
    )
    change = {"tags": {"new": "1"}, "removed_tags": ["k"], "properties": {"q": "2"}, "description": "second"}
    more = {"datasets": (RelatedDataset("a/b", "more:2"),), "sample_output_dataset_id": "out:1"}
    ledger.say(other.fact(ModelChanged, version=1, **change, **more))
    found = client.model("net")
    assert found == client.model("net", 1) == next(client.models("net")) | {"watermark": client.watermark()}
    files = found.pop("files")  # type: ignore[misc]
    assert [tuple(file.values()) for file in files] == [
        ("m/weights.bin", SHA256, 3, "application/x-weights"),
        ("m/ä b.txt", "6" * 64, 4, None),
    ]
    assert {field: value for field, value in found.items() if field not in ("watermark", "created_at")} == {
        "name": "net",
        "version": 1,
        "description": "second",
        "tags": {"bare": None, "new": "1"},
        "properties": {"p": "1", "q": "2"},
        "run_id": "r1",
        "experiment": "digits",
        "objects_run_id": "r1",
        "path": "outputs/m",
        "framework": "ScikitLearn",
        "framework_version": "1.5",
        "datasets": [
            {"relationship": "training", "dataset_id": "digits:1"},
            {"relationship": "a/b", "dataset_id": "more:2"},
        ],
        "sample_input_dataset_id": "in:1",
        "sample_output_dataset_id": "out:1",
        "resource_configuration": '{"cpu": 2}',
        "mime_type": "application/x-python",
        "unpack": True,
        "created_by": "ann",
        "deleted": False,
    }


def test_models_are_listed_newest_registered_first_and_found_by_each_filter(ledger: Ledger, client: ApiClient) -> None:
    a, b = model("a"), model("b")
    ledger.say(registered(a, tags={"k": "1"}, properties={"p": "x"}))
    ledger.say(registered(b, tags={"k": None}, run_id="r2"))
    ledger.say(registered(a, tags={"k": "2", "l": "3"}, properties={"p": "y"}))
    assert listed(client) == ["a:2", "b:1", "a:1"]
    assert listed(client, latest=True) == ["a:2", "b:1"]
    assert listed(client, name="a") == ["a:2", "a:1"]
    assert listed(client, name="c") == []
    assert listed(client, run_id="r2") == ["b:1"]
    assert listed(client, tags='"k"') == ["a:2", "b:1", "a:1"]
    assert listed(client, tags='{"k": null}') == ["b:1"]
    assert listed(client, tags='{"k": 2}') == ["a:2"]
    assert listed(client, tags='["k", {"l": "3"}]') == ["a:2"]
    assert listed(client, properties='{"p": "x"}') == ["a:1"]
    assert listed(client, properties='["p", {"p": "y"}]') == ["a:2"]
    assert listed(client, latest=True, properties='{"p": "x"}') == []
    ledger.say(a.fact(ModelChanged, version=2, removed_tags=["k"]))
    assert listed(client, tags='"k"') == ["b:1", "a:1"]


def test_a_deleted_version_is_out_of_sight_unless_asked_for(ledger: Ledger, client: ApiClient, api: Api) -> None:
    said = model("a")
    ledger.say(registered(said), registered(said), registered(said))
    ledger.say(said.fact(ModelChanged, version=3, deleted=True), said.fact(ModelChanged, version=1, deleted=True))
    assert listed(client) == ["a:2"]
    assert listed(client, latest=True) == ["a:2"]
    assert listed(client, latest=True, include_deleted=True) == ["a:3"]
    assert client.model("a")["version"] == 2
    assert client.model("a", include_deleted=True)["version"] == 3
    assert client.model("a", 1, include_deleted=True)["deleted"] is True
    not_there(lambda: client.model("a", 1))
    not_there(lambda: client.model("a", 4))
    not_there(lambda: client.model("b"))
    assert (
        api.get("/models/a", version=9).json["error"]["message"] == f"there is no model 'a:9' in workspace {WORKSPACE}"
    )


def test_pages_of_models_follow_each_other_while_others_are_registered(ledger: Ledger, api: Api) -> None:
    said = [model(f"m{n}") for n in range(4)]
    for _ in range(3):
        ledger.say(*(registered(each) for each in said))
    found: list[tuple[str, int]] = []
    cursor: dict[str, Any] = {}
    while True:
        page = api.get("/models", limit=5, **cursor).json
        found += [(each["name"], each["version"]) for each in page["models"]]
        ledger.say(registered(said[0]))
        if page["next_cursor"] is None:
            break
        cursor = {"cursor": page["next_cursor"]}
    assert sorted(found) == sorted((f"m{n}", version) for n in range(4) for version in (1, 2, 3))
    assert [version for _, version in found] == [3] * 4 + [2] * 4 + [1] * 4


def test_the_bytes_of_a_model_are_at_a_signed_address(ledger: Ledger, client: ApiClient, objects: Objects) -> None:
    body = b"abc"
    sha256 = "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad"
    said = model("net")
    for owner in ("r1", "model/net"):
        objects.put(WORKSPACE, owner, sha256, body, None)
        ledger.say(registered(said, objects_run_id=owner, files=(ModelFile("a b/m.bin", sha256, 3),)))
    for version in (1, 2):
        content = client.model_content("net", version, "a b/m.bin")
        assert (content["path"], content["size"], content["media_type"]) == ("a b/m.bin", 3, None)
        assert client.read_bytes(content) == body
    not_there(lambda: client.model_content("net", 1, "a b"))
    not_there(lambda: client.model_content("net", 3, "a b/m.bin"))


def test_assets_have_versions_words_and_one_default(ledger: Ledger, client: ApiClient) -> None:
    one, two = Saying("one", A, "datastore"), Saying("two ä/x", B, "datastore")
    ledger.say(one.opened(), one.fact(AssetRegistered, definition='{"at": 1}', tags={"t": "1"}, description="d"))
    ledger.say(two.fact(AssetRegistered, definition='{"at": 2}'), one.fact(AssetRegistered, definition='{"at": 3}'))
    ledger.say(Saying("one", A, "dataset").fact(AssetRegistered, definition="[]"))
    assert [(a["name"], a["version"]) for a in client.assets("datastore")] == [("one", 2), ("two ä/x", 1), ("one", 1)]
    assert [(a["name"], a["version"]) for a in client.assets("datastore", latest=True)] == [("one", 2), ("two ä/x", 1)]
    assert [a["version"] for a in client.assets("datastore", "one", tags='"t"')] == [1]
    found = client.asset("datastore", "one", 1)
    assert (found["kind"], found["definition"], found["description"]) == ("datastore", {"at": 1}, "d")
    assert (found["tags"], found["created_by"], found["is_default"]) == ({"t": "1"}, "ann", False)
    assert client.asset("datastore", "two ä/x")["definition"] == {"at": 2}
    assert client.asset("dataset", "one")["definition"] == {"unreadable": "[]"}
    not_there(lambda: client.asset("environment", "one"))

    ledger.say(one.fact(AssetChanged, version=0, is_default=True))
    assert client.asset("datastore", "one")["is_default"]
    ledger.say(two.fact(AssetChanged, version=0, is_default=True))
    assert [(a["name"], a["is_default"]) for a in client.assets("datastore", latest=True)] == [
        ("one", False),
        ("two ä/x", True),
    ]
    ledger.say(one.fact(AssetChanged, version=0, deleted=True, tags={"all": None}))
    assert [a["name"] for a in client.assets("datastore")] == ["two ä/x"]
    not_there(lambda: client.asset("datastore", "one"))
    ledger.say(one.fact(AssetChanged, version=0, deleted=False))
    assert [a["tags"] for a in client.assets("datastore", "one")] == [{"all": None}, {"all": None, "t": "1"}]


def test_a_kind_that_does_not_exist_is_refused_with_those_that_do(client: ApiClient) -> None:
    with pytest.raises(UserErrorException, match="'dataset', 'environment' or 'datastore'"):
        list(client.assets("thing"))
    with pytest.raises(UserErrorException, match="'run', 'experiment', 'model'"):
        list(client.decisions_about("thing", "x"))


def test_a_registration_is_decided_with_its_version(ledger: Ledger, client: ApiClient) -> None:
    said = Saying("digits", A, "dataset")
    same = {"definition": '{"a": 1}'}
    ledger.say(*(said.fact(AssetRegistered, **fields) for fields in (same, {"definition": "{}"}, {"definition": "{}"})))
    ledger.say(said.fact(AssetRegistered, **same, new_version=False), said.fact(AssetChanged, version=7))
    told = [client.decision("dataset", "digits", A, ordinal, wait_s=5) for ordinal in range(1, 6)]
    assert [(each["verdict"], each["version"]) for each in told if each] == [
        ("accepted", 1),
        ("accepted", 2),
        ("accepted", 2),
        ("refused", None),
        ("refused", None),
    ]
    assert [each["rule"] for each in client.decisions_about("dataset", "digits")] == ["asset_exists", "unknown_version"]
    assert client.decision("model", "digits", A, 1, wait_s=0.1) is None


def test_experiments_are_seen_by_view_name_and_tags(ledger: Ledger, client: ApiClient, api: Api) -> None:
    ledger.say(Saying("r1").started("a"), Saying("r2").started("a"), Saying("r3").started("b"))
    said = {name: Saying(name, A, "experiment") for name in ("a", "b", "c", "d")}
    changed = events.ExperimentChanged
    ledger.say(said["a"].fact(changed, tags={"k": "1", "bare": None}, description="about a"))
    ledger.say(said["b"].fact(changed, archived=True), said["c"].fact(changed, tags={"k": "2"}))
    ledger.say(said["d"].fact(changed, deleted=True))

    def seen(view: str = "active", **filters: Any) -> list[str]:
        return [each["name"] for each in client.experiments(view, **filters)]

    assert seen() == ["a", "c"]
    first = api.get("/experiments", view="all", limit=2).json
    rest = api.get("/experiments", view="all", limit=2, cursor=first["next_cursor"]).json
    assert [[each["name"] for each in page["experiments"]] for page in (first, rest)] == [["a", "b"], ["c"]]
    assert rest["next_cursor"] is None
    assert seen("archived") == ["b"]
    assert seen("all") == ["a", "b", "c"]
    assert seen("all", name="b") == ["b"]
    assert seen(tags='"k"') == ["a", "c"]
    assert seen(tags='{"k": "1", "bare": null}') == ["a"]
    assert seen(tags='{"k": null}') == []
    found = client.experiment("a")
    assert (found["run_count"], found["description"], found["tags"]) == (2, "about a", {"bare": None, "k": "1"})
    assert client.experiment("d")["deleted"] is True
    not_there(lambda: client.experiment("e"))
    ledger.say(said["a"].fact(changed, removed_tags=["k"]), said["b"].fact(changed, archived=False))
    assert seen(tags='"k"') == ["c"]
    assert seen() == ["a", "b", "c"]
    with pytest.raises(UserErrorException, match="'active', 'archived' or 'all'"):
        seen("some")


def test_a_snapshot_is_at_a_signed_address_of_a_run_that_has_it(
    ledger: Ledger, client: ApiClient, objects: Objects
) -> None:
    body = b"abc"
    sha256 = "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad"
    fields = {"snapshot_id": "s1", "sha256": sha256, "size": 3, "files": 2, "content_bytes": 9, "directory": "/code"}
    for run_id in ("r1", "r2"):
        said = Saying(run_id)
        ledger.say(said.started(), said.fact(events.SnapshotTaken, **fields))
    found = client.snapshot("s1")
    assert (found["run_id"], found["size"], found["files"], found["content_bytes"]) == ("r1", 3, 2, 9)
    assert (found["path"], found["directory"], found["availability"]) == ("s1.zip", "/code", "pending")
    objects.put(WORKSPACE, "r2", sha256, body, None)
    ledger.execute(
        "INSERT INTO observed.objects (workspace, run_id, sha256, size, availability)"
        " VALUES (%s, 'r2', %s, 3, 'available')",
        WORKSPACE,
        sha256,
    )
    found = client.snapshot("s1")
    assert (found["run_id"], found["availability"]) == ("r2", "available")
    assert client.read_bytes(found) == body
    not_there(lambda: client.snapshot("s2"))
