"""From a lasting snapshot to the pieces of an export, run by run in the order of their ids' bytes.

Read through server-side cursors as fast as the client takes it: in memory is a batch of rows, and of points what
`points.messages` holds. Points come writer by writer in ordinal order, events by offset, logs by name, writer and byte.
"""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator, Mapping, Sequence
from typing import Any, Literal

from psycopg.rows import dict_row

from runfold_consumers.api.arrow.exported import SCHEMAS, PointRows
from runfold_consumers.api.arrow.tables import BATCH_ROWS, Bytes, TableWriter
from runfold_consumers.api.database import Row, Snapshot, statement
from runfold_consumers.api.exports.lines import lines, point_lines
from runfold_consumers.api.points import messages
from runfold_consumers.api.routes.history import body_of
from runfold_consumers.api.search.finding import Question, matching
from runfold_consumers.api.series.columns import Lane
from runfold_consumers.api.series.gathering import lanes_of
from runfold_schemas import codec

What = Literal["points", "runs", "events", "logs"]
Form = Literal["arrow", "parquet", "ndjson"]
RUNS_AT_ONCE = 200
_ROWS_AT_ONCE = 200  # of those that carry up to 900 KiB each
_BATCH_BYTES = 4 << 20
_LINES_BYTES = 256 * 1024


class Export:
    """One export.

    Args:
        snapshot: that lasts.
        what: of the runs that match.
        form: of the file.
        question: which runs.
        experiment: only its runs; None: all.
        metadata: of an Arrow or Parquet schema.
    """

    def __init__(
        self,
        snapshot: Snapshot,
        what: What,
        form: Form,
        question: Question,
        experiment: str | None,
        metadata: Mapping[str, str],
    ) -> None:
        self._snapshot = snapshot
        self._what: What = what
        self._question = question
        self._experiment = experiment
        self._table: TableWriter | None = None
        if form != "ndjson":
            self._table = TableWriter(SCHEMAS[what], "stream" if form == "arrow" else "parquet", metadata)

    async def pieces(self) -> AsyncIterator[Bytes]:
        """The file, piece by piece."""
        making = self._points if self._what == "points" else self._rows
        async for piece in making():
            if piece:
                yield piece
            await asyncio.sleep(0)  # other requests come in between
        if self._table is not None:
            yield self._table.end()

    async def _run_ids(self) -> AsyncIterator[list[str]]:
        """The runs that match, some at a time."""
        text, parameters = matching(self._question)
        if self._experiment is not None:
            text, parameters = (
                f"{text}\n  AND runs.experiment = %(experiment)s",
                {
                    **parameters,
                    "experiment": self._experiment,
                },
            )
        text = f"SELECT run_id FROM ({text}) AS found ORDER BY run_id"
        async for rows in self._fetched("runs_to_export", text.encode(), parameters, RUNS_AT_ONCE):
            yield [row["run_id"] for row in rows]

    async def _fetched(
        self, name: str, text: bytes, parameters: Mapping[str, Any], size: int
    ) -> AsyncIterator[list[Row]]:
        """Rows of a statement through a server-side cursor, which other statements may come between."""
        async with self._snapshot.connection.cursor(name, row_factory=dict_row) as cursor:
            await cursor.execute(text, {"workspace": self._snapshot.workspace, **parameters})
            while rows := await cursor.fetchmany(size):
                yield rows

    async def _points(self) -> AsyncIterator[Bytes]:
        gathered, told = PointRows(), bytearray()
        async for run_ids in self._run_ids():
            lanes = {
                (run_id, lane.writer_id): lane
                for run_id, of_run in (await lanes_of(self._snapshot, run_ids)).items()
                for lane in of_run
            }
            async for message in messages(self._snapshot, run_ids):
                event: Any = codec.decode(message)
                lane = lanes.get((event.aggregate_id, event.writer_id)) or Lane(event.writer_id)
                if self._table is None:
                    told += point_lines(event, lane)
                    if len(told) >= _LINES_BYTES:
                        yield bytes(told)
                        told.clear()
                    continue
                gathered.add(event, lane)
                if gathered.rows >= BATCH_ROWS:
                    yield self._table.write(gathered.taken())
        if told:
            yield bytes(told)
        if self._table is not None and gathered.rows:
            yield self._table.write(gathered.taken())

    async def _rows(self) -> AsyncIterator[Bytes]:
        """Runs, events or logs: rows of some kilobytes, batched by count and bytes."""
        batch: list[dict[str, Any]] = []
        size = 0
        async for rows in self._found():
            for row in rows:
                batch.append(row)
                size += len(row.get("message") or row.get("data") or b"") + 256
                if size >= _BATCH_BYTES or len(batch) >= BATCH_ROWS:
                    yield self._written(batch)
                    batch, size = [], 0
        if batch:
            yield self._written(batch)

    async def _found(self) -> AsyncIterator[list[dict[str, Any]]]:
        async for run_ids in self._run_ids():
            if self._what == "runs":
                yield await self._runs(run_ids)
                continue
            text = statement(f"export_{self._what}")
            async for rows in self._fetched("rows_to_export", text, {"run_ids": run_ids}, _ROWS_AT_ONCE):
                yield rows

    async def _runs(self, run_ids: Sequence[str]) -> list[dict[str, Any]]:
        metrics: dict[str, list[dict[str, Any]]] = {run_id: [] for run_id in run_ids}
        for metric in await self._snapshot.rows("export_metrics", {"run_ids": run_ids}):
            metrics[metric.pop("run_id")].append(metric)
        names = SCHEMAS["runs"].names
        rows = []
        for row in await self._snapshot.rows("runs", {"run_ids": run_ids}):
            row["metrics"] = metrics[row["run_id"]]
            row["error"] = row["error"] and row["error"].get("message")
            rows.append({name: row[name] for name in names})
        return rows

    def _written(self, batch: list[dict[str, Any]]) -> Bytes:
        if self._what == "events":
            for row in batch:
                body = body_of(row["message"])
                row["body"] = body if self._table is None else json.dumps(body, ensure_ascii=False)
                if self._table is None:
                    del row["message"]
        if self._table is None:
            return lines(batch)
        if self._what == "runs":
            for row in batch:
                row["tags"], row["properties"] = list(row["tags"].items()), list(row["properties"].items())
        return self._table.write_rows(batch)
