"""One query of an analyst: on a connection of its own, bounded in time, rows and bytes."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Sequence
from typing import Any, NamedTuple

import psycopg
from psycopg.conninfo import make_conninfo

from runfold_consumers.api.audit import Actor
from runfold_consumers.api.errors import ApiError, not_found, unavailable
from runfold_consumers.api.sql import roles, values
from runfold_consumers.api.sql.roles import Login
from runfold_consumers.api.sql.values import Column, Raw

AT_ONCE_MAX = 4
"""Queries that one API process runs at a time."""
WAIT_SECONDS_MAX = 5.0
"""For one of them to end."""
ROWS_MAX = 10_000
ROW_BYTES_MAX = 1 << 20
ANSWER_BYTES_MAX = 16 << 20
_FETCHED_ROWS = 64  # a row may have ROW_BYTES_MAX: no more than that many are in memory before they are counted
_DECLARE = "DECLARE checked NO SCROLL CURSOR FOR "
_BOUNDED = (
    'DECLARE asked NO SCROLL CURSOR FOR SELECT "runfold answer".* FROM (\n{query}\n) AS "runfold answer"'
    ' WHERE analysis.fits("runfold answer", {bytes_max})'
)
_ALLOWED = "one query is taken: SELECT, WITH ... SELECT, VALUES or TABLE, over the views of schema analysis"
_BUSY_STATES = ("53", "58", "XX")  # no room, no disk, broken


class Answer(NamedTuple):
    """Rows of a query."""

    columns: Sequence[Column]
    rows: Sequence[Raw]
    truncated: bool
    """There are more rows than were asked for, or more bytes than ANSWER_BYTES_MAX."""


class Analysts:
    """Runs queries, each as the role of its workspace."""

    def __init__(self, conninfo: str, seconds_max: float) -> None:
        self._conninfo = conninfo
        self._seconds_max = seconds_max
        self._logins: dict[str, Login] = {}
        self._free = asyncio.Semaphore(AT_ONCE_MAX)

    async def ask(self, workspace: str, query: str, limit: int, by: Actor) -> Answer:
        """The rows of a query over the workspace's views.

        Args:
            workspace: whose.
            query: one SELECT.
            limit: rows at most.
            by: who asks.

        Raises:
            ApiError: 400 `sql`, the query is refused, with `position` (0-based character), `sqlstate` and `hint`, or
                took too long; 404, nobody knows the workspace; 503, too many queries run, or the database is away.
        """
        try:
            await asyncio.wait_for(self._free.acquire(), WAIT_SECONDS_MAX)
        except asyncio.TimeoutError:
            raise ApiError(
                503, "unavailable", f"{AT_ONCE_MAX} queries are running; ask again later", headers={"Retry-After": "5"}
            ) from None
        try:
            return await self._asked(workspace, query, limit, by)
        finally:
            self._free.release()

    async def _asked(self, workspace: str, query: str, limit: int, by: Actor) -> Answer:
        login = self._logins.get(workspace) or await self._login(workspace, by)
        deadline = time.monotonic() + self._seconds_max
        try:
            connection = await self._connect(login)
        except psycopg.OperationalError:  # the role may have been dropped, or been given another password
            connection = await self._connect(await self._login(workspace, by))
        try:
            return await asyncio.wait_for(_run(connection, query, limit, deadline), self._seconds_max + 1)
        except (asyncio.TimeoutError, psycopg.errors.QueryCanceled):
            raise ApiError(
                400,
                "sql",
                f"the query took longer than {self._seconds_max:g} s (RUNFOLD_SQL_SECONDS_MAX) and was ended; "
                "ask for less, or for one run at a time",
                sqlstate="57014",
                position=None,
                hint=None,
            ) from None
        except psycopg.Error as error:
            raise _told(error) from error
        finally:
            await connection.close()

    async def _login(self, workspace: str, by: Actor) -> Login:
        try:
            login = await asyncio.to_thread(roles.ensure, self._conninfo, workspace, by)
        except psycopg.errors.InsufficientPrivilege as error:
            raise unavailable("postgres", "does not let Runfold's role make the role of analysts", error) from error
        if login is None:
            raise not_found("workspace", workspace, "what was folded")
        self._logins[workspace] = login
        return login

    async def _connect(self, login: Login) -> psycopg.AsyncConnection[Any]:
        return await psycopg.AsyncConnection.connect(
            make_conninfo(self._conninfo, user=login.role, password=login.password, options=""),
            autocommit=True,
            prepare_threshold=None,
            connect_timeout=3,
            application_name="runfold-sql",
        )


async def _run(connection: psycopg.AsyncConnection[Any], query: str, limit: int, deadline: float) -> Answer:
    query = query.rstrip().rstrip(";")
    await connection.execute("BEGIN ISOLATION LEVEL REPEATABLE READ, READ ONLY")
    try:
        await _statement(connection, _DECLARE + query, deadline)  # alone: it must be a query by itself
    except psycopg.errors.QueryCanceled:
        raise
    except psycopg.Error as error:
        raise _told(error, len(_DECLARE)) from error
    await connection.execute("CLOSE checked")
    await _statement(connection, _BOUNDED.format(query=query, bytes_max=ROW_BYTES_MAX), deadline)
    columns: list[Column] | None = None
    rows: list[Raw] = []
    seen, more = 0, True
    while more and len(rows) <= limit and seen <= ANSWER_BYTES_MAX:
        result = await _statement(connection, f"FETCH {_FETCHED_ROWS} FROM asked", deadline)
        if columns is None:
            columns = [
                values.column(result.fname(place) or b"", result.ftype(place)) for place in range(result.nfields)
            ]
        for number in range(result.ntuples):
            row = [result.get_value(number, place) for place in range(result.nfields)]
            seen += sum(len(value) for value in row if value is not None)
            rows.append(row)
            if seen > ANSWER_BYTES_MAX:
                break
        more = result.ntuples == _FETCHED_ROWS
    if seen > ANSWER_BYTES_MAX:
        return Answer(columns or [], rows[: min(limit, max(1, len(rows) - 1))], True)
    return Answer(columns or [], rows[:limit], len(rows) > limit)


async def _statement(connection: psycopg.AsyncConnection[Any], text: str, deadline: float) -> Any:
    """Runs one statement within what is left of the time, which is told anew, whatever the one before has set."""
    left_ms = max(1, int((deadline - time.monotonic()) * 1000))
    await connection.execute(f"SET LOCAL statement_timeout = {left_ms}".encode())
    declares = text.startswith("DECLARE")
    cursor = await connection.execute(text.encode(), binary=declares)  # binary: the extended protocol, one statement
    return cursor.pgresult


def _told(error: psycopg.Error, before: int | None = None) -> ApiError:
    """What Postgres says. `before`: characters of the statement that stand before the query, where it tells a place."""
    state = error.sqlstate or ""
    if not state or state.startswith(_BUSY_STATES):
        return unavailable("postgres", "could not run the query", error)
    message = error.diag.message_primary or str(error)
    position = error.diag.statement_position
    place = max(0, int(position) - 1 - before) if position and before is not None else None
    hint = error.diag.message_hint or (_ALLOWED if state == "42601" else None)
    return ApiError(400, "sql", message, sqlstate=state, position=place, hint=hint)
