"""`runfold exec` is python itself, in an environment where azureml is Runfold: for the script and for its children."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from tests.waiting import until

IMPORT = "from azureml.core import Run\n"


def executed(folder: Path, *words: str, **environ: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "runfold_deploy.command", "exec", *words],
        cwd=folder,
        env=_environment(folder) | environ,
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )


def _environment(folder: Path) -> dict[str, str]:
    clean = {n: v for n, v in os.environ.items() if not n.startswith(("RUNFOLD_", "AZUREML_", "PYTHONPATH"))}
    return clean | {"RUNFOLD_HOME": str(folder / "home")}


def script(folder: Path, text: str) -> str:
    (folder / "scripts").mkdir()
    (folder / "scripts" / "train.py").write_text(text)
    return "scripts/train.py"


def test_a_script_is_main_with_its_arguments_and_its_directory(tmp_path: Path) -> None:
    (tmp_path / "scripts").mkdir()
    (tmp_path / "scripts" / "neighbour.py").write_text("NAME = 'neighbour'")
    (tmp_path / "scripts" / "train.py").write_text(
        IMPORT
        + "import os, sys, neighbour\nprint(__name__, sys.argv, neighbour.NAME, Run.__module__, "
        + "os.path.isabs(__file__), sys.path[0] == os.path.join(os.getcwd(), 'scripts'))"
    )
    said = executed(tmp_path, "scripts/train.py", "--help", "--lr", "0.1", "-x", "--", "y")
    assert said.stdout == (
        "__main__ ['scripts/train.py', '--help', '--lr', '0.1', '-x', '--', 'y'] neighbour runfold.run.run True True\n"
    ), said.stderr


def test_a_module_is_run_as_python_runs_it(tmp_path: Path) -> None:
    (tmp_path / "package").mkdir()
    (tmp_path / "package" / "__init__.py").write_text("")
    (tmp_path / "package" / "train.py").write_text(IMPORT + "import sys; print(__name__, __package__, sys.argv[1:])")
    assert executed(tmp_path, "-m", "package.train", "--help").stdout == "__main__ package ['--help']\n"


@pytest.mark.parametrize(
    ("ends", "code"), [("sys.exit(7)", 7), ("sys.exit()", 0), ("sys.exit('no')", 1), ("os._exit(3)", 3), ("pass", 0)]
)
def test_exit_codes_are_the_scripts(tmp_path: Path, ends: str, code: int) -> None:
    assert executed(tmp_path, script(tmp_path, f"import os, sys\n{ends}")).returncode == code


def test_tracebacks_have_no_frames_of_ours(tmp_path: Path) -> None:
    said = executed(tmp_path, script(tmp_path, IMPORT + "def train():\n    raise ValueError('x')\ntrain()"))
    assert said.returncode == 1
    assert said.stderr.count('File "') == 2
    assert "runfold" not in said.stderr


def test_a_script_that_is_not_there_is_told_as_python_tells_it(tmp_path: Path) -> None:
    said = executed(tmp_path, "nowhere.py")
    assert said.returncode == 2
    assert "can't open file" in said.stderr


def test_a_signal_reaches_the_script_itself(tmp_path: Path) -> None:
    name = script(
        tmp_path,
        "import os, signal, sys, threading\nsignal.signal(signal.SIGTERM, lambda *_: sys.exit(5))\n"
        "print(os.getpid(), flush=True)\nthreading.Event().wait(60)",
    )
    running = subprocess.Popen(
        [sys.executable, "-m", "runfold_deploy.command", "exec", name],
        cwd=tmp_path,
        env=_environment(tmp_path),
        stdout=subprocess.PIPE,
        text=True,
    )
    assert running.stdout is not None
    assert int(running.stdout.readline()) == running.pid  # the process that was started is the script
    running.send_signal(signal.SIGTERM)
    assert until(lambda: running.poll() is not None and [running.returncode], 20, "the script to end") == [5]
    running.stdout.close()


CHILDREN = """
import multiprocessing, subprocess, sys
from azureml.core import Run

def child(queue):
    from azureml.core.run import Run
    queue.put(Run.__module__)

if __name__ == "__main__":
    for method in ("spawn", "fork", "forkserver"):
        context = multiprocessing.get_context(method)
        queue = context.Queue()
        process = context.Process(target=child, args=(queue,))
        process.start()
        print(method, queue.get(timeout=30))
        process.join()
    print(subprocess.run([sys.executable, "-c", "from azureml.core import Run; print(Run.__module__)"],
          capture_output=True, text=True).stdout.strip())
"""


def test_processes_that_the_script_starts_resolve_it_too(tmp_path: Path) -> None:
    said = executed(tmp_path, script(tmp_path, CHILDREN))
    expected = ["spawn runfold.run.run", "fork runfold.run.run", "forkserver runfold.run.run", "runfold.run.run"]
    assert said.stdout.splitlines() == expected, said.stderr


def test_a_sitecustomize_that_was_there_is_loaded_as_before(tmp_path: Path) -> None:
    (tmp_path / "site").mkdir()
    (tmp_path / "site" / "sitecustomize.py").write_text("import builtins; builtins.customized = __file__")
    said = executed(
        tmp_path,
        script(tmp_path, IMPORT + "import sitecustomize; print(customized == sitecustomize.__file__, Run.__module__)"),
        PYTHONPATH=str(tmp_path / "site"),
    )
    assert said.stdout == "True runfold.run.run\n", said.stderr


def test_an_installed_original_is_shadowed(tmp_path: Path) -> None:
    (tmp_path / "site" / "azureml" / "core").mkdir(parents=True)
    (tmp_path / "site" / "azureml" / "core" / "__init__.py").write_text("VERSION = 'the original'")
    name = script(tmp_path, "import azureml.core; print(azureml.core.VERSION)")
    assert executed(tmp_path, name, PYTHONPATH=str(tmp_path / "site")).stdout == "1.61.0\n"


def test_an_interpreter_without_runfold_runs_as_before(tmp_path: Path) -> None:
    # -S: no site-packages, so no Runfold; the hook is loaded by hand, as Python's site would.
    code = (
        "import sitecustomize\ntry:\n    import azureml\nexcept ImportError as e:\n    print(type(e).__name__, e)"
        "\nimport json; print('runs')"
    )
    from runfold.azureml import environment

    done = subprocess.run(
        [sys.executable, "-S", "-c", code],
        env=_environment(tmp_path) | environment({}),
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.stdout == "ModuleNotFoundError No module named 'azureml'\nruns\n", done.stderr


def test_an_exec_within_an_exec_changes_nothing() -> None:
    from runfold.azureml import environment

    assert environment(environment({"PYTHONPATH": "/p"})) == environment({"PYTHONPATH": "/p"})


def test_the_hook_costs_an_interpreter_next_to_nothing(tmp_path: Path) -> None:
    said = executed(tmp_path, "-c", "import sys; print([n for n in sys.modules if 'runfold' in n or n == 'typer'])")
    assert said.stdout == "[]\n"


def test_without_a_script_the_usage_is_shown(tmp_path: Path) -> None:
    said = executed(tmp_path)
    assert "runfold exec" in said.stdout + said.stderr
    assert said.returncode == 2
