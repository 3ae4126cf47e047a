"""Read-only SQL over the stable views of schema `analysis`."""

from __future__ import annotations

import time
from typing import Any, TypedDict, cast

from .asking import TRANSFER_TIMEOUT_S, Asking
from .transport import Answer


class SqlColumn(TypedDict):
    """Name and type of a column."""

    name: str
    type: str


class SqlAnswer(TypedDict):
    """Rows; `truncated`: there are more than the limit."""

    columns: list[SqlColumn]
    rows: list[list[Any]]
    n: int
    truncated: bool


class Sql(Asking):
    """Queries."""

    def sql(self, query: str, *, limit: int = 1000, timeout_s: float = TRANSFER_TIMEOUT_S) -> SqlAnswer:
        """Rows of a SELECT over the views runs, tags, properties, metrics, artifacts, experiments, events, decisions,
        statuses, of the workspace alone.

        :param limit: Rows at most, up to 10,000.
        :raises UserErrorException: The database refuses the query.
        """
        return cast(SqlAnswer, self._asked_sql(query, limit, "application/json", timeout_s, Answer.json))

    def sql_bytes(
        self, query: str, *, accept: str, limit: int = 10_000, timeout_s: float = TRANSFER_TIMEOUT_S
    ) -> bytes:
        """As `sql`, as text/csv or application/vnd.apache.arrow.stream."""
        return cast(bytes, self._asked_sql(query, limit, accept, timeout_s, Answer.whole))

    def _asked_sql(self, query: str, limit: int, accept: str, timeout_s: float, use: Any) -> Any:
        return self._transport.ask(
            self._path("/sql"),
            body={"query": query, "limit": limit},
            headers={"Accept": accept},
            deadline=time.monotonic() + timeout_s,
            use=use,
        )
