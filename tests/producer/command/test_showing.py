"""What people see: cells, tables and plots. Pure."""

from __future__ import annotations

import io
import math
import re
from datetime import datetime, timezone
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from rich.console import Console, RenderableType

from runfold.command import cells, health, history, plots, runs_shown
from runfold.command.tables import Column, table
from runfold.reading.records import CodeContent, CodeDifference, CodeDifferences

NOW = datetime(2026, 11, 24, 12, 0, tzinfo=timezone.utc)


def printed(part: RenderableType, width: int) -> str:
    console = Console(file=io.StringIO(), width=width, color_system=None)
    console.print(part)
    assert isinstance(console.file, io.StringIO)
    return console.file.getvalue()


def run(run_id: str, **fields: Any) -> dict[str, Any]:
    return {
        "run_id": run_id,
        "experiment": "digits",
        "name": "first try",
        "number": 3,
        "parent_run_id": None,
        "status": "Completed",
        "attempt": 0,
        "created_at": "2026-11-24T10:00:00.000000Z",
        "started_at": "2026-11-24T10:00:00.000000Z",
        "ended_at": "2026-11-24T11:02:03.000000Z",
        "heartbeat_at": None,
        "children": 0,
        "values": {},
        **fields,
    }


@pytest.mark.parametrize(
    ("seconds", "shown"), [(4.2, "4.2 s"), (187, "3:07"), (7387, "2:03:07"), (439_380, "5 d 02:03"), (None, "")]
)
def test_durations_are_short(seconds: float | None, shown: str) -> None:
    assert cells.lasting(seconds) == shown


@pytest.mark.parametrize(
    ("value", "shown"),
    [(0.123456789, "0.123457"), (3.0, "3"), (7, "7"), (math.nan, "nan"), ("NaN", "NaN"), (None, ""), (True, "True")],
)
def test_numbers_are_what_they_are(value: Any, shown: str) -> None:
    assert cells.number(value) == shown


@given(st.text())
def test_no_text_of_the_ledger_steers_a_terminal(text: str) -> None:
    assert not any(ord(character) < 32 or 127 <= ord(character) < 160 for character in cells.plain(text))


def test_logs_keep_their_colours_and_nothing_else_that_steers() -> None:
    assert cells.shown_log("a\x1b[31mred\x1b[0m\tb\n") == "a\x1b[31mred\x1b[0m\tb\n"
    assert cells.shown_log("\x1b]0;title\x07\x1b[2J") == "\\x1b]0;title\\x07\\x1b[2J"


def test_how_many_of_how_many_is_said_as_it_is_known() -> None:
    assert cells.n_of_m(12, 12, "runs") == "12 runs"
    assert cells.n_of_m(3, 12, "runs") == "3 of 12 runs"
    assert cells.n_of_m(25, 10_000, "runs", exact=False) == "25 of 10,000 runs or more"


@given(
    st.integers(30, 200),
    st.lists(
        st.tuples(st.text("abcdef0123456789_", min_size=1, max_size=40), st.text("ab c", max_size=200)), min_size=1
    ),
)
def test_a_table_fits_and_never_cuts_an_id(width: int, rows: list[tuple[str, str]]) -> None:
    shown = printed(table([Column("id", whole=True), Column("says")], rows, width), width)
    lines = shown.splitlines()
    assert all(len(line.rstrip()) <= width for line in lines)
    if max(len(run_id) for run_id, _ in rows) + 12 <= width:
        assert all(run_id in shown for run_id, _ in rows)
    folded = re.sub(r"\s", "", shown)
    assert all(run_id in folded for run_id, _ in rows)
    assert "…" not in shown


def test_runs_in_a_narrow_terminal_become_blocks_with_whole_ids() -> None:
    run_id = "digits_1763985600_0123456789abcdef"
    wide = printed(runs_shown.listed([run(run_id)], [], NOW, 160), 160)
    assert len(wide.splitlines()) == 2
    narrow = printed(runs_shown.listed([run(run_id)], [], NOW, 60), 60)
    assert run_id in narrow
    assert "1:02:03" in narrow


def test_a_hostile_name_is_shown_and_not_obeyed() -> None:
    shown = printed(runs_shown.listed([run("r1", name="\x1b[2J[bold]x[/]")], [], NOW, 160), 160)
    assert "\\x1b[2J[bold]x[/]" in shown


