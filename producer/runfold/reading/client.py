"""The query API's routes as typed calls: those of the workspace, runs and metrics here, the others in the modules by
topic.

Each call that reads takes `not_before`, a watermark's text: it then answers from at or after that, or raises
NotYetVisibleError. `timeout_s` bounds both that wait and the tries while a service is away. Errors are those of
`transport`.
"""

from __future__ import annotations

import json
import time
from typing import cast

from runfold_schemas.events import MetricLogged
from runfold_schemas.watermark import Watermark

from . import metrics
from .access_tokens import AccessTokens
from .asking import TIMEOUT_S, TRANSFER_TIMEOUT_S, run_path
from .assets import Assets
from .changes import Changes
from .container import Container
from .datastores import Datastores
from .exporting import Exporting
from .health import Health
from .history import History
from .logs import LogPiece, Logs
from .metrics import Chart, RunMetadata, Value, Writer
from .records import LagRecord, RunRecord, RunsPage
from .search import Search
from .series import AllSeries
from .sql import Sql
from .stating import Stating
from .transport import Answer
from .uploads import Files

__all__ = ["TIMEOUT_S", "TRANSFER_TIMEOUT_S", "ApiClient", "LogPiece"]

_LANES_MAX = 3_000  # asked for at once: with ids of 256 characters of 4 bytes that is below a watermark's limit


class ApiClient(
    Logs,
    Assets,
    History,
    Files,
    Datastores,
    Search,
    AllSeries,
    Changes,
    Exporting,
    Health,
    Sql,
    AccessTokens,
    Stating,
):
    """One workspace of one API. Nothing is asked at construction. Thread-safe; a child of fork makes its own.

    :param settings: api, access_token and workspace are used.
    :raises ServiceAwayError: RUNFOLD_API is not set.
    :raises UserErrorException: It is no address, or RUNFOLD_WORKSPACE is not set.
    """

    # The workspace

    def watermark(self, *, not_before: str | None = None, timeout_s: float = TIMEOUT_S) -> str:
        """What is folded now."""
        return str(self._get("", {}, not_before, timeout_s)["watermark"])

    def wait_for(self, watermark: Watermark, timeout_s: float) -> bool:
        """As `wait`, of any number of lanes: a watermark's text is bounded, so they are asked for by pieces."""
        deadline = time.monotonic() + timeout_s
        lanes = sorted(watermark.ordinals.items())
        pieces = [dict(lanes[first : first + _LANES_MAX]) for first in range(0, len(lanes), _LANES_MAX)] or [{}]
        return all(
            self.wait(str(Watermark(watermark.offsets, piece)), max(0.0, deadline - time.monotonic()))
            for piece in pieces
        )

    def lag(self, *, timeout_s: float = TIMEOUT_S) -> list[LagRecord]:
        """How far the projectors are behind."""
        told: list[LagRecord] = self._get("/lag", {}, None, timeout_s)["lag"]
        for each in told:
            if each["lag_s"] is None:
                each["lag_s"] = float("inf")
        return told

    # Runs

    def run(
        self,
        run_id: str,
        *,
        as_of: str | None = None,
        not_before: str | None = None,
        timeout_s: float = TIMEOUT_S,
    ) -> RunRecord:
        """One run.

        :param as_of: A watermark or a broker time, ISO 8601: as it was folded up to there.
        :raises RunNotFoundError: There is no such run.
        """
        return cast(RunRecord, self._get(run_path(run_id), {"as_of": as_of}, not_before, timeout_s))

    def runs(
        self,
        *,
        experiment: str | None = None,
        type: str | None = None,
        status: str | None = None,
        target: str | None = None,
        parent: str | None = None,
        recursive: bool = False,
        include_children: bool = False,
        tags: str | None = None,
        properties: str | None = None,
        cursor: str | None = None,
        limit: int = 100,
        not_before: str | None = None,
        timeout_s: float = TIMEOUT_S,
    ) -> RunsPage:
        """A page of the runs that match all filters, newest first.

        :param type: The run type; where an experiment and no parent is named, the property azureml.runsource too.
        :param target: Name of the compute target; with `include_children` of all runs of the workspace.
        :param tags: JSON, `"key"`, `{"key": value}` (null asks for a key without a value) or a list of these: all must
            match. So are `properties`.
        """
        query = {
            "experiment": experiment,
            "type": type,
            "status": status,
            "target": target,
            "parent": parent,
            "recursive": recursive,
            "include_children": include_children,
            "tags": tags,
            "properties": properties,
            "cursor": cursor,
            "limit": limit,
        }
        return cast(RunsPage, self._get("/runs", query, not_before, timeout_s))

    # Metrics

    def metrics(
        self,
        run_id: str,
        *,
        name: str | None = None,
        recursive: bool = False,
        run_type: str | None = None,
        rank: int | None = None,
        attempt: int | None = None,
        not_before: str | None = None,
        timeout_s: float = TRANSFER_TIMEOUT_S,
    ) -> dict[str, dict[str, Value]]:
        """`{run_id: {name: value}}` in the shapes of `get_metrics`; runs without metrics are left out."""
        events, runs = self.metric_events(
            run_id, recursive=recursive, run_type=run_type, not_before=not_before, timeout_s=timeout_s
        )
        return metrics.by_run(events, runs, name=name, rank=rank, attempt=attempt)

    def metric_events(
        self,
        run_id: str,
        *,
        recursive: bool = False,
        run_type: str | None = None,
        not_before: str | None = None,
        timeout_s: float = TRANSFER_TIMEOUT_S,
    ) -> tuple[list[MetricLogged], dict[str, RunMetadata]]:
        """All points of a run as they were logged, with its writers and charts."""

        def opened(answer: Answer) -> tuple[list[MetricLogged], dict[str, RunMetadata]]:
            container = Container(answer.read)
            return list(container.events()), _metadata(container.metadata["runfold.runs"])

        query = {"recursive": recursive, "run_type": run_type}
        return self._ask(f"{run_path(run_id)}/metrics", query, not_before, timeout_s, opened)


def _metadata(text: bytes) -> dict[str, RunMetadata]:
    """`runfold.runs` of the container file."""
    runs = {}
    for run_id, told in json.loads(text).items():
        writers = {w["writer_id"]: Writer(w["rank"], w["attempt"] or 0) for w in told["writers"]}
        charts = [Chart(**{field: chart[field] for field in Chart._fields}) for chart in told["charts"]]
        runs[run_id] = RunMetadata(writers, charts)
    return runs
