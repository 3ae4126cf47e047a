"""The object store, asked from routes: beside the loop, and with its troubles told as errors of the API."""

from __future__ import annotations

from collections.abc import Callable
from typing import TypeVar

from starlette.concurrency import run_in_threadpool

from runfold_consumers.api.errors import ApiError, unavailable
from runfold_consumers.artifacts.objects import UploadGone, UploadRefused
from runfold_consumers.engine.errors import Away, Stop

T = TypeVar("T")


async def of_store(ask: Callable[[], T]) -> T:
    """What the object store answers.

    Raises:
        ApiError: 503, the store cannot be used; 409 `gone` or `incomplete`, of an upload in parts.
    """
    try:
        return await run_in_threadpool(ask)
    except (Away, Stop) as trouble:
        raise unavailable("object store", "cannot be used", trouble) from trouble
    except UploadGone as gone:
        raise ApiError(409, "gone", f"there is no such upload any more ({gone}); ask /uploads again") from gone
    except UploadRefused as refused:
        raise ApiError(409, "incomplete", f"the store refuses these parts ({refused}); ask /uploads/parts") from refused
