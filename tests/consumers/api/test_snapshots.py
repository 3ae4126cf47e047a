"""Snapshots of code by their files, from ZIPs in the object store, as the API tells them."""

from __future__ import annotations

import hashlib
import uuid
from collections.abc import Callable

import pytest

from runfold.reading.client import ApiClient
from runfold_consumers.api.routes import snapshots
from runfold_consumers.artifacts.objects import Objects
from runfold_schemas import events
from runfold_schemas.settings import Settings
from tests.consumers.api.code.zipping import FLAGS, with_directory, zipped
from tests.consumers.api.conftest import Api, Ledger
from tests.consumers.api.saying import Saying

CRC32 = "cbf43926"  # of 123456789
Keep = Callable[..., str]


@pytest.fixture
def keep(own_ledger: Ledger, objects: Objects) -> Keep:
    """Keeps a ZIP as a snapshot of a new run; its id."""

    def kept(
        body: bytes, *, stored: bytes | None = b"", size: int | None = None, availability: str | None = None
    ) -> str:
        snapshot_id, said = str(uuid.uuid4()), Saying(uuid.uuid4().hex)
        sha256 = hashlib.sha256(body).hexdigest()
        taken = said.fact(
            events.SnapshotTaken, snapshot_id=snapshot_id, sha256=sha256, size=len(body) if size is None else size
        )
        own_ledger.say(said.started(), taken)
        if stored is not None:
            objects.put(own_ledger.workspace, said.run_id, sha256, stored or body, None)
        if availability is not None:
            own_ledger.execute(
                "INSERT INTO observed.objects (workspace, run_id, sha256, size, availability)"
                " VALUES (%s, %s, %s, 1, %s)",
                own_ledger.workspace, said.run_id, sha256, availability,
            )  # fmt: skip
        return snapshot_id

    return kept


def test_the_files_of_a_snapshot_are_listed_page_by_page(own_api: Api, keep: Keep) -> None:
    files = {f"pkg/m{at:04}.py": b"x" * at for at in range(2500)}
    kept = keep(zipped({"a.txt": b"123456789", **files, "run.sh": b"#!"}, executable=frozenset(["run.sh"])))
    told = own_api.get(f"/snapshots/{kept}/files").json
    assert (told["snapshot_id"], told["n"], told["of"], told["next_cursor"]) == (kept, 2502, 2502, None)
    assert told["content_bytes"] == 9 + sum(range(2500)) + 2
    assert told["files"][0] == {
        "path": "a.txt", "size": 9, "crc32": CRC32, "executable": False, "unreadable": None,
    }  # fmt: skip
    assert (told["files"][-1]["path"], told["files"][-1]["executable"]) == ("run.sh", True)
    paths, cursor = [], None
    while True:
        page = own_api.get(f"/snapshots/{kept}/files", limit=1001, **({"cursor": cursor} if cursor else {})).json
        paths += [file["path"] for file in page["files"]]
        if (cursor := page["next_cursor"]) is None:
            break
    assert paths == [file["path"] for file in told["files"]]


