"""Large bodies go in parts and are gone on with; downloads too. Against the API and the object store themselves."""

from __future__ import annotations

import hashlib
import io
import random
import threading
from collections.abc import Mapping
from functools import partial
from pathlib import Path
from typing import Any

import pytest

from runfold.exceptions import ArtifactMismatchError, ServiceException
from runfold.reading import downloads
from runfold.reading.client import ApiClient
from runfold.reading.transport import ObjectStore
from runfold_consumers.artifacts.objects import Found, Objects
from tests.consumers.api.conftest import WORKSPACE
from tests.producer.files.conftest import PART_BYTES

RUN = "a b"
BODY = random.Random(7).randbytes(3 * PART_BYTES + 17)
SHA256 = hashlib.sha256(BODY).hexdigest()
PARTS = tuple(hashlib.sha256(BODY[first : first + PART_BYTES]).hexdigest() for first in range(0, len(BODY), PART_BYTES))


class Cut(Exception):
    """The process is interrupted."""


@pytest.fixture
def file(tmp_path: Path) -> Path:
    path = tmp_path / "body.bin"
    path.write_bytes(BODY)
    return path


@pytest.fixture
def sent(monkeypatch: pytest.MonkeyPatch) -> list[int]:
    """Sizes of what was PUT."""
    sizes: list[int] = []
    put = ObjectStore.put

    def counted(self: ObjectStore, url: str, headers: Mapping[str, str], opened: Any, size: int, *more: Any) -> str:
        etag = put(self, url, headers, opened, size, *more)
        sizes.append(size)
        return etag

    monkeypatch.setattr(ObjectStore, "put", counted)
    return sizes


def upload(client: ApiClient, file: Path, **more: Any) -> tuple[str, ...]:
    return client.upload(RUN, SHA256, len(BODY), "a/b", lambda: file.open("rb"), **more)


