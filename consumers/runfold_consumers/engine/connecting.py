"""Connections to Postgres with the limits a projector needs, and the border where a lost one becomes `Away`."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

import psycopg
from psycopg import errors

from runfold_consumers.engine.errors import Away
from runfold_consumers.engine.projection import Connection

IDLE_IN_TRANSACTION_MS = 5_000  # a frozen projector gives its locks back
STATEMENT_MS = 60_000  # ... also when it froze in the middle of a COPY

# What passes by itself: the server is away or restarting, a deadlock was broken, or the tables are being dropped and
# made anew (rebuild).
TRANSIENT = (
    psycopg.OperationalError,
    psycopg.InterfaceError,
    psycopg.InternalError,
    errors.UndefinedTable,
    errors.InvalidSchemaName,
)


def connect(postgres: str, name: str) -> Connection:
    """An autocommit connection; transactions are opened with `connection.transaction()`.

    Statements are never prepared: a plan that outlives a migration or a rebuild fails with "cached plan must not change
    result type".

    Raises:
        Away: the server does not answer.
    """
    with answering():
        return psycopg.connect(
            postgres,
            autocommit=True,
            prepare_threshold=None,
            application_name=f"runfold {name}"[:63],
            connect_timeout=5,
            tcp_user_timeout=10_000,
            options=f"-c idle_in_transaction_session_timeout={IDLE_IN_TRANSACTION_MS} "
            f"-c statement_timeout={STATEMENT_MS}",
        )


@contextmanager
def answering() -> Iterator[None]:
    """Turns what passes by itself into `Away`; everything else goes on as it is."""
    try:
        yield
    except TRANSIENT as error:
        raise Away("postgres", " ".join(str(error).split()) or type(error).__name__) from error
