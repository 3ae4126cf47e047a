"""Files as scripts see them, on a whole stack; and with every service away."""

from __future__ import annotations

import hashlib
import textwrap
from pathlib import Path

from runfold_schemas.events import ArtifactLogged
from tests.producer.facade.scripts import began, facts
from tests.stack import Stack

BEGIN = """
import io, os, pathlib, sys, time
os.chdir(sys.argv[1])
from runfold import Experiment, Run, Workspace
from runfold.exceptions import *
workspace = Workspace.from_config()
experiment = Experiment(workspace, "files")
def refused(kind, words, call):
    try:
        call()
    except kind as error:
        assert words in str(getattr(error, "message", error)), error
    else:
        raise AssertionError(words)
"""


def script(stack: Stack, tmp_path: Path, text: str) -> list[str]:
    return stack.script(BEGIN + textwrap.dedent(text), str(tmp_path)).stdout.splitlines()


def test_upload_and_download_calls_do_what_the_original_s_do(stack: Stack, tmp_path: Path) -> None:
    script(
        stack,
        tmp_path,
        """
        run = experiment.start_logging(snapshot_directory=None)
        assert os.path.isdir("outputs")
        pathlib.Path("a.txt").write_text("hello")
        told = run.upload_file("./outputs/x.txt", "a.txt")
        assert list(told.artifacts) == list(told.artifact_content_information) == ["outputs/x.txt"]
        assert told.artifacts["outputs/x.txt"].artifact_id == f"ExperimentRun/dcid.{run.id}/outputs/x.txt"
        run.upload_file(name="p.txt", path_or_stream=pathlib.Path("a.txt"), datastore_name="elsewhere")
        run.upload_file("s.txt", io.BytesIO(b"stream"))
        for again in ("a.txt", io.BytesIO(b"other")):
            refused(ArtifactExistsError, "Resource Conflict: ArtifactId s.txt already exists",
                    lambda: run.upload_file("s.txt", again))
        refused(FileNotFoundError, "gone", lambda: run.upload_file("g", "gone"))
        refused(UserErrorException, "UnsupportedType", lambda: run.upload_file("g", 5))
        refused(UserErrorException, "directory", lambda: run.upload_folder("g", "a.txt"))
        refused(TypeError, "go together", lambda: run.upload_files(["a"], []))

        os.makedirs("tree/sub/empty")
        for name in ("tree/1.txt", "tree/sub/2.txt"):
            pathlib.Path(name).write_text(name)
        assert type(run.upload_folder("pre", "tree/")) is map
        run.upload_folder("post/", pathlib.Path("tree"))
        artifacts, contents = run.upload_files(("m/1", "m/2"), ["a.txt", pathlib.Path("a.txt")], return_artifacts=True)
        assert list(artifacts) == ["m/1", "m/2"] and len(list(contents)) == 2
        refused(ArtifactExistsError, "m/2", lambda: run.upload_files(["m/2", "m/3"], ["a.txt", "a.txt"]))
        assert sorted(run.get_file_names()) == sorted([
            "outputs/x.txt", "p.txt", "s.txt", "pre/1.txt", "pre/sub/2.txt", "post/1.txt", "post/sub/2.txt",
            "m/1", "m/2", "m/3",
        ])

        run.download_file("outputs/x.txt")
        assert pathlib.Path("x.txt").read_text() == "hello"
        run.download_file("s.txt", "x.txt")
        assert pathlib.Path("x.txt").read_text() == "stream"
        os.mkdir("there")
        run.download_file("./outputs/x.txt", "there")
        run.download_file("s.txt", "new/folder/")
        run.download_file("s.txt", pathlib.Path("new/other/name"))
        assert os.path.exists("there/x.txt") and os.path.exists("new/folder/s.txt") and os.path.exists("new/other/name")
        available = "File with path no was not found,\\navailable files include: m/1,m/2,m/3,outputs/x.txt"
        refused(UserErrorException, available, lambda: run.download_file("no"))
        refused(UserErrorException, "Prefix with path pr was not found,", lambda: run.download_files("pr"))

        run.download_files("pre", "down", append_prefix=False, batch_size=1)
        run.download_files("pre/", "with")
        run.download_files(prefix="m", output_paths=["o/1", "o/2", "o/3"], timeout_seconds=60)
        run.download_files(output_directory="all")
        assert pathlib.Path("down/sub/2.txt").read_text() == "tree/sub/2.txt"
        for name in ("with/pre/1.txt", "o/3", "all/outputs/x.txt", "all/post/sub/2.txt"):
            assert os.path.isfile(name), name
        assert not [name for name in os.listdir("all") if name.endswith(".part")]
        run.complete()
        """,
    )


