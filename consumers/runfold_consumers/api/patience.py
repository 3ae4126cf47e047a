"""Streams that hold a snapshot last as long as somebody takes them, and no longer."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator

from runfold_consumers.api import database
from runfold_consumers.api.arrow.tables import Bytes


async def begun(pieces: AsyncIterator[Bytes]) -> AsyncIterator[Bytes]:
    """The same pieces, the first of them made already: what is wrong with the question is still an answer then."""
    first = await anext(pieces, None)

    async def all_of_them() -> AsyncIterator[Bytes]:
        if first is not None:
            yield first
        async for piece in pieces:
            yield piece

    return all_of_them()


async def taken(pieces: AsyncIterator[Bytes]) -> AsyncIterator[Bytes]:
    """The pieces. Who takes none for LASTING_SECONDS_MAX is cut off, so that no snapshot is held for nobody."""
    task, loop = asyncio.current_task(), asyncio.get_running_loop()
    async for piece in pieces:
        patience = loop.call_later(database.LASTING_SECONDS_MAX, task.cancel) if task else None
        yield piece
        if patience:
            patience.cancel()
