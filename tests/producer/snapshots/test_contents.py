"""What a snapshot consists of: the files of a directory but the ignored ones, and an id that they alone decide."""

from __future__ import annotations

import os
import socket
import time
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from runfold.exceptions import SnapshotException
from runfold.snapshots import contents, ignoring


def project(root: Path, **files: str) -> Path:
    for name, text in {"train.py": "print(1)", "src/model.py": "x = 1", **files}.items():
        path = root / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
    return root


def paths(root: Path) -> list[str]:
    return [entry.path for entry in contents.of(root).entries]


def test_without_an_ignore_file_nothing_is_left_out(tmp_path: Path) -> None:
    project(tmp_path, **{".git/HEAD": "x", "outputs/model.pkl": "y"})
    assert paths(tmp_path) == [".git/HEAD", "outputs/model.pkl", "src/model.py", "train.py"]


def test_amlignore_counts_and_gitignore_is_then_not_read(tmp_path: Path) -> None:
    project(tmp_path, **{".amlignore": "src/\n", ".gitignore": "*.py\n"})
    assert paths(tmp_path) == [".amlignore", ".gitignore", "train.py"]


def test_gitignore_counts_where_there_is_no_amlignore_and_leaves_git_out(tmp_path: Path) -> None:
    project(tmp_path, **{".gitignore": "*.log\n!keep.log\n/data/\n", "a.log": "", "keep.log": "", "data/x": ""})
    project(tmp_path, **{"src/data/y": "", ".git/HEAD": ""})
    assert paths(tmp_path) == [".gitignore", "keep.log", "src/data/y", "src/model.py", "train.py"]


def test_only_the_ignore_file_at_the_top_counts(tmp_path: Path) -> None:
    project(tmp_path, **{"src/.amlignore": "*", "src/.gitignore": "*"})
    assert "src/model.py" in paths(tmp_path)


def test_a_line_that_is_no_pattern_is_passed_over(tmp_path: Path) -> None:
    project(tmp_path, **{".amlignore": "!\n\\\nsrc\n# a comment\n"})
    assert paths(tmp_path) == [".amlignore", "train.py"]


def test_what_lies_below_an_ignored_directory_is_never_looked_at(tmp_path: Path) -> None:
    project(tmp_path, **{".amlignore": "data/\n!data/keep\n", "data/keep": "", "data/deep/x": ""})
    (tmp_path / "data").chmod(0)
    try:
        assert paths(tmp_path) == [".amlignore", "src/model.py", "train.py"]
    finally:
        (tmp_path / "data").chmod(0o755)


def test_links_are_followed_within_the_directory_and_never_out_of_it(tmp_path: Path) -> None:
    (tmp_path / "secret").write_text("password")
    (tmp_path / "elsewhere").mkdir()
    root = project(tmp_path / "project")
    (root / "inside.py").symlink_to("train.py")
    (root / "directory").symlink_to("src")
    (root / "out").symlink_to(tmp_path / "secret")
    (root / "out_directory").symlink_to("../elsewhere")
    (root / "nothing").symlink_to("missing")
    (root / "itself").symlink_to("itself")
    (root / "src" / "loop").symlink_to("..")
    found = contents.of(root)
    assert [entry.path for entry in found.entries] == ["directory/model.py", "inside.py", "src/model.py", "train.py"]
    assert sorted(found.left_out) == ["itself", "nothing", "out", "out_directory"]


def test_a_directory_that_is_reached_by_a_link_is_the_same_directory(tmp_path: Path) -> None:
    project(tmp_path / "real")
    (tmp_path / "link").symlink_to("real")
    assert contents.of(tmp_path / "link").snapshot_id == contents.of(tmp_path / "real").snapshot_id


