"""Settling: a series to which nothing came for a while gets its last, least and greatest value into indexes.

An index over what every point changes would make every point touch all indexes of `state.series`, which is twice the
work of a projector for many series of few points. So what moves is not indexed: search reads the few series that do
beside the index of all that do not. A point that comes after all unsettles its series in the very statement that folds
it (`put_series`), so what search finds never depends on when this runs.
"""

from __future__ import annotations

from runfold_consumers.engine.projection import Connection
from runfold_consumers.state.statements import statement

REST_S = 60.0
"""Seconds of broker time after which a series has come to rest."""
ROWS_AT_ONCE = 2_000


def settle(connection: Connection) -> int:
    """Settles some series, as one transaction; how many. Any number of processes may do so at once.

    Args:
        connection: in autocommit, outside of a transaction.

    Raises:
        psycopg.Error: the database is away, or is being rebuilt.
    """
    with connection.transaction():
        connection.execute(statement("hold_off_rebuild"))
        return connection.execute(statement("settle_series"), (REST_S, ROWS_AT_ONCE)).rowcount
