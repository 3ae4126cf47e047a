"""Some runs in which everything occurs: several writers of one tag, removals, attempts, ranks, outsiders, NaN, texts in
metrics, series that are settled and that move; as the oracle knows them, and as rows.
"""

from __future__ import annotations

import math
import random
from datetime import datetime, timedelta, timezone
from typing import Any

import psycopg

from runfold_consumers.fold.series import series_id
from tests.consumers.api.search.oracle import Told

WORKSPACE = "team-a"
START = datetime(2026, 10, 1, tzinfo=timezone.utc)
KEYS = ("a", "b b", "lr")
TEXTS = (
    "1",
    "1.0",
    "0.10",
    "0.1",
    "abc",
    "ABC",
    "1e3",
    "-5",
    "",
    "nan",
    "1_0",
    " 2",
    "a%b_c",
    "x" * 200,
    "x" * 64,
    "x" * 65,
    "ü",
)
METRICS = (("loss", None), ("val/acc", None), ("rows", "a b"))
NUMBERS = (0.0, -1.5, 0.25, 1.0, 2.0, 1e9, -1e300)
LASTS = (*NUMBERS, math.nan, math.inf, -math.inf, None)
STATUSES = ("Completed", "Failed", "Canceled", "Running", "Preparing", "Odd", None)


def population(seed: int, size: int) -> list[Told]:
    """Runs, drawn from a seed."""
    draw = random.Random(seed)
    runs = []
    for number in range(size):
        created = START + timedelta(hours=draw.randrange(40))
        attempt = draw.choice((0, 0, 1))
        run = Told(
            run_id=f"{draw.choice('rR')}{number}",
            experiment=draw.choice(("digits", "Faces", None)),
            parent=draw.choice((None, None, "r0", "r1")),
            display_name=draw.choice((None, "Digits 1", "digits_2", "faces")),
            type=draw.choice((None, "script")),
            target=draw.choice((None, "local", "gpu")),
            created=created,
            submitted_by=draw.choice((None, "ann", "bob")),
            number=draw.choice((None, number)),
            attempt=attempt,
            attempts={},
            archived=False,
            complete=draw.choice(("open", "complete", "complete_with_declared_loss")),
        )
        if run.experiment is None:
            run.number = None
        run.archived = run.experiment == "Faces"
        for n in range(draw.choice((0, attempt + 1))):
            status = draw.choice(STATUSES)
            terminal = status if status in ("Completed", "Failed", "Canceled") else None
            started = draw.choice((None, created + timedelta(minutes=n)))
            ended = None if terminal is None else created + timedelta(hours=draw.randrange(1, 9))
            run.attempts[n] = (started, ended, terminal, status)
        run.labels = [draw.choice(("Faces", "digits 9", "z")) for _ in range(draw.choice((0, 0, 2)))]
        for _ in range(draw.randrange(6)):
            word = (draw.choice(KEYS), draw.choice("wv"), draw.choice((*TEXTS, None)), draw.random() < 0.25)
            run.tags.append(word)
        run.properties = {key: draw.choice((*TEXTS, None)) for key in KEYS if draw.random() < 0.5}
        run.writers = {
            writer: (draw.choice((None, 0, 1)), draw.choice((None, 0, 1)), draw.random() < 0.2)
            for writer in "wvu"
            if draw.random() < 0.8
        }
        for name, column in METRICS:
            for writer in "wvu":
                for partition in (0, 1):
                    if draw.random() < 0.3:
                        low = draw.choice((*NUMBERS, None))
                        run.series.append(
                            {
                                "name": name,
                                "column": column,
                                "writer": writer,
                                "partition": partition,
                                "points": draw.randrange(1, 9),
                                "min": low,
                                "max": None if low is None else max(low, draw.choice(NUMBERS)),
                                "last_time": float(draw.randrange(3)),
                                "last": draw.choice(LASTS),
                                "settled": draw.random() < 0.5,
                            }
                        )
        runs.append(run)
    return runs


