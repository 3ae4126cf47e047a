"""Postgres for readers: a pool that comes back by itself, and snapshots in which data and position agree."""

from __future__ import annotations

import asyncio
import sys
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from functools import cache
from importlib import resources
from typing import Any

import psycopg
from psycopg.rows import dict_row
from psycopg_pool import AsyncConnectionPool

from runfold_consumers.api.errors import ApiError
from runfold_schemas.watermark import Watermark

Row = dict[str, Any]
Connection = psycopg.AsyncConnection[Row]

CONNECTIONS_MAX = 8
CHECKOUT_SECONDS_MAX = 3.0  # longer than a restart of Postgres, shorter than a client's patience
STATEMENT_SECONDS_MAX = 30
# UTC: a writer may say any time, and in a zone east of it the last day of year 9999 is one that Python has no datetime
# for. No JIT: for statements as short as these it costs tens of milliseconds wherever the planner expects many rows.
_OPTIONS = (
    f"-c statement_timeout={STATEMENT_SECONDS_MAX}s -c idle_in_transaction_session_timeout=60s "
    "-c TimeZone=UTC -c jit=off"
)
LASTING_READS_MAX = 4
LASTING_SECONDS_MAX = 600  # for which a client may take nothing
_LASTING_OPTIONS = (
    f"-c statement_timeout=0 -c idle_in_transaction_session_timeout={LASTING_SECONDS_MAX}s -c TimeZone=UTC -c jit=off"
)


@cache
def statement(name: str) -> bytes:
    """The SQL text of `statements/<name>.sql`."""
    return (resources.files(__package__) / "statements" / f"{name}.sql").read_bytes()


class Snapshot:
    """One repeatable-read view of a workspace. Everything asked of it, its watermark too, is of the same moment."""

    def __init__(self, connection: Connection, workspace: str) -> None:
        self.connection = connection
        self.workspace = workspace
        self.by_index = False  # what search has set in the transaction

    async def rows(
        self, name: str, parameters: Mapping[str, Any] | None = None, *, binary: bool = False, prepare: bool = False
    ) -> list[Row]:
        """The rows of a statement; `workspace` is a parameter of each. `binary`: for rows that carry many bytes.
        `prepare`: for what is asked often, and read in the same way whatever the parameters.
        """
        asked = {"workspace": self.workspace, **(parameters or {})}
        cursor = await self.connection.execute(statement(name), asked, binary=binary, prepare=prepare)
        return await cursor.fetchall()

    async def watermark(self) -> str:
        """What is folded in this snapshot: the next offset per topic id and partition."""
        offsets: dict[str, dict[int, int]] = {}
        for row in await self.rows("positions", prepare=True):
            offsets.setdefault(row["topic_id"], {})[row["partition"]] = row["next_offset"]
        return str(Watermark(offsets))


class Database:
    """A pool of connections. Opening it never fails: while Postgres is away, snapshots raise
    psycopg.OperationalError.
    """

    def __init__(self, conninfo: str) -> None:
        self.conninfo = conninfo
        self._pool: AsyncConnectionPool[Connection] = AsyncConnectionPool(
            conninfo,
            kwargs={
                "row_factory": dict_row,
                "autocommit": True,  # transactions are begun by the check
                "prepare_threshold": sys.maxsize,  # where it is asked for: most plans depend on the parameters
                "connect_timeout": 3,
                "application_name": "runfold-api",
                "options": _OPTIONS,
            },
            check=_begun,
            min_size=1,
            max_size=CONNECTIONS_MAX,
            max_waiting=256,
            timeout=CHECKOUT_SECONDS_MAX,
            reconnect_timeout=1.0,  # give up soon: the next request tries anew, rather than wait out a long back-off
            open=False,
        )

        self._lasting = asyncio.Semaphore(LASTING_READS_MAX)

    async def open(self) -> None:
        """Starts connecting, without waiting for it."""
        await self._pool.open(wait=False)

    def pool_state(self) -> Mapping[str, int]:
        """Counts of the pool, as psycopg_pool names them: `pool_size`, `pool_available`, `requests_waiting`, ..."""
        return self._pool.get_stats()

    async def close(self) -> None:
        """Closes all connections."""
        await self._pool.close()

    @asynccontextmanager
    async def snapshot(self, workspace: str) -> AsyncIterator[Snapshot]:
        """A snapshot of a workspace, until the block ends."""
        async with self._pool.connection() as connection:  # which ends the transaction
            yield Snapshot(connection, workspace)

    @asynccontextmanager
    async def lasting(self, workspace: str) -> AsyncIterator[Snapshot]:
        """A snapshot on a connection of its own, for what streams as long as its client takes: exports.

        Raises:
            ApiError: 503 `busy`, LASTING_READS_MAX are open already.
        """
        if self._lasting.locked():
            message = f"{LASTING_READS_MAX} exports run already, as many as one API process takes; ask again later"
            raise ApiError(503, "busy", message, headers={"Retry-After": "10"})
        async with self._lasting:
            connection = await psycopg.AsyncConnection[Row].connect(
                self.conninfo,
                row_factory=dict_row,
                prepare_threshold=None,
                connect_timeout=3,
                application_name="runfold-api-lasting",
                options=_LASTING_OPTIONS,
            )
            try:
                await _read_snapshots(connection)
                yield Snapshot(connection, workspace)
            finally:  # not rolled back: a statement may be under way that nobody reads to its end
                await connection.close()


async def _begun(connection: Connection) -> None:
    """Begins the transaction; where that fails, the pool tries another connection: one round trip for both."""
    await connection.execute("BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY")


async def _read_snapshots(connection: Connection) -> None:
    await connection.set_isolation_level(psycopg.IsolationLevel.REPEATABLE_READ)
    await connection.set_read_only(True)
