"""What search answers from Postgres is what a naive reading of the same runs answers: any filter, any order."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from datetime import datetime, timedelta
from typing import Any

import pytest
from hypothesis import HealthCheck, given, note, settings
from hypothesis import strategies as st

from runfold_consumers.api.database import Database
from runfold_consumers.api.search import finding
from runfold_consumers.api.search import tree as t
from runfold_consumers.api.search.columns import shown
from runfold_consumers.api.search.conditions import Conditions
from runfold_consumers.api.search.grouping import groups
from runfold_consumers.api.search.ordering import cursor_of, keys_of, place_of
from tests.consumers.api.search.oracle import NOTHING, Told, matches, sort_key
from tests.consumers.api.search.population import METRICS, START, WORKSPACE, population, write
from tests.consumers.api.search.trees import ORDERS, REFS, TREES

AT = START + timedelta(days=3)
RUNS = population(seed=6, size=80)


@pytest.fixture(scope="module")
def world(shared_database: str) -> Iterator[Any]:
    """A loop, and one database of the population, read by one connection."""
    write(shared_database, RUNS)
    with asyncio.Runner() if hasattr(asyncio, "Runner") else _Loop() as loop:
        database = Database(shared_database)
        loop.run(database.open())
        yield lambda ask: loop.run(_within(database, ask))
        loop.run(database.close())


class _Loop:
    """asyncio.Runner of Python 3.11."""

    def __enter__(self) -> _Loop:
        self._loop = asyncio.new_event_loop()
        return self

    def __exit__(self, *_: object) -> None:
        self._loop.close()

    def run(self, what: Any) -> Any:
        return self._loop.run_until_complete(what)


async def _within(database: Database, ask: Any) -> Any:
    async with database.snapshot(WORKSPACE) as snapshot:
        return await ask(snapshot)


def expected(tree: t.Tree | None, children: bool, at: datetime = AT) -> list[Told]:
    named = {ref.name for ref in t.refs_of(tree) if ref.kind == "field"} if tree else set()
    everyone = children or bool(named & {"parent", "run_id"})
    return [run for run in RUNS if (everyone or run.parent is None) and (tree is None or matches(tree, run, at))]


@given(
    st.one_of(st.none(), TREES), st.booleans(), ORDERS, st.sampled_from([0, 5, 1_000]), st.sampled_from([1_000, 7]),
    st.integers(0, len(RUNS) + 3),
)  # fmt: skip
@settings(max_examples=80, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_any_filter_in_any_order_finds_what_the_oracle_finds(
    world: Any,
    tree: t.Tree | None,
    children: bool,
    order: list[tuple[t.Ref, bool]],
    start_max: int,
    limit: int,
    skip: int,
) -> None:
    note(f"{t.text_of(tree) if tree else ''} by {', '.join(f'{ref} {down}' for ref, down in order)}")
    question = finding.Question(tree, children, AT)
    types = [key.type for key in keys_of(Conditions(AT), order)]

    async def ask(snapshot: Any) -> tuple[list[str], tuple[int, bool], list[str], list[str]]:
        ids = await finding.narrowed(snapshot, question, order)
        far, _ = await finding.page(snapshot, question, order, ids, None, limit, skip)
        found: list[str] = []
        place = None
        while True:
            page, end = await finding.page(snapshot, question, order, ids, place, limit)
            found += page
            if end is None:
                break
            place = place_of(cursor_of("q", "o", end), "q", "o", types)  # as a client carries it
        text, parameters = finding.matching(question)
        rows = await finding.asked(snapshot, text, parameters)
        return found, await finding.count(snapshot, question, ids), sorted(row["run_id"] for row in rows), far

    before = finding.START_MAX, finding.COUNT_MAX
    finding.START_MAX, finding.COUNT_MAX = start_max, limit  # type: ignore[misc]
    try:
        found, counted, all_ids, far = world(ask)
    finally:
        finding.START_MAX, finding.COUNT_MAX = before  # type: ignore[misc]
    wanted = sorted(expected(tree, children), key=lambda run: sort_key(run, order, AT))
    assert found == [run.run_id for run in wanted]
    most = limit if tree else finding.COUNT_ALL_MAX
    assert counted == (min(len(wanted), most), len(wanted) <= most)
    assert all_ids == sorted(found)
    assert far == found[skip : skip + limit]


@given(st.lists(REFS, min_size=1, max_size=6, unique=True))
@settings(max_examples=30, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_columns_hold_what_the_oracle_knows(world: Any, refs: list[t.Ref]) -> None:
    columns = [(str(ref), ref) for ref in refs]
    found = world(lambda snapshot: shown(snapshot, [run.run_id for run in RUNS], columns, AT))
    for run, row in zip(RUNS, found, strict=True):
        assert row.run_id == run.run_id
        assert row.children == sum(child.parent == run.run_id and child is not run for child in RUNS)
        for written, ref in columns:
            value = run.value(ref, AT)
            assert row.values[written] == _cell(ref, value), (run, ref)


def _cell(ref: t.Ref, value: Any) -> Any:
    if value is NOTHING:
        return None
    if ref.kind == "metric" and ref.of == "last" and value is None:
        return "text"
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, datetime):
        return value.strftime("%Y-%m-%dT%H:%M:%S.%fZ")
    if isinstance(value, float) and value != value:
        return "NaN"
    if value in (float("inf"), float("-inf")):
        return "Infinity" if value > 0 else "-Infinity"
    return value


@given(st.one_of(st.none(), TREES), REFS, st.sampled_from(METRICS), st.sampled_from([3, 100]))
@settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_groups_hold_what_the_oracle_knows(
    world: Any, tree: t.Tree | None, by: t.Ref, metric: tuple[str, str | None], limit: int
) -> None:
    note(f"{t.text_of(tree) if tree else ''} by {by}")
    question = finding.Question(tree, True, AT)
    of_metric = t.Ref("metric", *metric, "min")

    async def ask(snapshot: Any) -> list[Any]:
        found: list[Any] = []
        place = None
        while True:
            page, of, end = await groups(snapshot, question, by, [("m", of_metric)], place, limit)
            found += page
            if end is None:
                assert of == len(found)
                return found
            place = place_of(cursor_of("q", "o", end), "q", "o", [by.type])

    groups_of: dict[Any, list[Told]] = {}
    for run in expected(tree, True):
        value = run.value(by, AT)
        gone = value is NOTHING or value is None or value != value
        cut = value[:256] if isinstance(value, str) else value
        groups_of.setdefault(None if gone else _cell(by, float(cut) if by.type == "number" else cut), []).append(run)
    found = world(ask)
    assert [group.value for group in found][-1:] == ([None] if None in groups_of else [g.value for g in found][-1:])
    assert {group.value: group.runs for group in found} == {value: len(runs) for value, runs in groups_of.items()}
    for group in found:
        runs = groups_of[group.value]
        assert sum(group.statuses.values()) == group.runs
        for status, count in group.statuses.items():
            assert count == sum(run.value(t.Ref("field", "status"), AT) == status for run in runs)
        values = [value for run in runs if isinstance(value := run.value(of_metric, AT), float)]
        spread = group.values["m"]
        assert spread.n == len(values)
        if values:
            assert (spread.min, spread.max) == (min(values), max(values))
            assert spread.mean == pytest.approx(sum(values) / len(values))
