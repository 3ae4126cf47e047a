"""What upload and download calls accept, refuse and make of their options; nothing is asked for any of it."""

from __future__ import annotations

import logging
import os
import signal
from pathlib import Path
from typing import Any

import pytest

from runfold.artifacts.parallel import Ended, Transfers
from runfold.exceptions import ArtifactNotFoundError, AzureMLException, UserErrorException
from runfold.run import downloading, files, uploading
from runfold.run.downloading import Where

NAMES = ["outputs/a.txt", "outputs/sub/b.txt"]


def targets(folder: str, directory: object = None, paths: object = None, append_prefix: bool = True) -> list[str]:
    return [str(path) for path in downloading._targets(NAMES, folder, Where(directory, paths, append_prefix))]


def test_files_land_at_their_stored_path_below_the_output_directory() -> None:
    assert targets("outputs/") == NAMES
    assert targets("outputs/", "d") == [f"d/{name}" for name in NAMES]
    assert targets("outputs/", Path("d")) == [f"d/{name}" for name in NAMES]


def test_the_prefix_is_taken_away_only_where_there_is_an_output_directory() -> None:
    assert targets("outputs/", "d", append_prefix=False) == ["d/a.txt", "d/sub/b.txt"]
    assert targets("outputs/", append_prefix=False) == NAMES
    assert targets("outputs/", "d", ["x", "y"], append_prefix=False) == ["d/x", "d/y"]


@pytest.mark.parametrize("paths", [["x"], ["x", "x"], ["x", "./x"], []])
def test_output_paths_that_do_not_fit_are_ignored_with_a_warning(
    paths: list[str], caplog: pytest.LogCaptureFixture
) -> None:
    with caplog.at_level(logging.WARNING):
        assert targets("outputs/", "d", paths) == [f"d/{name}" for name in NAMES]
    assert "output_paths" in caplog.text


@pytest.mark.parametrize("name", ["../x", "a/../../x", "/etc/passwd", "a//b", "a\\b", "a/./b", "a\0b", "..", ""])
def test_a_stored_name_that_leads_elsewhere_is_refused(name: str) -> None:
    with pytest.raises(UserErrorException, match="leads out of the output directory"):
        downloading._targets([name], "", Where("d", None, True))


@pytest.mark.parametrize(
    "given", [{"directory": 5, "paths": None}, {"directory": "d", "paths": "ab"}, {"directory": None, "paths": 7}]
)
def test_options_of_another_type_are_refused(given: dict[str, Any]) -> None:
    with pytest.raises(UserErrorException, match=r"output_(directory|paths)"):
        downloading._targets(NAMES, "", Where(**given, append_prefix=True))


@pytest.mark.parametrize(
    ("prefix", "folder"),
    [(None, ""), ("", ""), (".", ""), ("outputs", "outputs/"), ("./outputs/", "outputs/"), (Path("a/b"), "a/b/")],
)
def test_a_prefix_is_a_folder(prefix: object, folder: str) -> None:
    assert downloading._folder(prefix) == folder


@pytest.mark.parametrize("seconds", [0, -1, "5", True, float("nan")])
def test_a_timeout_is_a_number_above_0(seconds: object) -> None:
    with pytest.raises(UserErrorException, match="timeout_seconds"):
        files._seconds(seconds)


def test_names_and_paths_go_together(tmp_path: Path) -> None:
    file = tmp_path / "f"
    file.write_text("x")
    assert files._pairs(["./outputs/x", "y"], [str(file), file]) == [("outputs/x", str(file)), ("y", file)]
    for names, paths in ((["a"], []), (["a"], [file, file]), ("ab", [file, file]), (["a"], str(file)), (None, [])):
        with pytest.raises(TypeError):
            files._pairs(names, paths)
    with pytest.raises(FileNotFoundError):
        files._pairs(["a", "b"], [file, tmp_path / "gone"])
    with pytest.raises(UserErrorException):
        files._pairs(["../a"], [file])


def test_a_message_of_what_is_not_there_names_some_of_what_is() -> None:
    told = ArtifactNotFoundError("x", [str(number) for number in range(1000)], what="Prefix")
    assert told.message.startswith("Prefix with path x was not found,\navailable files include: 0,1,2,")
    assert told.message.endswith("and 900 more.")
    assert ArtifactNotFoundError("x", ["a", "b"]).message == (
        "File with path x was not found,\navailable files include: a,b."
    )


def test_a_folder_is_walked_through_links_and_around_circles(tmp_path: Path) -> None:
    (tmp_path / "a/empty").mkdir(parents=True)
    (tmp_path / "a/x").write_text("x")
    (tmp_path / "b").symlink_to("a")
    (tmp_path / "a/up").symlink_to("..")
    (tmp_path / "y").symlink_to("a/x")
    (tmp_path / "dead").symlink_to("nowhere")
    os.mkfifo(tmp_path / "fifo")
    assert [path for path, _ in files.walked(str(tmp_path))] == ["a/x", "b/x", "y"]


def test_the_first_failure_ends_all_other_transfers() -> None:
    moved: list[int] = []
    transfers = Transfers("call", None, moved.append)

    def do(number: int) -> int:
        if number == 3:
            raise ZeroDivisionError
        while number > 3:
            transfers.moved(1)
        return number

    with pytest.raises(ZeroDivisionError):
        transfers.each(do, range(6))
    with pytest.raises(Ended):
        transfers.moved(1)


def test_ctrl_c_ends_all_transfers_at_once() -> None:
    transfers = Transfers("call", None, lambda size: None)

    def do(number: int) -> None:
        if number == 2:
            signal.raise_signal(signal.SIGINT)
        while True:
            transfers.moved(1)

    with pytest.raises(KeyboardInterrupt):
        transfers.each(do, range(20))


def test_a_deadline_ends_what_is_under_way_and_says_how_far_it_came() -> None:
    transfers = Transfers("upload_files(3 files)", 0.1, lambda size: None)

    def do(number: int) -> int:
        while number:
            transfers.moved(1)
        return number

    with pytest.raises(AzureMLException, match=r"timeout_seconds=0\.1: 1 files were moved, 2 of those"):
        transfers.each(do, range(3))


def test_results_come_in_the_order_of_what_was_asked() -> None:
    assert Transfers("call", 5, lambda size: None).each(lambda n: -n, list(range(100))) == [-n for n in range(100)]
    assert Transfers("call", None, lambda size: None).each(lambda n: n, []) == []


def test_small_bodies_are_held_in_bounded_number(tmp_path: Path) -> None:
    large, small = tmp_path / "large", tmp_path / "small"
    large.write_bytes(b"x" * 300_000)
    small.write_bytes(b"x" * 250_000)
    for source in (small, large, tmp_path / "gone"):
        wanted = [(str(number), source) for number in range(1_000)]
        chunks = list(uploading._chunks(wanted))
        assert [each for chunk in chunks for each in chunk] == wanted
        held = (250_000 if source is small else 0) * max(map(len, chunks))
        assert held <= uploading.CHUNK_BYTES
        assert max(map(len, chunks)) <= uploading.CHUNK_FILES
    assert list(uploading._chunks([])) == []