def write(conninfo: str, runs: list[Told]) -> None:
    """The same as rows of `state`."""
    with psycopg.connect(conninfo) as connection:

        def insert(table: str, **row: Any) -> None:
            names, signs = ", ".join(f'"{name}"' for name in row), ", ".join(["%s"] * len(row))
            connection.execute(
                f"INSERT INTO state.{table} (workspace, {names}) VALUES (%s, {signs})".encode(),
                [WORKSPACE, *row.values()],
            )

        word = {"field": "archived", "writer_id": "w", "ordinal": 1, "offset": 1, "value": "true", "removed": False}
        insert("experiment_words", experiment="Faces", **word)
        for run in runs:
            of_run = {"run_id": run.run_id}
            insert(
                "runs", **of_run, partition=0, first_offset=0, experiment=run.experiment, parent_run_id=run.parent,
                run_type=run.type, target=run.target, display_name=run.display_name, attempt=run.attempt,
                created_at=run.created, submitted_by=run.submitted_by,
            )  # fmt: skip
            if run.number is not None:
                insert("enrollments", **of_run, experiment=run.experiment, number=run.number, offset=0)
            for attempt, (started, ended, terminal, status) in run.attempts.items():
                insert(
                    "attempts", **of_run, attempt=attempt, first_offset=0, started_at=started, ended_at=ended,
                    terminal_status=terminal, status=status,
                )  # fmt: skip
            for writer, (of_attempt, rank, outsider) in run.writers.items():
                insert(
                    "writers", aggregate_kind="run", aggregate_id=run.run_id, writer_id=writer, partition=0, rank=rank,
                    attempt=of_attempt, outsider=outsider,
                )  # fmt: skip
            for offset, value in enumerate(run.labels):
                word = {"writer_id": f"w{offset}", "ordinal": 1, "offset": offset, "value": value}
                insert("descriptions", **of_run, field="display_name", **word)
            last: dict[tuple[str, str], tuple[int, str | None, bool]] = {}
            for offset, (key, writer, value, removed) in enumerate(run.tags):
                last[key, writer] = (offset, value, removed)
            for (key, writer), (offset, value, removed) in last.items():
                word = {"key": key, "writer_id": writer, "ordinal": 1, "offset": offset, "value": value}
                insert("tags", **of_run, **word, removed=removed)
            for key, value in run.properties.items():
                insert("properties", **of_run, key=key, value=value, offset=0, writer_id="w", ordinal=1)
            _lanes(insert, run)
            for row in run.series:
                _series(insert, run, row)
    with psycopg.connect(conninfo, autocommit=True) as connection:
        connection.execute("ANALYZE")


def _lanes(insert: Any, run: Told) -> None:
    if run.complete == "open":
        return
    lost = run.complete == "complete_with_declared_loss"
    lane = {"stream": "points", "aggregate_kind": "run", "aggregate_id": run.run_id, "writer_id": "x"}
    insert("lanes", topic_kind="facts", partition=0, **lane, seen="{[1,3)}" if lost else "{[1,4)}")
    insert("claims", partition=0, **lane, closed=3, declared="{[3,4)}" if lost else "{}")


def _series(insert: Any, run: Told, row: dict[str, Any]) -> None:
    settled = row["settled"]
    last = row["last"]
    insert(
        "series", run_id=run.run_id, series_id=series_id(row["name"], row["column"]), partition=row["partition"],
        writer_id=row["writer"], name=row["name"], column_name=row["column"], kinds="double", axes="step",
        points=row["points"], nonfinite=0, min=row["min"], max=row["max"], last_ordinal=1, last_kind="double",
        last_step=1, last_time=row["last_time"], last_value=last, last_text="text" if last is None else None,
        broker_time=run.created, settled=settled,
        settled_last=last if settled and last is not None and not math.isnan(last) else None,
        settled_min=row["min"] if settled else None, settled_max=row["max"] if settled else None,
    )  # fmt: skip