def test_only_what_differs_is_compared() -> None:
    def whole(run_id: str, tags: dict[str, str | None]) -> dict[str, Any]:
        return {**run(run_id), "tags": tags, "properties": {"p": "1"}, "run_type": None, "target": "local"}

    def metric(last: float) -> dict[str, Any]:
        return {"name": "loss", "column": None, "last": last}

    found = runs_shown.differences(
        [whole("a", {"x": "1", "same": "s"}), whole("b", {"same": "s"})], [[metric(1.0)], [metric(2.0)]]
    )
    assert found == {"tag.x": ["1", None], "metric.loss": [1.0, 2.0]}


def test_files_that_differ_are_told_by_run_and_what_is_alike_by_letter() -> None:
    contents: list[CodeContent] = [
        {"size": 9, "crc32": "cbf43926", "executable": False},
        {"size": 2048, "crc32": "00000001", "executable": True},
    ]
    paths: list[CodeDifference] = [
        {"path": "run.sh", "contents": contents, "which": [0, 1]},
        {"path": "\x1b[2Jnew", "contents": contents[:1], "which": [None, 0]},
    ]
    runs = [
        run("a", snapshot_id="s1"),
        run("b", snapshot_id="s2"),
        run("c", snapshot_id="s1"),
        run("d", snapshot_id=None),
    ]
    files = runs_shown.code(runs, CodeDifferences(["s1", "s2"], [], paths, 7))
    old, new = ({"version": at, **content} for at, content in enumerate(contents))
    assert files == {"run.sh": [old, new, old, None], "\x1b[2Jnew": [None, old, None, None]}
    told = "".join(printed(part, 160) for part in runs_shown.code_compared(runs, files, 160))
    assert re.search(r"run\.sh +A 9 B +B 2\.0 KiB x +A 9 B +-", told)
    assert "\x1b" not in told
    many = {f"f{at}": [old, new] for at in range(runs_shown.FILES_SHOWN + 3)}
    assert "and 3 files more" in "".join(printed(part, 160) for part in runs_shown.code_compared(runs[:2], many, 160))


def test_an_event_says_its_fields_without_its_envelope() -> None:
    body = {"writer_id": "a" * 32, "ordinal": 3, "key": "team", "value": "x\ny", "empty": None}
    assert history.said(body, None).plain == "key=team value=x\\ny"
    assert history.said({"key": "k" * 300}, 20).plain == "key=kkkkkkkkkkkkkkk…"


def test_a_projector_of_unknown_lag_counts_as_behind() -> None:
    assert health.is_behind({"projectors": [{"lag_s": None}]}, 60)
    assert health.is_behind({"projectors": [{"lag_s": 61.0}]}, 60)
    assert not health.is_behind({"projectors": [{"lag_s": 0.1}]}, 60)


def series(values: list[float | None], **fields: Any) -> dict[str, Any]:
    marks = [{"x": x, "value": "NaN"} for x, value in enumerate(values) if value is None]
    return {
        "run_id": "r1",
        "metric": "loss",
        "column": None,
        "rank": None,
        "attempt": 0,
        "kind": "double",
        "axis": "step",
        "n": len(values),
        "of": len(values),
        "x": list(range(len(values))),
        "value": values,
        "marks": marks,
        "marks_of": len(marks),
        **fields,
    }


def test_a_plot_says_what_it_leaves_out_and_marks_what_is_not_finite() -> None:
    line = plots.line_of(series([4.0, 2.0, None, 1.0, -1.0], of=5_000), runs=1, metrics=1)
    drawn = plots.drawn([line], title="loss", width=60, height=12, log=True, colours=False)
    assert "loss · 5 of 5,000 points · NaN at 2 · 1 not above 0, which a log axis cannot show" in drawn
    assert "^" in drawn
    assert "\x1b" not in drawn
    assert max(len(each) for each in drawn.splitlines()[:12]) <= 60


def test_lines_without_colours_differ_by_their_characters() -> None:
    lines = [
        plots.line_of(series([float(i * k) for i in range(9)], run_id=f"r{k}"), runs=2, metrics=1) for k in (1, -1)
    ]
    drawn = plots.drawn(lines, title="", width=60, height=12, colours=False)
    assert "++ r-1 · 9 points" in drawn
    assert drawn.count("+") > 4
    assert "\x1b[" in plots.drawn(lines, title="", width=60, height=12, colours=True)


@given(st.lists(st.one_of(st.none(), st.floats(allow_nan=False, allow_infinity=False)), max_size=30), st.booleans())
def test_any_series_can_be_plotted(values: list[float | None], log: bool) -> None:
    line = plots.line_of(series(values), runs=1, metrics=1)
    assert "loss · " in plots.drawn([line], title="t", width=50, height=10, log=log, colours=False)