def test_a_file_is_shown_and_never_as_what_a_browser_would_run(own_api: Api, keep: Keep) -> None:
    kept = keep(
        zipped(
            {
                "a.py": b"print('\xc3\xa9')\n",
                "x.html": b"<script>alert(1)</script>",
                "x.svg": b"<svg/>",
                "x.json": b"{}",
                "x.bin": b"\0\1",
                "large": b"a" * (5 << 20),
                "empty": b"",
                "../up": b"name",
            }
        )
    )
    types = {
        "a.py": "text/plain; charset=utf-8",
        "x.html": "text/plain; charset=utf-8",
        "x.svg": "text/plain; charset=utf-8",
        "x.json": "application/json",
        "x.bin": "application/octet-stream",
        "empty": "text/plain; charset=utf-8",
        "../up": "text/plain; charset=utf-8",
    }
    for path, media_type in types.items():
        told = own_api.get(f"/snapshots/{kept}/files/content", path=path)
        assert (told.status, told.headers["Content-Type"]) == (200, media_type)
        assert told.headers["X-Content-Type-Options"] == "nosniff"
        assert told.headers["Content-Security-Policy"] == "default-src 'none'; sandbox"
        assert told.headers["Runfold-Size"] == str(len(told.data))
        assert told.headers["Runfold-Watermark"]
    assert own_api.get(f"/snapshots/{kept}/files/content", path="a.py").data.decode() == "print('é')\n"
    part = own_api.get(f"/snapshots/{kept}/files/content", path="large")
    assert (part.status, len(part.data), part.headers["Runfold-Size"]) == (206, 4 << 20, str(5 << 20))
    assert part.headers["Content-Range"] == f"bytes 0-{(4 << 20) - 1}/{5 << 20}"
    assert own_api.get(f"/snapshots/{kept}/files/content", path="large", limit=3).data == b"aaa"
    missing = own_api.get(f"/snapshots/{kept}/files/content", path="up")
    assert (missing.status, missing.code) == (404, "not_found")


def test_what_differs_is_told_and_nothing_else(own_api: Api, keep: Keep) -> None:
    same = {"same.py": b"same", "pkg/same.py": b""}
    a = keep(zipped({**same, "a.py": b"123456789", "gone.py": b"x", "run.sh": b"#!"}))
    b = keep(zipped({**same, "a.py": b"12345678_", "new.py": b"", "run.sh": b"#!"}, executable=frozenset(["run.sh"])))
    c = keep(zipped({**same, "a.py": b"123456789", "run.sh": b"#!"}))
    two = own_api.get(f"/snapshots/differences?of={a}&of={b}&of={a}").json
    assert [each["snapshot_id"] for each in two["snapshots"]] == [a, b]
    assert (two["n"], two["of"], two["paths"], two["left"], two["next_cursor"]) == (4, 4, 6, [], None)
    assert [(file["path"], file["which"]) for file in two["files"]] == [
        ("a.py", [0, 1]), ("gone.py", [0, None]), ("new.py", [None, 0]), ("run.sh", [0, 1]),
    ]  # fmt: skip
    assert two["files"][0]["contents"][0] == {"size": 9, "crc32": CRC32, "executable": False}
    assert [content["executable"] for content in two["files"][3]["contents"]] == [False, True]
    three = own_api.get(f"/snapshots/differences?of={b}&of={a}&of={c}").json
    assert {file["path"]: file["which"] for file in three["files"]} == {
        "a.py": [0, 1, 1], "gone.py": [None, 0, None], "new.py": [0, None, None], "run.sh": [0, 1, 1],
    }  # fmt: skip
    first = own_api.get(f"/snapshots/differences?of={a}&of={b}&limit=3").json
    rest = own_api.get(f"/snapshots/differences?of={a}&of={b}&limit=3&cursor={first['next_cursor']}").json
    assert first["files"] + rest["files"] == two["files"]
    assert (first["of"], rest["n"], rest["next_cursor"]) == (4, 1, None)


def test_snapshots_that_cannot_be_read_are_left_by_name_and_the_others_compared(own_api: Api, keep: Keep) -> None:
    a, b = keep(zipped({"a": b"1"})), keep(zipped({"a": b"2"}))
    gone, bad = keep(zipped({"a": b"3"}), stored=None), keep(b"no zip")
    told = own_api.get(f"/snapshots/differences?of={gone}&of={a}&of={bad}&of={b}").json
    assert [each["snapshot_id"] for each in told["snapshots"]] == [a, b]
    assert [(each["snapshot_id"], each["code"]) for each in told["left"]] == [(gone, "not_stored"), (bad, "bad_zip")]
    assert [(file["path"], file["which"]) for file in told["files"]] == [("a", [0, 1])]


