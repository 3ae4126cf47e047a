"""In a notebook: azureml resolves to Runfold, RunDetails is a live table, and what was logged outlives the kernel."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from runfold.azureml import environment
from tests.stack import Stack
from tests.waiting import until


def executed(stack: Stack, folder: Path, *cells: str, **environ: str) -> list[list[dict[str, Any]]]:
    """Runs cells in a kernel of their own: the outputs of each."""
    import nbformat
    from nbclient import NotebookClient

    notebook = nbformat.v4.new_notebook(cells=[nbformat.v4.new_code_cell(cell) for cell in cells])
    client = NotebookClient(notebook, timeout=120, kernel_name="python3", resources={"metadata": {"path": str(folder)}})
    client.execute(env=stack.bare | environ)
    return [cell["outputs"] for cell in notebook["cells"]]


INSTALL = "import runfold.azureml; runfold.azureml.install()"
BEGIN = """
from azureml.core import Experiment, Workspace
from azureml.widgets import RunDetails
run = Experiment(Workspace.from_config(), "notebook").start_logging(snapshot_directory=None, outputs=False)
run.log("loss", 0.5)
run.tag("who", "<b>me</b>")
print(run.id)
"""
# What the widget shows now, looked at as the browser would.
SEEN = """
import threading
from ipywidgets.widgets.widget import _instances
def seen():
    return "".join(each.value for each in _instances.values() if type(each).__name__ == "HTML")
"""


def test_run_details_is_a_table_that_follows_the_run(stack: Stack, tmp_path: Path) -> None:
    outputs = executed(
        stack,
        tmp_path,
        INSTALL,
        BEGIN,
        "RunDetails(run).show()",
        SEEN + "print('Running' in seen(), '&lt;b&gt;me' in seen(), '<b>me' not in seen())",
        "run.log('loss', 0.25); run.complete()",
        "pause = threading.Event()\nfor _ in range(300):\n    if 'Completed' in seen(): break\n    pause.wait(0.1)\n"
        "print('Completed' in seen(), '0.25 (2 values)' in seen())",
    )
    assert "application/vnd.jupyter.widget-view+json" in outputs[2][0]["data"]
    assert outputs[3][0]["text"].split() == ["True", "True", "True"]
    assert outputs[5][0]["text"].split() == ["True", "True"]
    assert stack.get(f"runs/{outputs[1][0]['text'].strip()}")["status"] == "Completed"


def test_a_kernel_that_is_shut_down_loses_nothing(stack: Stack, tmp_path: Path) -> None:
    (run_id,) = (
        executed(stack, tmp_path, BEGIN + "for n in range(1000): run.log('n', n)", **environment({}))[0][0]["text"]
        .strip()
        .splitlines()
    )

    def count() -> bool:
        found = stack.get(f"runs/{run_id}/completeness")
        return bool(found["writers"]) and not any(lane["missing"] for lane in found["writers"][0]["lanes"])

    until(count, 60, "the kernel's journal to be sent")
    said = stack.script(
        "import sys; from runfold import Run, Workspace; run = Run.get(Workspace.from_config(), sys.argv[1]);"
        "print(run.get_metrics('n')['n'] == list(range(1000)))",
        run_id,
    )
    assert said.stdout.strip() == "True"
