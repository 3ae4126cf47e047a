"""Folders: whose they are, who lives, bindings, checkpoints; and copies of damaged journals."""

from __future__ import annotations

import json
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from runfold.journal import folder as folders
from runfold.journal import life, mounts, repair
from runfold.journal.format import BLOCK
from runfold.journal.writer import Journal
from tests.producer.journal.held import held, tag

ASK = "import sys, pathlib, runfold.journal.folder as f; print(f.is_alive(pathlib.Path(sys.argv[1])))"


def asked_elsewhere(folder: Path) -> bool:
    answer = subprocess.run([sys.executable, "-c", ASK, str(folder)], capture_output=True, text=True, check=True)
    return answer.stdout.strip() == "True"


def test_the_writer_is_alive_until_it_closes_whoever_asks(tmp_path: Path) -> None:
    journal = Journal.create(tmp_path, workspace="w")
    assert folders.journals(tmp_path) == [journal.folder]
    for _ in range(2):  # asking in the owning process must not drop the lock
        assert folders.is_alive(journal.folder)
        assert asked_elsewhere(journal.folder)
    journal.close()
    assert not folders.is_alive(journal.folder)
    assert not asked_elsewhere(journal.folder)


def test_a_journal_from_before_a_reboot_is_dead_and_another_machines_is_not_ours_to_judge(tmp_path: Path) -> None:
    journal = Journal.create(tmp_path, workspace="w")
    header = folders.header(journal.folder)
    assert (header.writer_id, header.workspace, header.host) == (journal.writer_id, "w", life.host())
    assert folders.is_ours(journal.folder)
    life.write_header(journal.folder, header._replace(boot_id="another boot"))
    assert not folders.is_alive(journal.folder)
    assert folders.is_ours(journal.folder)
    life.write_header(journal.folder, header._replace(boot_id="another boot", host="elsewhere"))
    assert folders.is_alive(journal.folder)
    assert not folders.is_ours(journal.folder)
    life.write_header(journal.folder, header._replace(host="a container of this machine"))
    assert folders.is_alive(journal.folder)
    assert folders.is_ours(journal.folder)
    journal.close()
    assert not folders.is_alive(journal.folder)


def test_a_binding_is_made_once_and_everybody_gets_the_first_answer(tmp_path: Path) -> None:
    journal = Journal.create(tmp_path, workspace=None)
    assert folders.read_binding(journal.folder) is None
    first = {"workspace": "w", "experiment": "e"}
    assert folders.bind(journal.folder, first) == first
    assert folders.bind(journal.folder, {"workspace": "w", "experiment": "other"}) == first
    assert folders.read_binding(journal.folder) == first
    assert not [path for path in journal.folder.iterdir() if path.name.startswith(".binding")]
    journal.close()


def test_a_damaged_checkpoint_is_none(tmp_path: Path) -> None:
    journal = Journal.create(tmp_path, workspace="w")
    folders.write_checkpoint(journal.folder, {"position": {"segment": 3}})
    assert folders.read_checkpoint(journal.folder) == {"position": {"segment": 3}}
    (journal.folder / "checkpoint").write_bytes(b'{"position": {"seg')
    assert folders.read_checkpoint(journal.folder) is None
    assert folders.unacknowledged_bytes(journal.folder) == 0
    journal.close()


def test_only_what_was_acknowledged_long_enough_ago_is_deleted(tmp_path: Path) -> None:
    journal = Journal.create(tmp_path, workspace="w", first_segment_bytes=3 * BLOCK, segment_bytes_max=3 * BLOCK)
    lane = journal.points("one")
    for number in range(1000):
        lane.log("loss", float(number))
    names = [path.name for _, path in folders.segments(journal.folder)]
    assert len(names) > 3
    assert folders.delete_acknowledged(journal.folder, keep_s=-1) == []
    folders.write_checkpoint(journal.folder, {"position": {"segment": 3}})
    assert folders.delete_acknowledged(journal.folder, keep_s=3600) == []
    assert [path.name for path in folders.delete_acknowledged(journal.folder, 3600, keep_bytes=3 * BLOCK)] == names[:1]
    assert [path.name for path in folders.delete_acknowledged(journal.folder, keep_s=-1)] == names[1:2]
    assert not folders.remove(journal.folder)
    journal.close()
    assert folders.remove(journal.folder)
    assert folders.journals(tmp_path) == []


@pytest.mark.parametrize(
    ("path", "file_system"),
    [("/data/journals/x", "ext4"), ("/data/nfs/x", "nfs4"), ("/datax", "overlay"), ("/with space/x", "xfs")],
)
def test_the_file_system_is_that_of_the_longest_mount_point(path: str, file_system: str) -> None:
    mountinfo = (
        "22 1 0:20 / / rw,relatime shared:1 - overlay overlay rw\n"
        "23 22 8:1 / /data rw shared:2 - ext4 /dev/sda1 rw\n"
        "24 23 0:30 / /data/nfs rw - nfs4 server:/ rw\n"
        "25 22 8:2 / /with\\040space rw - xfs /dev/sdb rw\n"
    )
    assert mounts.file_system_of(Path(path), mountinfo) == file_system
    assert ("nfs4" in mounts.MAPPABLE) is False


def test_a_copy_of_a_damaged_journal_is_sound_and_holds_all_that_is_left(tmp_path: Path) -> None:
    journal = Journal.create(tmp_path, workspace="w", first_segment_bytes=3 * BLOCK)
    one = journal.points("one")
    for number in range(1000):
        one.log("loss", float(number), number)
        if number % 10 == 0:
            one.log("text", f"text {number}")
            journal.fact("run", "one", lambda ordinal: tag(ordinal, value="v" * 200))
    with pytest.raises(ValueError, match="alive"):
        repair.copy(journal.folder, tmp_path)
    journal.close()
    assert repair.report(journal.folder).is_sound
    path = journal.folder / "00000002.seg"
    content = bytearray(path.read_bytes())
    content[BLOCK + 500] ^= 4
    path.write_bytes(content)
    broken = held(journal.folder)
    report = repair.report(journal.folder)
    assert not report.is_sound
    assert report.records == {lane: len(records) for lane, records in broken.records.items()}
    assert list(report.losses) == broken.losses != []
    assert report.ends == broken.ends
    assert report.damage
    (tmp_path / "copies").mkdir()
    copy = repair.copy(journal.folder, tmp_path / "copies")
    assert held(copy) == broken
    again = repair.report(copy)
    assert not again.damage
    assert list(again.losses) == broken.losses
    assert json.loads((copy / "header").read_text())["writer_id"] == journal.writer_id
    assert not folders.is_alive(copy)
    with pytest.raises(FileExistsError):
        repair.copy(journal.folder, tmp_path / "copies")
    shutil.rmtree(copy)


def test_importing_the_journal_loads_no_heavy_library() -> None:
    script = (
        "import sys; import runfold.journal.writer, runfold.journal.process, runfold.journal.reader; "
        "print(sorted({'kafka', 'fastavro', 'numpy', 'pydantic', 'urllib3'} & sys.modules.keys()))"
    )
    answer = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True)
    assert answer.stdout.strip() == "[]"