def test_sockets_and_pipes_are_left_out(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    project(tmp_path)
    os.mkfifo(tmp_path / "pipe")
    monkeypatch.chdir(tmp_path)  # a socket's path must be short
    with socket.socket(socket.AF_UNIX) as bound:
        bound.bind("socket")
        assert paths(tmp_path) == ["src/model.py", "train.py"]


def test_a_name_that_is_no_utf_8_is_left_out_and_told(tmp_path: Path) -> None:
    project(tmp_path)
    Path(os.fsdecode(os.fsencode(tmp_path) + b"/\xff.py")).write_text("x")
    found = contents.of(tmp_path)
    assert [entry.path for entry in found.entries] == ["src/model.py", "train.py"]
    assert found.left_out == ("\\udcff.py",)


def test_the_same_content_has_the_same_id_wherever_and_whenever(tmp_path: Path) -> None:
    one, two = project(tmp_path / "one"), project(tmp_path / "two")
    os.utime(two / "train.py", (1, 1))
    (two / "train.py").chmod(0o600)
    assert contents.of(one).snapshot_id == contents.of(two).snapshot_id


@pytest.mark.parametrize("change", ["content", "name", "executable", "more"])
def test_another_content_has_another_id(tmp_path: Path, change: str) -> None:
    before = contents.of(project(tmp_path)).snapshot_id
    if change == "content":
        (tmp_path / "train.py").write_text("print(2)")
    elif change == "name":
        (tmp_path / "train.py").rename(tmp_path / "other.py")
    elif change == "executable":
        (tmp_path / "train.py").chmod(0o755)
    else:
        (tmp_path / "more.py").write_text("")
    assert contents.of(tmp_path).snapshot_id != before


def test_a_file_that_changes_within_a_tick_of_the_clock_is_seen(tmp_path: Path) -> None:
    project(tmp_path)
    seen = set()
    for text in ("aa", "bb", "cc"):
        (tmp_path / "train.py").write_text(text)
        os.utime(tmp_path / "train.py", (1e9, 1e9))
        seen.add(contents.of(tmp_path).snapshot_id)
    assert len(seen) == 3


def test_only_what_has_settled_is_not_read_again(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    source = os.path.realpath(project(tmp_path) / "train.py")
    contents.of(tmp_path)
    assert source not in contents._digests
    monkeypatch.setattr(contents, "_SETTLED_NS", -1_000_000_000)
    contents.of(tmp_path)
    assert source in contents._digests


def test_a_file_of_its_own_is_a_snapshot_too(tmp_path: Path) -> None:
    project(tmp_path)
    assert paths(tmp_path / "train.py") == ["train.py"]


def test_directories_of_our_own_are_no_part_of_it(tmp_path: Path) -> None:
    project(tmp_path, **{"journals/w/segment": "x"})
    kept = contents.of(tmp_path, without={Path(os.path.realpath(tmp_path / "journals")), tmp_path})
    assert [entry.path for entry in kept.entries] == ["src/model.py", "train.py"]


def test_what_is_not_there_and_what_cannot_be_read_say_so(tmp_path: Path) -> None:
    with pytest.raises(SnapshotException, match="neither directory nor file"):
        contents.of(tmp_path / "nowhere")


def test_more_than_300_mb_are_refused_before_they_are_read(tmp_path: Path) -> None:
    project(tmp_path)
    with (tmp_path / "weights.bin").open("wb") as file:
        file.truncate((300 << 20) + 1)
    begun = time.monotonic()
    with pytest.raises(
        SnapshotException, match=r"exceeds the limit of 300.0 MB.*weights\.bin \(300.0 MB\).*\n.*\.amlignore"
    ):
        contents.of(tmp_path)
    assert time.monotonic() - begun < 1


def many(root: Path, count: int) -> Path:
    root.mkdir(exist_ok=True)
    for number in range(count):
        (root / f"{number}.py").write_text("")
    return root


def test_more_than_2000_files_are_refused_unless_the_limit_is_lifted(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    many(tmp_path, 2_001)
    with pytest.raises(SnapshotException, match="exceeds the file limit of 2000: at least 2001 files are new"):
        contents.of(tmp_path)
    monkeypatch.setenv("AML_SNAPSHOT_NO_FILE_LIMIT", "True")
    assert len(contents.of(tmp_path).entries) == 2_001


def test_a_directory_that_is_far_too_large_is_refused_at_once(tmp_path: Path) -> None:
    for number in range(40):
        many(tmp_path / str(number), 300)
    begun = time.process_time()
    with pytest.raises(SnapshotException, match="at least 2001 files"):
        contents.of(tmp_path)
    assert time.process_time() - begun < 0.2


def test_a_directory_may_be_as_deep_as_it_likes(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    for _ in range(600):
        Path("d").mkdir()
        os.chdir("d")
    Path("bottom.py").write_text("x")
    monkeypatch.chdir(tmp_path)
    (entry,) = contents.of(tmp_path).entries
    assert entry.path == "d/" * 600 + "bottom.py"


def test_only_what_changed_counts_as_files(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    many(tmp_path, 2_000)
    previous = {entry.path: entry.sha256 for entry in contents.of(tmp_path).entries}
    many(tmp_path / "more", 2_000)
    assert len(contents.of(tmp_path, previous).entries) == 4_000
    many(tmp_path / "again", 1)
    with pytest.raises(SnapshotException, match="at least 2001 files are new or changed"):
        contents.of(tmp_path, previous)


@given(
    st.dictionaries(st.text("ab/.*!", min_size=1, max_size=6), st.booleans(), max_size=4), st.text("ab/.", min_size=1)
)
def test_no_ignore_file_makes_the_rules_fail(lines: dict[str, bool], path: str) -> None:
    rules = ignoring.Ignoring("\n".join(lines))
    assert rules.ignores(path) is rules.ignores(path)
