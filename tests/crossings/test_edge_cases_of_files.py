"""The edge cases of run_api section 11 about files, snapshots and models, against a ledger; numbers as there."""

from __future__ import annotations

from pathlib import Path

from tests.crossings.saying import BEGIN, said
from tests.stack import Stack


def test_a_name_is_written_once(stack: Stack, tmp_path: Path) -> None:
    """28, 37: uploading a name twice is refused; pathlib.Path is a path; 31: ./outputs is outputs."""
    text = """
from pathlib import Path
Path("m.bin").write_bytes(b"one")
run.upload_file("./outputs/m.bin", Path("m.bin"))
try:
    run.upload_file("outputs/m.bin", io.BytesIO(b"two")); refused = None
except UserErrorException as e:
    refused = type(e).__name__
found = [refused, run.get_file_names()]"""
    script = f"import os; os.chdir({str(tmp_path)!r})\n"
    told = stack.script(script + BEGIN.format(experiment="files") + text + "\nprint(repr(found))").stdout
    assert eval(told) == ["ArtifactExistsError", ["outputs/m.bin"]]


def test_outputs_of_the_run_before_are_stored_too(stack: Stack, tmp_path: Path) -> None:
    """32: outputs left over from the previous interactive run are uploaded with the next one; a child has its own."""
    text = """
import os; os.chdir({folder!r})
from runfold import Experiment, Run, Workspace
experiment = Experiment(Workspace.from_config(), "left")
for k in (1, 2):
    run = experiment.start_logging(snapshot_directory=None)
    open(f"outputs/{{k}}.pkl", "w").write(str(k))
    run.complete()
    print(sorted(run.get_file_names()))
with run.child_run("kid", outputs="own") as kid:
    open("own/a.txt", "w").write("a")
    print("in the block")
print(sorted(kid.get_file_names()), kid.get_status())
"""
    told = stack.script(text.format(folder=str(tmp_path))).stdout.splitlines()
    assert eval(told[0]) == ["outputs/1.pkl"]
    assert eval(told[1]) == ["outputs/1.pkl", "outputs/2.pkl"]
    assert told[3] == "['logs/user_log.txt', 'own/a.txt'] Completed"
    assert (tmp_path / "logs" / "user_log.txt").read_text() == "in the block\n"


def test_folders_and_files_go_up_and_come_down(stack: Stack, tmp_path: Path) -> None:
    """29, 30: a folder with a trailing slash; download into a directory, a missing directory, of a missing file."""
    text = f"""
from pathlib import Path
os.chdir({str(tmp_path)!r})
Path("d/sub").mkdir(parents=True); Path("d/empty").mkdir(); Path("d/x.txt").write_text("x")
Path("d/sub/y.txt").write_text("y"); Path("there").mkdir()
run.upload_folder("pre", "d/"); run.upload_folder("pre2/", Path("d"))
names = run.get_file_names()
run.download_file("pre/x.txt"); run.download_file("pre/x.txt", "there"); run.download_file("pre/x.txt", "new/one.txt")
Path("x.txt").write_text("another"); run.download_file("pre/x.txt")
try:
    run.download_file("pre/z.txt"); missing = None
except UserErrorException as e:
    missing = e.message
run.download_files("pre", "kept"); run.download_files("pre", "bare", append_prefix=False); run.download_files("pre2")
landed = sorted(str(each) for where in ("kept", "bare", "pre2") for each in Path(where).rglob("*.txt"))
read = [Path(each).read_text() for each in ("x.txt", "there/x.txt", "new/one.txt")]
found = [sorted(names), read, missing, landed]"""
    names, read, missing, landed = said(stack, text)
    assert names == ["pre/sub/y.txt", "pre/x.txt", "pre2/sub/y.txt", "pre2/x.txt"]
    assert read == ["x", "x", "x"]
    assert missing == f"File with path pre/z.txt was not found,\navailable files include: {','.join(names)}."
    assert landed == [
        "bare/sub/y.txt", "bare/x.txt", "kept/pre/sub/y.txt", "kept/pre/x.txt", "pre2/sub/y.txt", "pre2/x.txt",
    ]  # fmt: skip


def test_a_snapshot_is_taken_once_and_known_again(stack: Stack, tmp_path: Path) -> None:
    """33: snapshots: unchanged content has its id again, what is ignored is left out, too large, and a second one."""
    text = f"""
from pathlib import Path
import zipfile
os.chdir({str(tmp_path)!r}); source = Path("src"); source.mkdir()
for name, words in {{"t.py": "x", "i.log": "x", ".amlignore": "*.log\\n", ".gitignore": "*.py\\n"}}.items():
    (source / name).write_text(words)
first = run.take_snapshot("src")
try:
    run.take_snapshot("src"); second = None
except SnapshotException as e:
    second = e.message.replace(first, "<id>")
later = experiment.start_logging(snapshot_directory="src", outputs=False)
(source / "t.py").write_text("y")
changed = experiment.start_logging(snapshot_directory="src", outputs=False)
(source / "huge.bin").touch(); os.truncate("src/huge.bin", 301 * 1024 * 1024)
try:
    experiment.start_logging(run_id=run.id + "-large", snapshot_directory="src", outputs=False); large = None
except SnapshotException as e:
    large = "300" in e.message
path = later.restore_snapshot(path="new/place")
found = [later.get_snapshot_id() == first == later.get_properties()["ContentSnapshotId"] == run.get_snapshot_id(),
         changed.get_snapshot_id() == first, second, large, Run.get(ws, run.id + "-large").get_status(),
         os.path.isabs(path), Path(path).name == first + ".zip", sorted(zipfile.ZipFile(path).namelist()),
         later.status]"""
    assert said(stack, text) == [
        True, False, "Cannot take snapshot as the run already has one: <id>", True, "Running", True, True,
        [".amlignore", ".gitignore", "t.py"], "Running",
    ]  # fmt: skip


def test_models_are_registered_from_what_a_run_stores(stack: Stack, tmp_path: Path) -> None:
    """34: register_model with `./`, of a folder, of a missing path, with a bad name; numbers are kept as their text."""
    text = f"""
os.chdir({str(tmp_path)!r})
run.upload_file("outputs/m.pkl", io.BytesIO(b"m")); run.upload_file("outputs/folder/a", io.BytesIO(b"a"))
run.upload_file("named", io.BytesIO(b"n"))
one = run.register_model("edge", "./outputs/m.pkl", tags={{"n": 1}}, properties={{"p": 2.5}})
two = run.register_model("edge", model_path="outputs/folder")
three = run.register_model("named")
refused = []
for call in (lambda: run.register_model("edge", "outputs/none"), lambda: run.register_model("-edge", "named"),
             lambda: run.register_model("edge", "outputs/fold")):
    try:
        call(); refused.append(None)
    except AzureMLException as e:
        refused.append((type(e).__name__, "outputs/m.pkl" in e.message))
found = [one.id, two.id, three.name, one.tags, one.properties, one.download("a"), two.download("b"), refused]"""
    assert said(stack, text) == [
        "edge:1", "edge:2", "named", {"n": "1"}, {"p": "2.5"}, "a/m.pkl", "b/folder",
        [("ModelPathNotFoundException", True), ("WebserviceException", False), None],
    ]  # fmt: skip
