"""The client against the real API: what was said comes back, what fails is of the original's exceptions."""

from __future__ import annotations

import hashlib
import io
import math
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from runfold.exceptions import (
    ArtifactMismatchError,
    ArtifactNotFoundError,
    AuthenticationException,
    NotYetVisibleError,
    RunNotFoundError,
    UserErrorException,
)
from runfold.reading.client import ApiClient
from runfold_consumers.artifacts.objects import Objects
from runfold_schemas.settings import Settings
from runfold_schemas.watermark import Lane, Watermark
from tests.consumers.api.conftest import WORKSPACE, Ledger
from tests.consumers.api.saying import A, B, Saying
from tests.services import Services

BODY = bytes(range(256)) * 20_000  # 5 MB: more than one chunk
SHA256 = hashlib.sha256(BODY).hexdigest()


@pytest.fixture
def objects(services: Services, bucket: str) -> Objects:
    return Objects(services.s3_address, services.s3_key, services.s3_secret, bucket)


def lane(ordinal: int, stream: str = "facts") -> str:
    return str(Watermark(ordinals={Lane(stream, "run", "r1", A): ordinal}))


def test_runs_come_back_and_pages_follow(ledger: Ledger, client: ApiClient) -> None:
    ledger.say(*(Saying(f"r{i}").started(at=i) for i in range(5)), Saying("..").started("odd"))
    assert client.run("r3")["experiment"] == "digits"
    assert client.run("..")["experiment"] == "odd"
    page = client.runs(experiment="digits", limit=3)
    rest = client.runs(experiment="digits", limit=3, cursor=page["next_cursor"])
    assert [run["run_id"] for run in page["runs"] + rest["runs"]] == ["r4", "r3", "r2", "r1", "r0"]
    assert client.experiments()[0]["run_count"] == 5
    assert client.watermark() == page["watermark"]


def test_metrics_come_back_as_they_were_logged(ledger: Ledger, client: ApiClient) -> None:
    said = Saying("r1")
    ledger.say(said.started(), said.logged("nan", math.nan), said.logged("m", 1.0, math.inf), said.logged("m", -0.0))
    ledger.say(said.artifact("cm", metric_name="cm", metric_type="confusion_matrix"))
    found = client.metrics("r1", not_before=lane(4, "points"))["r1"]
    assert repr(found["m"]) == "[1.0, inf, -0.0]"
    assert repr(found["nan"]) == "nan"
    assert found["cm"] == "aml://artifactId/ExperimentRun/dcid.r1/cm"
    assert client.metrics("r1", name="x") == {}


def test_metrics_of_a_tree_leave_out_runs_without_any(ledger: Ledger, client: ApiClient) -> None:
    top, child, other = Saying("top"), Saying("child"), Saying("other", B)
    ledger.say(top.started(), child.started(parent_run_id="top"), other.started(parent_run_id="top"))
    ledger.say(child.logged("m", 1.0, 2.0))
    assert client.metrics("top", recursive=True) == {"child": {"m": [1.0, 2.0]}}
    assert client.metrics("top") == {}


def test_a_wait_is_answered_by_the_fold_or_the_deadline(ledger: Ledger, client: ApiClient) -> None:
    said = Saying("r1")
    ledger.say(said.started())
    begun = time.monotonic()
    assert not client.wait(lane(2), 0.3)
    assert time.monotonic() - begun < 3
    with pytest.raises(NotYetVisibleError) as raised:
        client.run("r1", not_before=lane(2), timeout_s=0.2)
    assert raised.value.watermark == lane(2)
    assert raised.value.setting == "RUNFOLD_API"
    with ThreadPoolExecutor() as pool:
        waiting = pool.submit(client.run, "r1", not_before=lane(2))
        ledger.say(said.tag("k", "v"))
        assert waiting.result(10)["tags"] == {"k": "v"}


def test_a_watermark_too_large_for_an_address_is_waited_for_all_the_same(ledger: Ledger, client: ApiClient) -> None:
    runs = [Saying(f"run {i}", f"{i * 7919:032x}") for i in range(1500)]
    ledger.say(*(run.started() for run in runs))
    lanes = {Lane("facts", "run", run.run_id, run.writer_id): 1 for run in runs}
    large = str(Watermark(ordinals=lanes))
    assert len(large) > 8_000
    assert client.run("run 7", not_before=large)["run_id"] == "run 7"
    with pytest.raises(NotYetVisibleError):
        client.run("run 7", not_before=str(Watermark(ordinals=dict.fromkeys(lanes, 2))), timeout_s=0.2)


def test_a_decision_is_waited_for_in_one_call(ledger: Ledger, client: ApiClient) -> None:
    said, other = Saying("r1"), Saying("r1", B)
    ledger.say(said.started(), said.properties(p="1"))
    refused = other.properties(p="2")
    assert client.decision("run", "r1", B, 1, wait_s=0.1) is None
    with ThreadPoolExecutor() as pool:
        waiting = pool.submit(client.decision, "run", "r1", B, 1, wait_s=10)
        ledger.say(refused)
        decision = waiting.result(10)
    assert decision is not None
    assert (decision["verdict"], decision["refusals"][0]["kept"]) == ("refused", "1")
    assert [each["ordinal"] for each in client.decisions("r1")] == [1]
    assert [each["verdict"] for each in client.events("r1")] == ["accepted", "accepted", "refused"]


def test_files_go_up_and_come_down_whole_or_not_at_all(
    ledger: Ledger, client: ApiClient, objects: Objects, tmp_path: Path
) -> None:
    client.upload("r1", SHA256, len(BODY), "application/x-weights", lambda: io.BytesIO(BODY))
    said = Saying("r1")
    ledger.say(said.started(), said.artifact("outputs/m.bin", SHA256), said.artifact("lie", "1" * 64))
    assert [artifact["path"] for artifact in client.artifacts("r1", prefix="outputs/")] == ["outputs/m.bin"]
    content = client.content("r1", "outputs/m.bin")
    target = tmp_path / "m.bin"
    client.download(content, target)
    assert target.read_bytes() == BODY
    assert client.read_bytes(content) == BODY

    objects.put(WORKSPACE, "r1", "1" * 64, b"something else", None)
    with pytest.raises(ArtifactMismatchError):
        client.download(client.content("r1", "lie"), target)
    assert target.read_bytes() == BODY
    assert list(tmp_path.iterdir()) == [target]

    with pytest.raises(ArtifactNotFoundError) as raised:
        client.content("r1", "missing")
    assert raised.value.available == ["lie", "outputs/m.bin"]


def test_what_the_caller_did_wrong_is_told_as_such(ledger: Ledger, client: ApiClient, address: str) -> None:
    with pytest.raises(RunNotFoundError) as raised:
        client.run("r0 ä")
    assert (raised.value.run_id, raised.value.status_code) == ("r0 ä", 404)
    with pytest.raises(UserErrorException, match="no filter"):
        client.runs(tags="k")
    for access_token, workspace in (("rft_x", WORKSPACE), (None, WORKSPACE)):
        with pytest.raises(AuthenticationException, match="RUNFOLD_ACCESS_TOKEN"):
            ApiClient(Settings.load(api=address, access_token=access_token, workspace=workspace)).run("r1")


def test_lag_is_a_number(ledger: Ledger, client: ApiClient) -> None:
    ledger.execute("INSERT INTO observed.lag VALUES ('state', %s, 't', 0, 0, 5, NULL, now())", WORKSPACE)
    assert [each["lag_s"] for each in client.lag()] == [math.inf]