@pytest.mark.usefixtures("small_parts")
class TestUploads:
    def test_a_large_body_goes_in_parts_whose_digests_are_told(
        self, client: ApiClient, file: Path, objects: Objects, sent: list[int]
    ) -> None:
        moved: list[int] = []
        assert upload(client, file, moved=moved.append) == PARTS
        assert objects.read_back(WORKSPACE, RUN, SHA256) == Found(len(BODY), SHA256)
        assert sorted(sent) == [17, PART_BYTES, PART_BYTES, PART_BYTES]
        assert sum(moved) == len(BODY)

    def test_who_was_interrupted_sends_only_what_is_missing(
        self, client: ApiClient, file: Path, objects: Objects, sent: list[int], monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr("runfold.reading.uploads.PARALLEL", 1)

        def cut(size: int) -> None:
            if len(sent) == 2:
                raise Cut

        with pytest.raises(Cut):
            upload(client, file, moved=cut)
        assert objects.size(WORKSPACE, RUN, SHA256) is None
        del sent[:]
        moved: list[int] = []
        assert upload(client, file, moved=moved.append) == PARTS
        assert sorted(sent) == [17, PART_BYTES]
        assert sum(moved) == len(BODY)
        assert objects.read_back(WORKSPACE, RUN, SHA256) == Found(len(BODY), SHA256)

    def test_a_part_that_is_another_one_is_sent_again(
        self, client: ApiClient, file: Path, objects: Objects, sent: list[int]
    ) -> None:
        changed = file.with_name("changed")
        changed.write_bytes(BODY[: PART_BYTES + 5] + bytes([BODY[PART_BYTES + 5] ^ 1]) + BODY[PART_BYTES + 6 :])
        finish = objects.finish_upload
        objects.finish_upload = lambda *_: (_ for _ in ()).throw(Cut)  # type: ignore[method-assign]
        with pytest.raises(ServiceException):
            upload(client, changed)
        objects.finish_upload = finish  # type: ignore[method-assign]
        del sent[:]
        assert upload(client, file) == PARTS
        assert sent == [PART_BYTES]
        assert objects.read_back(WORKSPACE, RUN, SHA256) == Found(len(BODY), SHA256)

    def test_what_was_completed_and_never_stated_is_not_sent_again(
        self, client: ApiClient, file: Path, sent: list[int]
    ) -> None:
        upload(client, file)
        del sent[:]
        assert upload(client, file) == ()
        assert sent == []

    def test_two_processes_that_upload_the_same_at_once_both_end(
        self, client: ApiClient, file: Path, objects: Objects
    ) -> None:
        ended: list[object] = []
        threads = [threading.Thread(target=lambda: ended.append(upload(client, file))) for _ in range(2)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join(60)
        assert set(map(type, ended)) == {tuple}
        assert len(ended) == 2
        assert objects.read_back(WORKSPACE, RUN, SHA256) == Found(len(BODY), SHA256)

    def test_an_upload_that_was_swept_away_is_begun_anew(
        self, client: ApiClient, file: Path, objects: Objects, sent: list[int], monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr("runfold.reading.uploads.PARALLEL", 1)
        swept: list[int] = []

        def sweep(size: int) -> None:
            if len(sent) == 2 and not swept:
                swept.append(objects.sweep_uploads(-60))

        assert upload(client, file, moved=sweep) == PARTS
        assert swept == [1]
        assert objects.read_back(WORKSPACE, RUN, SHA256) == Found(len(BODY), SHA256)

    def test_an_address_that_is_no_longer_good_is_asked_for_anew(
        self, client: ApiClient, file: Path, objects: Objects, sent: list[int]
    ) -> None:
        signed, bad = objects.part_url, iter([True])

        def part_url(*which: Any) -> str:
            return signed(*which) + ("x" if next(bad, False) else "")

        objects.part_url = part_url  # type: ignore[method-assign, assignment]
        assert upload(client, file) == PARTS

    def test_an_empty_and_a_small_body_go_at_once(self, client: ApiClient, objects: Objects) -> None:
        for body in (b"", b"x"):
            sha256 = hashlib.sha256(body).hexdigest()
            for owner in (RUN, "model/m", "dataset/d"):
                assert client.upload(owner, sha256, len(body), None, partial(io.BytesIO, body)) == ()
                assert objects.read_back(WORKSPACE, owner, sha256) == Found(len(body), sha256)


def located(objects: Objects, body: bytes = BODY, **changes: Any) -> dict[str, Any]:
    objects.ensure_bucket()
    objects.put(WORKSPACE, RUN, SHA256, body, None)
    url = objects.get_url(WORKSPACE, RUN, SHA256)
    return {"path": "p", "sha256": SHA256, "size": len(BODY), "url": url, "availability": "available", **changes}


class TestDownloads:
    def test_a_cut_download_asks_for_the_rest_alone(
        self, client: ApiClient, objects: Objects, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        content, target = located(objects), tmp_path / "target"
        cut_at, came = 10 << 20, 0

        def cut(size: int) -> None:
            nonlocal came
            came += size
            if came >= cut_at:
                raise Cut

        with pytest.raises(Cut):
            client.download(content, target, moved=cut)
        assert not target.exists()
        (part,) = tmp_path.iterdir()
        assert part.stat().st_size >= cut_at
        firsts: list[int] = []
        get = ObjectStore.get

        def noted(self: ObjectStore, url: str, use: Any, deadline: float, first: int = 0) -> Any:
            firsts.append(first)
            return get(self, url, use, deadline, first)

        monkeypatch.setattr(ObjectStore, "get", noted)
        moved: list[int] = []
        client.download(content, target, moved=moved.append)
        assert firsts[0] >= cut_at
        assert len(firsts) == 1
        assert target.read_bytes() == BODY
        assert sum(moved) == len(BODY)
        assert list(tmp_path.iterdir()) == [target]

    def test_what_came_before_of_other_bytes_is_fetched_anew(
        self, client: ApiClient, objects: Objects, tmp_path: Path
    ) -> None:
        target = tmp_path / "target"
        for wrong in (b"?" * 1000, b"?" * (len(BODY) + 1), BODY):
            (tmp_path / f".target.{SHA256[:16]}.part").write_bytes(wrong)
            client.download(located(objects), target)
            assert target.read_bytes() == BODY

    def test_altered_bytes_are_never_written(self, client: ApiClient, objects: Objects, tmp_path: Path) -> None:
        target = tmp_path / "target"
        target.write_text("before")
        with pytest.raises(ArtifactMismatchError):
            client.download(located(objects, BODY[:-1] + b"!"), target)
        with pytest.raises(ArtifactMismatchError):
            client.read_bytes(located(objects, BODY[:-1] + b"!"))
        assert target.read_text() == "before"
        assert list(tmp_path.iterdir()) == [target]

    def test_two_downloads_to_one_place_do_not_disturb_each_other(
        self, client: ApiClient, objects: Objects, tmp_path: Path
    ) -> None:
        content, target = located(objects), tmp_path / "target"
        inner: list[bytes] = []

        def moved(size: int) -> None:
            if not inner:
                inner.append(b"")
                client.download(content, target)
                inner[0] = target.read_bytes()

        client.download(content, target, moved=moved)
        assert inner == [BODY]
        assert target.read_bytes() == BODY
        assert list(tmp_path.iterdir()) == [target]

    def test_bytes_that_are_on_their_way_are_waited_for(
        self, client: ApiClient, objects: Objects, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        objects.ensure_bucket()
        url = objects.get_url(WORKSPACE, RUN, SHA256)
        content = {"path": "p", "sha256": SHA256, "size": len(BODY), "url": url, "availability": "pending"}
        timer = threading.Timer(0.5, lambda: objects.put(WORKSPACE, RUN, SHA256, BODY, None))
        timer.start()
        client.download(content, tmp_path / "target")
        timer.join()
        assert (tmp_path / "target").read_bytes() == BODY

        monkeypatch.setattr(downloads, "COMING_S", 0.2)
        other = {**content, "url": objects.get_url(WORKSPACE, "nobody", SHA256)}
        with pytest.raises(ServiceException, match="runfold ship --once") as raised:
            client.download(other, tmp_path / "other")
        assert raised.value.status_code == 404
        with pytest.raises(ServiceException, match="NoSuchKey"):
            client.read_bytes({**other, "availability": "available"})
        assert list(tmp_path.iterdir()) == [tmp_path / "target"]
