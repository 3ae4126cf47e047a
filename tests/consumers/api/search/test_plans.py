"""What a search reads does not grow with the number of runs: the pages that Postgres touches are counted."""

from __future__ import annotations

import asyncio
from datetime import datetime, timezone
from typing import Any

import psycopg
import pytest

from runfold_consumers.api.database import Database
from runfold_consumers.api.search import finding
from runfold_consumers.api.search.language import filter_of, places_of
from tests.consumers.api.search.filling import WORKSPACE, fill

RUNS = 20_000
TABLE_PAGES_MIN = 1_500  # whoever reads all rows of runs, tags or series touches at least so many


@pytest.fixture(scope="module")
def many(shared_database: str) -> str:
    """Conninfo of a database of 20,000 runs."""
    fill(shared_database, experiments=10, runs=RUNS // 10, tags=3, properties=2, metrics=2)
    return shared_database


# Filter, order, pages of 8 kB that all statements of a page and of its count may touch: half as many again as they do.
# Whoever reads a whole table touches more. Of the last two, where more than a table has is touched, 1,000 (200) runs
# are counted one by one, at three (eight) pages each: who looks at all 2,000 of the experiment touches twice as many.
BOUNDS = [
    ("", "-created", 100),
    ("tag.rare = yes", "-created", 600),
    ("tag.team = nobody", "-created", 20),
    ("property.commit = 0", "-created", 20),
    ("metric.m0 > 0.9995", "-created", 650),
    ("metric.m0.min > 7", "-created", 320),
    ("", "-metric.m0", 950),
    ("", "metric.m1.min", 1_000),
    ("tag.rare = yes", "metric.m0", 1_400),
    ("run_id = run-3-00077", "-created", 20),
    ("experiment = exp-003", "-created", 4_000),
    ("status = Running", "-created", 3_500),
]


@pytest.mark.parametrize(("q", "sort", "pages_max"), BOUNDS)
def test_a_search_touches_no_more_than_it_needs(many: str, q: str, sort: str, pages_max: int) -> None:
    assert asyncio.run(_touched(many, q, sort)) <= pages_max


def test_a_whole_table_would_be_seen(many: str) -> None:
    with psycopg.connect(many) as connection:
        for table in ("tags", "series"):
            row = connection.execute(f"SELECT pg_relation_size('state.{table}') / 8192".encode()).fetchone()
            assert row
            assert row[0] > TABLE_PAGES_MIN / 2


async def _touched(conninfo: str, q: str, sort: str) -> int:
    """Pages that the statements of a page touch, by EXPLAIN."""
    database = Database(conninfo)
    await database.open()
    order = places_of(sort)
    question = finding.Question(filter_of(q), False, datetime.now(timezone.utc))
    touched = 0
    real = finding.asked

    async def counted(snapshot: Any, text: str, parameters: dict[str, Any]) -> list[dict[str, Any]]:
        nonlocal touched
        explained = await real(snapshot, f"EXPLAIN (ANALYZE, BUFFERS, FORMAT JSON) {text}", parameters)
        plan = explained[0]["QUERY PLAN"][0]["Plan"]
        touched += plan["Shared Hit Blocks"] + plan["Shared Read Blocks"]
        return await real(snapshot, text, parameters)

    finding.asked = counted
    try:
        async with database.snapshot(WORKSPACE) as snapshot:
            ids = await finding.narrowed(snapshot, question, order)
            await finding.page(snapshot, question, order, ids, None, 50)
            if q:
                await finding.count(snapshot, question, ids)
    finally:
        finding.asked = real
        await database.close()
    return touched