def test_who_was_interrupted_uploads_the_same_folder_again(stack: Stack, tmp_path: Path) -> None:
    folder = tmp_path / "many"
    folder.mkdir()
    for number in range(900):
        (folder / f"{number}.txt").write_text(str(number))
    run_id, *_ = script(
        stack,
        tmp_path,
        """
        run = experiment.start_logging(snapshot_directory=None, outputs=False)
        run.flush()
        print(run.id, flush=True)
        from runfold.run import files
        state, stated = files.state, []
        def die(*args):
            if len(stated) == 450:
                run.flush()
                os._exit(0)
            stated.append(args)
            return state(*args)
        files.state = die
        run.upload_folder("many", "many")
        """,
    )
    assert script(
        stack,
        tmp_path,
        f"""
        run = Run.get(workspace, "{run_id}")
        print(len(run.get_file_names()))
        run.upload_folder("many", "many")
        print(len(run.get_file_names()))
        refused(ArtifactExistsError, "Resource Conflict", lambda: run.upload_folder("many", "many"))
        pathlib.Path("many/7.txt").write_text("other")
        """,
    ) == ["450", "900"]
    script(
        stack,
        tmp_path,
        f"""
        run = Run.get(workspace, "{run_id}")
        refused(ArtifactExistsError, "many/7.txt", lambda: run.upload_folder("many", "many"))
        """,
    )


def test_outputs_and_logs_belong_to_their_run_when_it_ends(stack: Stack, tmp_path: Path) -> None:
    script(
        stack,
        tmp_path,
        """
        pathlib.Path("outputs").mkdir()
        pathlib.Path("outputs/left_over.pkl").write_text("of an earlier run")
        run = experiment.start_logging(snapshot_directory=None)
        pathlib.Path("outputs/m.pkl").write_text("model")
        pathlib.Path("outputs/x_azureml.log").write_text("left out")
        run.upload_file("outputs/by_hand.txt", io.BytesIO(b"hand"))
        pathlib.Path("outputs/by_hand.txt").write_text("hand")
        child = run.child_run("kid", outputs="kid_out")
        pathlib.Path("kid_out/k.txt").write_text("kid")
        child.complete()
        run.complete()
        run.complete()
        run.flush()
        assert sorted(run.get_file_names()) == ["outputs/by_hand.txt", "outputs/left_over.pkl", "outputs/m.pkl"]
        assert child.get_file_names() == ["kid_out/k.txt"]
        assert not [each for each in run.decisions() if each["verdict"] == "refused"], run.decisions()

        with experiment.start_logging(snapshot_directory=None, outputs=False) as block:
            print("printed in the block")
            pathlib.Path("logs/train.log").write_text("epoch 1")
            deadline = time.monotonic() + 20
            while "logs/train.log" not in block.get_file_names():
                assert time.monotonic() < deadline
            block.download_file("logs/train.log", "so_far.log")
            assert pathlib.Path("so_far.log").read_text() == "epoch 1"
        block.flush()
        assert sorted(block.get_file_names()) == ["logs/train.log", "logs/user_log.txt"]
        block.download_files("logs", "fetched")
        assert pathlib.Path("fetched/logs/user_log.txt").read_text() == "printed in the block\\n"
        """,
    )


AWAY = """
    import os, pathlib
    os.makedirs("many")
    for number in range(50):
        pathlib.Path(f"many/{number:02}").write_text(str(number))
    pathlib.Path("outputs/m.pkl").write_text("model")
    pathlib.Path("outputs/big.bin").write_bytes(b"x" * 300_000)
    run.upload_folder("many", "many")
    run.complete()
    print(run.status)
"""


def test_while_all_services_are_away_files_wait_in_the_journal(tmp_path: Path) -> None:
    done = began(AWAY, tmp_path)
    assert (done.returncode, done.stdout) == (0, "Completed\n"), done.stderr
    assert done.seconds < 20
    logged = {fact.name: fact for fact in facts(tmp_path) if isinstance(fact, ArtifactLogged)}
    assert sorted(logged) == [*(f"many/{number:02}" for number in range(50)), "outputs/big.bin", "outputs/m.pkl"]
    assert logged["many/07"].body == b"7"
    assert logged["outputs/big.bin"].body is None
    digest = hashlib.sha256(b"x" * 300_000).hexdigest()
    assert [path.name for path in tmp_path.glob("journals/*/spool/*") if path.suffix != ".json"] == [digest]
    assert len(done.told) <= 4, done.told


def test_outputs_that_cannot_be_read_are_told_and_the_run_ends_as_ever(tmp_path: Path) -> None:
    done = began(
        """
        import os, pathlib
        pathlib.Path("outputs/a").write_text("a")
        pathlib.Path("outputs/" + "n" * 200).mkdir()
        os.mkfifo("outputs/pipe")
        pathlib.Path("outputs/back\\\\slash").write_text("b")
        run.complete()
        print(run.status)
        """,
        tmp_path,
    )
    assert (done.returncode, done.stdout) == (0, "Completed\n"), done.stderr
    assert [fact.name for fact in facts(tmp_path) if isinstance(fact, ArtifactLogged)] == ["outputs/a"]
    assert [line for line in done.told if "back" in line], done.told


def test_a_directory_for_outputs_that_cannot_be_made_is_refused_at_once(tmp_path: Path) -> None:
    done = began(
        """
        open("taken", "w").close()
        try:
            run.child_run(outputs="taken")
        except UserErrorException as error:
            print(error.message.split(":")[0])
        """,
        tmp_path,
    )
    assert done.stdout == "The directory taken for outputs cannot be made\n", done.stderr
    assert (tmp_path / "taken").is_file()
