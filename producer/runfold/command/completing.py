"""Shell completion from the ledger: run ids, experiments, metrics, refs. What does not come in time is left out."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from runfold.reading.client import ApiClient

TIMEOUT_S = 1.0
SHOWN_MAX = 50


def runs(ctx: Any, incomplete: str) -> list[tuple[str, str]]:
    """The newest runs whose id begins so."""

    def ask(api: ApiClient) -> Iterator[tuple[str, str]]:
        q = f"run_id ~ {quoted(incomplete + '*')}" if incomplete else ""
        for run in api.search(q, include_children=True, limit=SHOWN_MAX, timeout_s=TIMEOUT_S)["runs"]:
            yield run["run_id"], f"{run['status']} {run['name'] or ''}".strip()

    return _asked(ctx, incomplete, ask)


def experiments(ctx: Any, incomplete: str) -> list[tuple[str, str]]:
    """Experiments."""

    def ask(api: ApiClient) -> Iterator[tuple[str, str]]:
        for each in api.experiments(timeout_s=TIMEOUT_S):
            yield each["name"], f"{each['run_count']} runs"

    return _asked(ctx, incomplete, ask)


def metrics(ctx: Any, incomplete: str) -> list[tuple[str, str]]:
    """Metrics of the run that the line names, the first of several."""
    word = ctx.params.get("run") or next(iter(ctx.params.get("runs") or ()), None)

    def ask(api: ApiClient) -> Iterator[tuple[str, str]]:
        from .finding import run_id_of

        if word is None:
            return
        run_id = run_id_of(api, word)
        for each in api.metric_summaries(run_id, prefix=incomplete, limit=SHOWN_MAX, timeout_s=TIMEOUT_S)["metrics"]:
            yield each["name"], f"{each['points']} points"

    return _asked(ctx, incomplete, ask)


def refs(ctx: Any, incomplete: str) -> list[tuple[str, str]]:
    """Refs of a list with commas between them, the last of which is being written; `-` may stand before one."""
    before, comma, last = incomplete.rpartition(",")
    turned = "-" if last.startswith("-") else ""

    def ask(api: ApiClient) -> Iterator[tuple[str, str]]:
        for each in api.columns(last.removeprefix("-"), limit=SHOWN_MAX, timeout_s=TIMEOUT_S):
            yield f"{before}{comma}{turned}{each['ref']}", each["kind"]

    return _asked(ctx, incomplete, ask)


def filters(ctx: Any, incomplete: str) -> list[tuple[str, str]]:
    """The last word of a filter as a ref."""
    before, space, last = incomplete.rpartition(" ")

    def ask(api: ApiClient) -> Iterator[tuple[str, str]]:
        for each in api.columns(last.lstrip("("), limit=SHOWN_MAX, timeout_s=TIMEOUT_S):
            yield f"{before}{space}{each['ref']}", each["kind"]

    return _asked(ctx, incomplete, ask)


def quoted(text: str) -> str:
    """A text as the filter language quotes it."""
    return '"' + text.replace("\\", "\\\\").replace('"', '\\"') + '"'


def _asked(ctx: Any, incomplete: str, ask: Callable[[Any], Iterator[tuple[str, str]]]) -> list[tuple[str, str]]:
    """What begins so; nothing when the API does not answer in time, since a shell waits for it."""
    from .border import client

    try:
        found = list(ask(client(ctx.params.get("workspace"))))
    except Exception:  # noqa: BLE001 whatever it is, a line that is being typed is no place to tell it
        return []
    return [each for each in found if each[0].startswith(incomplete)]