def test_the_client_reads_all_pages_of_what_differs(own_api: Api, keep: Keep, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("runfold.reading.assets._FILES_PAGE", 2)
    a, b = keep(zipped({f"{n}": b"1" for n in range(5)})), keep(zipped({"4": b"1"}))
    gone = keep(zipped({"a": b"3"}), stored=None)
    given = {"api": own_api.address, "access_token": own_api.access_token, "workspace": own_api.workspace}
    found = ApiClient(Settings.load(**given)).code_differences([a, gone, b])
    assert (found.snapshot_ids, found.paths, [each["snapshot_id"] for each in found.left]) == ([a, b], 5, [gone])
    assert [(file["path"], file["which"]) for file in found.files] == [(f"{n}", [0, None]) for n in range(4)]


def test_what_is_asked_wrongly_is_refused(own_api: Api, keep: Keep, monkeypatch: pytest.MonkeyPatch) -> None:
    a, b = keep(zipped({"a": b"1"})), keep(zipped({"a": b"2"}))
    many = "&".join(f"of={uuid.uuid4()}" for _ in range(snapshots.COMPARED_MAX + 1))
    for query in ("", f"of={a}", many, f"of={a}&of={'x' * 257}", f"of={a}&of={b}&limit=0", f"of={a}&of={b}&cursor=x"):
        told = own_api.get(f"/snapshots/differences?{query}")
        assert (told.status, told.code) == (400, "invalid")
    for below in (f"/snapshots/differences?of={a}&of=unknown", "/snapshots/unknown/files"):
        told = own_api.get(below)
        assert (told.status, told.code, told.json["error"]["id"]) == (404, "not_found", "unknown")
    assert own_api.get(f"/snapshots/{a}/files/content").status == 400
    monkeypatch.setattr(snapshots, "COMPARED_FILES_MAX", 1)
    told = own_api.get(f"/snapshots/differences?of={a}&of={b}")
    assert (told.status, told.code) == (413, "too_large")


@pytest.mark.parametrize(
    ("more", "status", "code"),
    [
        ({"stored": None}, 404, "not_stored"),
        ({"stored": b"other"}, 409, "mismatched"),
        ({"size": 1 << 40}, 409, "mismatched"),
        ({"availability": "mismatched"}, 409, "mismatched"),
    ],
)
def test_bytes_that_are_not_those_that_were_kept_are_not_shown(
    own_api: Api, keep: Keep, more: dict[str, object], status: int, code: str
) -> None:
    kept = keep(zipped({"a": b"1"}), **more)
    for below in (f"/snapshots/{kept}/files", f"/snapshots/{kept}/files/content?path=a"):
        told = own_api.get(below)
        assert (told.status, told.code) == (status, code)


def test_a_bad_zip_is_told_by_its_name_and_by_what_is_wrong(own_api: Api, keep: Keep) -> None:
    kept = keep(b"PK\x05\x06" + b"\xff" * 100)
    told = own_api.get(f"/snapshots/{kept}/files")
    assert (told.status, told.code) == (409, "bad_zip")
    assert f"the ZIP of snapshot '{kept}' cannot be read" in told.json["error"]["message"]
    kept = keep(with_directory(zipped({"a": b"1", "b": b"2"}), *FLAGS, 1))
    assert own_api.get(f"/snapshots/{kept}/files").json["files"][0]["unreadable"] == "is encrypted"
    told = own_api.get(f"/snapshots/{kept}/files/content", path="a")
    assert (told.status, told.code) == (409, "bad_zip")
    assert own_api.get(f"/snapshots/{kept}/files/content", path="b").data == b"2"
    kept = keep(zipped({f"{at}": b"" for at in range(20_001)}, method=0))
    told = own_api.get(f"/snapshots/{kept}/files")
    assert (told.status, told.code) == (413, "too_large")
    assert "more than 20000 files" in told.json["error"]["message"]


def test_another_workspace_sees_none_of_it(own_api: Api, keep: Keep) -> None:
    kept = keep(zipped({"a": b"1"}))
    for below in (f"/snapshots/{kept}/files", f"/snapshots/{kept}/files/content?path=a"):
        assert own_api.get(below, workspace="elsewhere").status == 403
