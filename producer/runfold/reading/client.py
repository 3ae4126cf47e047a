"""The query API's routes as typed calls.

Each call that reads takes `not_before`, a watermark's text: it then answers from at or after that, or raises
NotYetVisibleError. `timeout_s` bounds both that wait and the tries while a service is away. Errors are those of
`transport`.
"""

from __future__ import annotations

import hashlib
import json
import os
import time
import uuid
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, BinaryIO, TypeVar, cast
from urllib.parse import quote

from runfold.exceptions import (
    ArtifactMismatchError,
    ArtifactNotFoundError,
    NotYetVisibleError,
    RunNotFoundError,
    ServiceAwayError,
    ServiceException,
    UserErrorException,
)
from runfold_schemas import limits
from runfold_schemas.events import MetricLogged
from runfold_schemas.settings import Settings
from runfold_schemas.watermark import Lane, Watermark

from . import metrics
from .container import Container
from .metrics import Chart, RunMetadata, Value, Writer
from .records import (
    ArtifactRecord,
    Content,
    DecisionRecord,
    ExperimentRecord,
    Happening,
    LagRecord,
    RunRecord,
    RunsPage,
    Upload,
)
from .transport import Answer, ObjectStore, Service, Transport

T = TypeVar("T")
TIMEOUT_S = 10.0
TRANSFER_TIMEOUT_S = 60.0  # until a transfer must have been begun for the last time
_IN_URL_MAX = 8_000  # characters of a watermark in a query; a larger one is waited for by POST before
_LANES_MAX = 3_000  # asked for at once: with ids of 256 characters of 4 bytes that is below a watermark's limit
_CHUNK_BYTES = 1 << 20
_PAGE_ROWS = 1000


