"""Search over runs: pages of them, the refs there are, and groups. The language is told in docs/how-to/search.md."""

from __future__ import annotations

from datetime import datetime, timezone
from typing import Annotated

from fastapi import APIRouter, Query

from runfold_consumers.api.as_of import AsOf
from runfold_consumers.api.errors import documented, invalid
from runfold_consumers.api.paging import Limit
from runfold_consumers.api.search import answers, children, finding, grouping, naming
from runfold_consumers.api.search.columns import shown
from runfold_consumers.api.search.conditions import Conditions
from runfold_consumers.api.search.language import filter_of, places_of, refs_of
from runfold_consumers.api.search.ordering import CURSOR_MAX, PLACES_MAX, cursor_of, keys_of, place_of
from runfold_consumers.api.search.tree import Tree, text_of
from runfold_consumers.api.services import Read

COLUMNS_MAX = 100
SKIP_MAX = 1_000_000
routes = APIRouter(prefix="/v1/workspaces/{workspace}/search", tags=["search"], responses=documented())

Filter = Annotated[
    str,
    Query(
        description="Which runs, such as `status = Failed and metric.loss.min < 0.2`; empty: all. An error is 400 "
        "`filter` with the `position` (0-based, in characters) and what was `expected` there.",
        examples=['status = "Completed" and tag.team = vision'],
    ),
]
Children = Annotated[
    bool, Query(description="Not only top-level runs. A filter that names `parent` or `run_id` finds these anyway.")
]
Place = Annotated[
    str | None,
    Query(
        max_length=CURSOR_MAX, description="`next_cursor` of the page before, of the same question; none for the first."
    ),
]


@routes.get("/runs", summary="Search runs", responses=documented(413))
async def runs(
    read: Read,
    q: Filter = "",
    sort: Annotated[
        str, Query(description="Refs by commas, `-` before one: descending. Runs that have none come last.")
    ] = "-created",
    columns: Annotated[str, Query(description="Refs by commas: what `values` holds of each run.")] = "",
    include_children: Children = False,
    cursor: Place = None,
    limit: Limit = 50,
    skip: Annotated[
        int,
        Query(
            ge=0,
            le=SKIP_MAX,
            description="Runs to leave out first: where one looks far down a list, without the pages before. Runs that "
            "are added meanwhile move what comes after; only a cursor goes on exactly where a page ended.",
        ),
    ] = 0,
    count: Annotated[
        bool, Query(description="Whether to count all that match: up to 1,000, without a filter 100,000.")
    ] = True,
    as_of: AsOf = None,
) -> answers.FoundRunsAnswer:
    """A page of the runs that match, in the order that was asked for, then by run id.

    With `as_of` the children of one run (`q` is `parent = "<run id>"` alone), by creation, each as it stood; a page may
    hold fewer than `limit`.
    """
    tree, order, wanted = filter_of(q), places_of(sort), refs_of(columns)
    _bound("sort", len(order), PLACES_MAX)
    _bound("columns", len(wanted), COLUMNS_MAX)
    asked_of = _text(tree, include_children) + ("" if as_of is None else f" as of {as_of}")
    order_text = ",".join(f"{'-' if descending else ''}{ref}" for ref, descending in order)
    question = finding.Question(tree, include_children, datetime.now(timezone.utc))
    place = place_of(cursor, asked_of, order_text, [key.type for key in keys_of(Conditions(question.at), order)])
    question = finding.resumed(question, place)
    of, exact = None, False
    if as_of is not None:
        parent = children.parent_in(tree, order, wanted)
        async with read.at(as_of).snapshot() as snapshot:
            told = (as_of, parent, wanted, order[0][1], place, limit, skip)
            found, end, watermark = await children.page(snapshot, *told)
            if count:
                of, exact = await children.count(snapshot, as_of, parent)
    else:
        async with read.snapshot() as snapshot:
            ids = await finding.narrowed(snapshot, question, order)
            run_ids, end = await finding.page(snapshot, question, order, ids, place, limit, skip)
            found = await shown(snapshot, run_ids, wanted, question.at)
            if count:
                of, exact = await finding.count(snapshot, question, ids)
            watermark = await snapshot.watermark()
    return answers.FoundRunsAnswer(
        runs=found,
        n=len(found),
        of=of,
        of_is_exact=exact,
        next_cursor=cursor_of(asked_of, order_text, end) if end else None,
        watermark=watermark,
    )


@routes.get("/columns", summary="Refs that runs have")
async def columns(
    read: Read,
    prefix: Annotated[
        str, Query(max_length=1024, description="How a ref begins, such as `tag.te`; or a key, such as `te`.")
    ] = "",
    experiment: Annotated[str | None, Query(max_length=1024, description="Only what its latest 200 runs have.")] = None,
    limit: Annotated[int, Query(ge=1, le=10_000, description="Of each kind, fields aside.")] = 1_000,
) -> answers.ColumnsAnswer:
    """Fields, then keys of tags and properties, and metrics: for completion, and for choosing columns."""
    async with read.snapshot() as snapshot:
        found, more = await naming.columns(snapshot, prefix, experiment, limit)
        return answers.ColumnsAnswer(columns=found, more=more, watermark=await snapshot.watermark())


@routes.get("/groups", summary="Runs in groups")
async def groups(
    read: Read,
    by: Annotated[str, Query(description="Ref: runs of a group have its value in common.", examples=["tag.team"])],
    q: Filter = "",
    values: Annotated[str, Query(description="Refs of metrics, by commas: their mean, min and max.")] = "",
    include_children: Children = False,
    cursor: Place = None,
    limit: Limit = 100,
) -> answers.GroupsAnswer:
    """Groups of the runs that match, by their value. Grouped by `parent`, children are what is counted."""
    tree, bys, wanted = filter_of(q), refs_of(by, "by"), refs_of(values, "values")
    if len(bys) != 1:
        raise invalid(f"by: {len(bys)} refs; one is what groups are made by")
    _bound("values", len(wanted), grouping.VALUES_MAX)
    others = [written for written, ref in wanted if ref.kind != "metric"]
    if others:
        raise invalid(f"values: {others[0]} is no metric; means are of metrics, such as metric.loss.min")
    by_ref = bys[0][1]
    include_children = include_children or (by_ref.kind == "field" and by_ref.name == "parent")
    asked_of, order_text = _text(tree, include_children), f"by {by_ref}"
    question = finding.Question(tree, include_children, datetime.now(timezone.utc))
    place = place_of(cursor, asked_of, order_text, [by_ref.type])
    question = finding.resumed(question, place)
    async with read.snapshot() as snapshot:
        found, of, end = await grouping.groups(snapshot, question, by_ref, wanted, place, limit)
        watermark = await snapshot.watermark()
    next_cursor = cursor_of(asked_of, order_text, end) if end else None
    return answers.GroupsAnswer(groups=found, n=len(found), of=of, next_cursor=next_cursor, watermark=watermark)


def _text(tree: Tree | None, include_children: bool) -> str:
    """What chose the rows, as a text: a cursor is of that text."""
    return f"{include_children} {text_of(tree) if tree else ''}"


def _bound(name: str, count: int, most: int) -> None:
    if count > most:
        raise invalid(f"{name}: {count} refs; at most {most}")
