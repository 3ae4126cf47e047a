"""Search: runs by a filter, the refs that filters and columns may name, groups of runs."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any, TypedDict, cast

from .asking import TIMEOUT_S, Asking

PAGE_RUNS = 500


class FoundRun(TypedDict):
    """A run as a row of a table. `values` has what was asked for in `columns` and `sort`, by ref; numbers that are not
    finite are the texts NaN, Infinity and -Infinity.
    """

    run_id: str
    experiment: str | None
    name: str | None
    number: int | None
    parent_run_id: str | None
    status: str
    attempt: int
    created_at: str
    started_at: str | None
    ended_at: str | None
    heartbeat_at: str | None
    children: int
    values: dict[str, str | int | float | bool | None]


class FoundRuns(TypedDict):
    """A page of runs: `n` here, `of` all that match (at least so many unless `of_is_exact`)."""

    runs: list[FoundRun]
    n: int
    of: int | None
    of_is_exact: bool
    next_cursor: str | None
    watermark: str


class ColumnRecord(TypedDict):
    """Something of runs that filters, sorts and columns may name. Kind: field, tag, property or metric."""

    ref: str
    kind: str
    label: str


class Search(Asking):
    """Runs by filter."""

    def search(
        self,
        q: str = "",
        *,
        sort: Sequence[str] = (),
        columns: Sequence[str] = (),
        include_children: bool = False,
        cursor: str | None = None,
        limit: int = 50,
        as_of: str | None = None,
        not_before: str | None = None,
        timeout_s: float = TIMEOUT_S,
    ) -> FoundRuns:
        """A page of the runs that match a filter.

        :param q: Such as `status = Failed and metric.loss.min < 0.2`; empty for all.
        :param sort: Refs, the first counts most; `-` before one turns it round. Newest first by default.
        :param columns: Refs of what `values` shall hold.
        :param include_children: Runs that have a parent too; they are found anyway where `q` names parent or run_id.
        :param as_of: A watermark or a broker time, ISO 8601. It goes with `parent = "<run id>"` alone, sorted by
            creation: the children that the run had, each as it stood.
        :raises FilterError: `q` cannot be read.
        """
        query: Mapping[str, Any] = {
            "q": q or None,
            "sort": ",".join(sort) or None,
            "columns": ",".join(columns) or None,
            "include_children": include_children or None,
            "cursor": cursor,
            "limit": limit,
            "as_of": as_of,
        }
        return cast(FoundRuns, self._get("/search/runs", dict(query), not_before, timeout_s))

    def search_all(
        self,
        q: str = "",
        *,
        sort: Sequence[str] = (),
        columns: Sequence[str] = (),
        include_children: bool = False,
        as_of: str | None = None,
        not_before: str | None = None,
        timeout_s: float = TIMEOUT_S,
    ) -> Iterator[FoundRuns]:
        """As `search`, page after page to the last."""
        cursor: str | None = None
        while True:
            page = self.search(
                q,
                sort=sort,
                columns=columns,
                include_children=include_children,
                cursor=cursor,
                limit=PAGE_RUNS,
                as_of=as_of,
                not_before=not_before,
                timeout_s=timeout_s,
            )
            yield page
            cursor = page["next_cursor"]
            if cursor is None:
                return

    def columns(
        self, prefix: str = "", *, experiment: str | None = None, limit: int = 50, timeout_s: float = TIMEOUT_S
    ) -> list[ColumnRecord]:
        """Refs that begin with `prefix`."""
        query = {"prefix": prefix or None, "experiment": experiment, "limit": limit}
        return cast("list[ColumnRecord]", self._get("/search/columns", query, None, timeout_s)["columns"])