class ApiClient:
    """One workspace of one API. Nothing is asked at construction. Thread-safe; a child of fork makes its own.

    :param settings: api, access_token and workspace are used.
    :raises ServiceAwayError: RUNFOLD_API is not set.
    :raises UserErrorException: It is no address, or RUNFOLD_WORKSPACE is not set.
    """

    def __init__(self, settings: Settings) -> None:
        if settings.api is None:
            raise ServiceAwayError("API", "RUNFOLD_API", None, "the setting is not set")
        if settings.workspace is None:
            raise UserErrorException("RUNFOLD_WORKSPACE is not set: reads need the name of a workspace.")
        access_token = settings.access_token.get_secret_value() if settings.access_token is not None else None
        self.workspace = settings.workspace
        self._transport = Transport(Service("API", "RUNFOLD_API", settings.api), access_token)
        self._objects = ObjectStore()

    # The workspace

    def watermark(self, *, not_before: str | None = None, timeout_s: float = TIMEOUT_S) -> str:
        """What is folded now."""
        return str(self._get("", {}, not_before, timeout_s)["watermark"])

    def wait(self, watermark: str, timeout_s: float) -> bool:
        """Whether all of the watermark is folded within `timeout_s` seconds."""
        try:
            self._transport.ask(
                self._path("/wait"),
                body={"not_before": watermark},
                deadline=time.monotonic() + timeout_s,
                wait=lambda left: {"wait_s": min(left, limits.WAIT_SECONDS_MAX)},
                use=lambda answer: None,
            )
        except NotYetVisibleError:
            return False
        return True

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

    def experiments(self, *, not_before: str | None = None, timeout_s: float = TIMEOUT_S) -> list[ExperimentRecord]:
        """All experiments by name."""
        return cast("list[ExperimentRecord]", self._get("/experiments", {}, not_before, timeout_s)["experiments"])

    # Runs

    def run(self, run_id: str, *, not_before: str | None = None, timeout_s: float = TIMEOUT_S) -> RunRecord:
        """One run.

        :raises RunNotFoundError: There is no such run.
        """
        return cast(RunRecord, self._get(_run(run_id), {}, not_before, timeout_s))

    def runs(
        self,
        *,
        experiment: str | None = None,
        type: str | None = None,
        status: str | None = None,
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

        :param tags: JSON, `"key"` or `{"key": value}`; null asks for a key without a value. So are `properties`.
        """
        query = {
            "experiment": experiment,
            "type": type,
            "status": status,
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
        return self._ask(f"{_run(run_id)}/metrics", query, not_before, timeout_s, opened)

    # History

    def decision(self, run_id: str, writer_id: str, ordinal: int, *, wait_s: float) -> DecisionRecord | None:
        """The decision about one fact of a run; None when it is not folded within `wait_s` seconds."""
        lane = Watermark(ordinals={Lane("facts", "run", run_id, writer_id): ordinal})
        query = {"writer_id": writer_id, "ordinal": ordinal}
        try:
            found = self._get(f"{_run(run_id)}/decisions", query, str(lane), wait_s)["decisions"]
        except NotYetVisibleError:
            return None
        return found[0] if found else None

    def decisions(
        self,
        run_id: str,
        *,
        writer_id: str | None = None,
        not_before: str | None = None,
        timeout_s: float = TIMEOUT_S,
    ) -> Iterator[DecisionRecord]:
        """Decisions about facts of a run that were not plainly accepted, in the order of the log."""
        query = {"writer_id": writer_id}
        for page in self._pages(f"{_run(run_id)}/decisions", query, not_before, timeout_s):
            yield from page["decisions"]

    def events(
        self, run_id: str, *, not_before: str | None = None, timeout_s: float = TIMEOUT_S
    ) -> Iterator[Happening]:
        """All facts and claims about a run, in the order of the log."""
        for page in self._pages(f"{_run(run_id)}/events", {}, not_before, timeout_s):
            yield from page["timeline"]

    # Artifacts

    def artifacts(
        self, run_id: str, *, prefix: str = "", not_before: str | None = None, timeout_s: float = TIMEOUT_S
    ) -> list[ArtifactRecord]:
        """The artifacts of a run whose path begins with `prefix`, by path, then attempt."""
        pages = self._pages(f"{_run(run_id)}/artifacts", {"prefix": prefix}, not_before, timeout_s)
        return [artifact for page in pages for artifact in page["artifacts"]]

    def content(
        self,
        run_id: str,
        path: str,
        *,
        attempt: int | None = None,
        not_before: str | None = None,
        timeout_s: float = TIMEOUT_S,
    ) -> Content:
        """Where the bytes of an artifact are, of the latest attempt that wrote it unless one is named.

        :raises ArtifactNotFoundError: The run has no such artifact.
        """
        query = {"path": path, "attempt": attempt}
        try:
            return cast(Content, self._get(f"{_run(run_id)}/artifacts/content", query, not_before, timeout_s))
        except ServiceException as error:
            if error.status_code != 404 or isinstance(error, RunNotFoundError):
                raise
            available = dict.fromkeys(artifact["path"] for artifact in self.artifacts(run_id))
            raise ArtifactNotFoundError(path, list(available), inner_exception=error) from error

    def upload(
        self,
        run_id: str,
        sha256: str,
        size: int,
        media_type: str | None,
        opened: Callable[[], BinaryIO],
        *,
        timeout_s: float = TRANSFER_TIMEOUT_S,
    ) -> None:
        """Stores bytes under their digest, unless they are there; that makes no artifact yet.

        :param opened: Opens the bytes from their beginning; called once for each try.
        :raises ServiceAwayError: API or object store did not take it by then.
        """
        deadline = time.monotonic() + timeout_s
        wanted = {"sha256": sha256, "size": size, "media_type": media_type}
        signed: Upload = self._transport.ask(
            self._path(f"{_run(run_id)}/uploads"), body=wanted, deadline=deadline, use=Answer.json
        )
        if not signed["exists"]:
            self._objects.put(signed["url"], signed["headers"], opened, size, deadline)

    def download(self, content: Content, target: Path, *, timeout_s: float = TRANSFER_TIMEOUT_S) -> None:
        """Writes the bytes of an artifact to a file, which appears whole or not at all; 1 MiB of them is held at once.

        :raises ArtifactMismatchError: They have another digest than the run's fact says.
        :raises ServiceException: They are not there (status_code 404), or not yet.
        """
        part = target.with_name(f".{target.name}.{uuid.uuid4().hex}.part")

        def written(answer: Answer) -> str:
            digest = hashlib.sha256()
            with part.open("wb") as file:
                while chunk := answer.read(_CHUNK_BYTES):
                    digest.update(chunk)
                    file.write(chunk)
            return digest.hexdigest()

        try:
            found = self._objects.get(content["url"], written, time.monotonic() + timeout_s)
            if found != content["sha256"]:
                raise ArtifactMismatchError(content["path"], content["sha256"], found)
            os.replace(part, target)  # noqa: PTH105 atomic on POSIX
        finally:
            part.unlink(missing_ok=True)

    def read_bytes(self, content: Content, *, timeout_s: float = TRANSFER_TIMEOUT_S) -> bytes:
        """The bytes of an artifact, in memory.

        :raises ArtifactMismatchError: They have another digest than the run's fact says.
        """

        def whole(answer: Answer) -> bytes:
            return b"".join(iter(lambda: answer.read(_CHUNK_BYTES), b""))

        data = self._objects.get(content["url"], whole, time.monotonic() + timeout_s)
        found = hashlib.sha256(data).hexdigest()
        if found != content["sha256"]:
            raise ArtifactMismatchError(content["path"], content["sha256"], found)
        return data

    # How they are asked

    def _path(self, below: str) -> str:
        return f"/v1/workspaces/{quote(self.workspace, safe='')}{below}"

    def _get(self, below: str, query: dict[str, Any], not_before: str | None, timeout_s: float) -> dict[str, Any]:
        return cast("dict[str, Any]", self._ask(below, query, not_before, timeout_s, Answer.json))

    def _ask(
        self,
        below: str,
        query: dict[str, Any],
        not_before: str | None,
        timeout_s: float,
        use: Callable[[Answer], T],
    ) -> T:
        deadline = time.monotonic() + timeout_s
        if not_before is not None and len(not_before) > _IN_URL_MAX:
            if not self.wait(not_before, timeout_s):
                reason = "what was asked for is not visible yet"
                raise NotYetVisibleError("RUNFOLD_API", None, reason, not_before)
            not_before = None  # what is folded stays folded
        if not_before is None:
            return self._transport.ask(self._path(below), query, deadline=deadline, use=use)
        return self._transport.ask(
            self._path(below),
            {**query, "not_before": not_before},
            deadline=deadline,
            wait=lambda left: {"wait_s": min(left, limits.WAIT_SECONDS_MAX)},
            use=use,
        )

    def _pages(
        self, below: str, query: dict[str, Any], not_before: str | None, timeout_s: float
    ) -> Iterator[dict[str, Any]]:
        cursor: str | None = None
        while True:
            page = self._get(below, {**query, "cursor": cursor, "limit": _PAGE_ROWS}, not_before, timeout_s)
            yield page
            cursor = page["next_cursor"]
            if cursor is None:
                return


def _run(run_id: str) -> str:
    segment = quote(run_id, safe="")
    if set(segment) == {"."}:  # a path segment of dots alone would mean another folder
        segment = segment.replace(".", "%2E")
    return f"/runs/{segment}"


def _metadata(text: bytes) -> dict[str, RunMetadata]:
    """`runfold.runs` of the container file."""
    runs = {}
    for run_id, told in json.loads(text).items():
        writers = {w["writer_id"]: Writer(w["rank"], w["attempt"] or 0) for w in told["writers"]}
        charts = [Chart(**{field: chart[field] for field in Chart._fields}) for chart in told["charts"]]
        runs[run_id] = RunMetadata(writers, charts)
    return runs
