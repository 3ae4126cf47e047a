"""azureml.widgets.RunDetails: what a run is like, live in a notebook, as text elsewhere.

In a notebook the table is drawn again until the run has ended, by a thread that ends with the process; elsewhere it is
printed once. What is drawn comes from the query API; while that is away, the last table stays.
"""

from __future__ import annotations

import html
import sys
import threading
from collections.abc import Callable
from importlib import import_module
from typing import TYPE_CHECKING, Any

from runfold import notices
from runfold.exceptions import AzureMLException, ServiceException
from runfold_schemas import statuses

if TYPE_CHECKING:
    from runfold.run import Run

LOOK_EVERY_S = 2.0
LOOK_EVERY_S_MAX = 15.0
METRICS_MAX = 50
CHILDREN_MAX = 50
VALUE_CHARACTERS_MAX = 60
_PAUSE = threading.Event()  # never set: its wait is the pause between two looks


class RunDetails:
    """A table of a run.

    :param run_instance: The run.
    """

    def __init__(self, run_instance: Run) -> None:
        if not hasattr(run_instance, "get_metrics"):
            raise TypeError(f"RunDetails shows a Run; an object of type {type(run_instance).__name__} was given.")
        self._run = run_instance

    def show(self, render_lib: object = None, widget_settings: object = None) -> None:
        """Shows it: in a notebook live, until the run has ended; elsewhere as text on standard output, once.

        Returns at once. `render_lib` and `widget_settings` are accepted.
        """
        shown = self.get_widget_data()
        draw = _notebook()
        if draw is None:
            print(text(shown))  # noqa: T201 - this is what it is for
            return
        draw(markup(shown))
        if not _has_ended(shown):
            threading.Thread(target=self._follow, args=(draw,), name="runfold-widget", daemon=True).start()

    def get_widget_data(self, widget_settings: object = None) -> dict[str, Any]:
        """What is shown: `run`, `metrics` (the last value of each) and `children`, all as text."""
        run = self._run
        status = run.get_status()
        about = {
            "run id": run.id,
            "name": run.display_name or "",
            "experiment": run.experiment.name,
            "status": status,
            **{f"tag {key}": value or "" for key, value in run.get_tags().items()},
        }
        metrics = {name: _shown(value) for name, value in list(run.get_metrics().items())[:METRICS_MAX]}
        children: list[tuple[str, str, str]] = []
        for child in run.get_children():
            if len(children) == CHILDREN_MAX:
                break
            children.append((child.id, child.display_name or "", child.status))
        return {"run": about, "metrics": metrics, "children": children, "status": status}

    def _follow(self, draw: Callable[[str], None]) -> None:
        pause_s = LOOK_EVERY_S
        while True:
            _PAUSE.wait(pause_s)
            pause_s = min(pause_s * 1.2, LOOK_EVERY_S_MAX)
            try:
                shown = self.get_widget_data()
            except (AzureMLException, ServiceException) as away:
                notices.note(f"RunDetails keeps what it shows: {away}")
                continue
            draw(markup(shown))
            if _has_ended(shown):
                return


def text(shown: dict[str, Any]) -> str:
    """What `get_widget_data` returns, as lines."""
    lines = [*_aligned("Run", shown["run"]), *_aligned("Metrics", shown["metrics"])]
    if shown["children"]:
        lines += _aligned("Children", {id_: f"{status}  {name}" for id_, name, status in shown["children"]})
    return "\n".join(lines)


def markup(shown: dict[str, Any]) -> str:
    """What `get_widget_data` returns, as HTML; nothing of it is trusted."""
    parts = [_table("Run", list(shown["run"].items())), _table("Metrics", list(shown["metrics"].items()))]
    parts.append(_table("Children", shown["children"]))
    return "".join(parts)


def _aligned(title: str, values: dict[str, Any]) -> list[str]:
    if not values:
        return []
    width = max(len(name) for name in values)
    return [title, *(f"  {name:<{width}}  {value}" for name, value in values.items())]


def _table(title: str, rows: list[Any]) -> str:
    if not rows:
        return ""
    cells = "".join(
        "<tr>" + "".join(f"<td style='text-align:left'>{html.escape(str(cell))}</td>" for cell in row) + "</tr>"
        for row in rows
    )
    return f"<table><caption>{title}</caption>{cells}</table>"


def _shown(value: Any) -> str:
    """The last value of a metric, and how many there are."""
    if isinstance(value, dict):
        return ", ".join(f"{name}: {_shown(each)}" for name, each in value.items())[: 2 * VALUE_CHARACTERS_MAX]
    if isinstance(value, list):
        return f"{str(value[-1])[:VALUE_CHARACTERS_MAX]} ({len(value)} values)" if value else ""
    return str(value)[:VALUE_CHARACTERS_MAX]


def _has_ended(shown: dict[str, Any]) -> bool:
    return shown["status"] in statuses.TERMINAL


def _notebook() -> Callable[[str], None] | None:
    """Draws HTML in a cell of the notebook around this process, again and again at one place; None elsewhere."""
    ipython = sys.modules.get("IPython")
    shell = ipython.get_ipython() if ipython is not None else None
    if shell is None or not hasattr(shell, "kernel"):
        return None
    shown: Any = import_module("IPython.display")
    try:
        widgets: Any = import_module("ipywidgets")
    except ImportError:
        handle = shown.display(shown.HTML(""), display_id=True)
        return lambda drawn: handle.update(shown.HTML(drawn))
    widget = widgets.HTML()
    shown.display(widget)

    def draw(drawn: str) -> None:
        widget.value = drawn

    return draw
