"""Growing logs become log text: in order, once, within bounds."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from runfold.submitting import following
from runfold.submitting.following import Following, last_lines
from tests.waiting import until


class Taken:
    """What was appended, by log."""

    def __init__(self) -> None:
        self.logs: dict[str, bytes] = {}
        self.largest = 0

    def __call__(self, name: str, data: bytes) -> None:
        self.logs[name] = self.logs.get(name, b"") + data
        self.largest = max(self.largest, len(data))


def test_a_log_is_taken_while_it_grows_and_whole_at_the_end(tmp_path: Path) -> None:
    taken = Taken()
    log = tmp_path / "user_logs" / "std_log.txt"
    log.parent.mkdir()
    follower = Following(tmp_path, taken)
    follower.follow("user_logs/std_log.txt")
    follower.start()
    with log.open("ab", buffering=0) as file:
        file.write(b"one\n")
        until(lambda: taken.logs.get("user_logs/std_log.txt") == b"one\n", 10, "the first line")
        file.write(b"two\n")
    assert follower.finish() == {}
    assert taken.logs == {"user_logs/std_log.txt": b"one\ntwo\n"}


def test_a_flood_is_taken_in_pieces_and_what_is_late_is_counted(tmp_path: Path) -> None:
    taken = Taken()
    (tmp_path / "log.txt").write_bytes(os.urandom(20 << 20))
    follower = Following(tmp_path, taken)
    follower.follow("log.txt")
    follower.start()
    left = follower.finish(0.0)
    got = len(taken.logs.get("log.txt", b""))
    assert left == {"log.txt": (20 << 20) - got}
    assert taken.largest <= following.CHUNK_BYTES
    follower = Following(tmp_path, taken := Taken())
    follower.follow("log.txt")
    follower.start()
    assert follower.finish(30.0) == {}
    assert taken.logs["log.txt"] == (tmp_path / "log.txt").read_bytes()


def test_files_of_watched_directories_are_followed_wherever_they_appear(tmp_path: Path) -> None:
    taken = Taken()
    follower = Following(tmp_path, taken)
    follower.watch("logs")
    follower.watch("../elsewhere")
    follower.start()
    (tmp_path / "logs" / "deep").mkdir(parents=True)
    (tmp_path / "logs" / "deep" / "a.txt").write_text("a")
    assert follower.finish() == {}
    assert taken.logs == {"logs/deep/a.txt": b"a"}


def test_a_log_that_is_begun_anew_is_taken_from_its_beginning(tmp_path: Path) -> None:
    taken = Taken()
    log = tmp_path / "app.log"
    log.write_bytes(b"the first file\n")
    follower = Following(tmp_path, taken)
    follower.follow("app.log")
    follower.start()
    until(lambda: taken.logs, 10, "the first file")
    log.rename(tmp_path / "app.log.1")
    log.write_bytes(b"second\n")
    assert follower.finish() == {}
    assert taken.logs == {"app.log": b"the first file\nsecond\n"}


def test_all_logs_together_leave_room_in_the_journal(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(following, "BYTES_MAX", 1000)
    taken = Taken()
    for name in ("a", "b"):
        (tmp_path / name).write_bytes(b"x" * 700)
    follower = Following(tmp_path, taken)
    follower.follow("a")
    follower.follow("b")
    follower.start()
    assert sum(follower.finish().values()) == 400
    assert sum(map(len, taken.logs.values())) == 1000


def test_a_flood_in_one_log_does_not_hide_another(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(following, "RATE_BYTES_PER_S", 1 << 20)
    taken = Taken()
    (tmp_path / "flood").write_bytes(bytes(64 << 20))
    (tmp_path / "quiet").write_bytes(b"here\n")
    follower = Following(tmp_path, taken)
    follower.follow("flood")
    follower.follow("quiet")
    follower.start()
    until(lambda: taken.logs.get("quiet") == b"here\n", 5, "the quiet log")
    follower.finish(0.0)


def test_names_that_no_log_can_have_are_not_followed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(following, "NAMES_BYTES_MAX", 10)
    (tmp_path / "logs").mkdir()
    for name in (b"\xff", b"abcd", b"efgh"):
        Path(os.fsdecode(os.fsencode(tmp_path / "logs") + b"/" + name)).write_bytes(b"x")
    follower = Following(tmp_path, taken := Taken())
    follower.watch("logs")
    follower.start()
    assert follower.finish() == {}
    assert taken.logs == {"logs/abcd": b"x"}


def test_a_directory_that_has_become_a_link_is_not_followed(tmp_path: Path) -> None:
    (tmp_path / "job" / "logs").mkdir(parents=True)
    (tmp_path / "elsewhere").mkdir()
    (tmp_path / "elsewhere" / "a").write_text("a")
    follower = Following(tmp_path / "job", taken := Taken())
    follower.watch("logs")
    (tmp_path / "job" / "logs").rmdir()
    (tmp_path / "job" / "logs").symlink_to(tmp_path / "elsewhere")
    follower.start()
    assert follower.finish() == {}
    assert taken.logs == {}


def test_a_log_that_is_not_there_is_no_trouble(tmp_path: Path) -> None:
    follower = Following(tmp_path, Taken())
    follower.follow("nothing.txt")
    follower.start()
    assert follower.finish() == {}


@pytest.mark.parametrize(("text", "said"), [(b"", ""), (b"a\nb\n\n", "a\nb"), (b"\xff\n", "\ufffd")])
def test_the_last_lines_are_text(tmp_path: Path, text: bytes, said: str) -> None:
    (tmp_path / "log").write_bytes(text)
    assert last_lines(tmp_path / "log") == said
    assert last_lines(tmp_path / "nothing") == ""
    (tmp_path / "log").write_bytes(b"x" * 100_000 + b"\nlast")
    assert len(last_lines(tmp_path / "log")) <= 8 << 10
