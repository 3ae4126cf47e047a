"""How the API is asked: paths, deadlines, watermarks and pages. What is asked stands in the modules by topic."""

from __future__ import annotations

import time
import uuid
from collections.abc import Callable, Iterator
from email.utils import parsedate_to_datetime
from typing import Any, TypeVar, cast
from urllib.parse import quote

from runfold.exceptions import NotYetVisibleError, ServiceAwayError, UserErrorException
from runfold_schemas import limits
from runfold_schemas.settings import Settings

from .refusals import Service
from .transport import Answer, ObjectStore, Transport

T = TypeVar("T")
TIMEOUT_S = 10.0
TRANSFER_TIMEOUT_S = 60.0  # until a transfer must have been begun for the last time
_IN_URL_MAX = 8_000  # characters of a watermark in a query; a larger one is waited for by POST before
_PAGE_ROWS = 1000


class Asking:
    """One workspace of one API. Nothing is asked at construction. Thread-safe; a child of fork makes its own.

    :param settings: api, access_token and workspace are used.
    :raises ServiceAwayError: RUNFOLD_API is not set.
    :raises UserErrorException: It is no address, or RUNFOLD_WORKSPACE is not set.
    """

    def __init__(self, settings: Settings) -> None:
        if settings.api is None:
            raise ServiceAwayError("API", "RUNFOLD_API", None, "the setting is not set")
        if settings.workspace is None:
            raise UserErrorException("RUNFOLD_WORKSPACE is not set: reads need the name of a workspace.")
        access_token = settings.access_token.get_secret_value() if settings.access_token is not None else None
        self.workspace = settings.workspace
        self._transport = Transport(Service("API", "RUNFOLD_API", settings.api), access_token)
        self._objects = ObjectStore()

    def wait(self, watermark: str, timeout_s: float) -> bool:
        """Whether all of the watermark is folded within `timeout_s` seconds."""
        try:
            self._transport.ask(
                self._path("/wait"),
                body={"not_before": watermark},
                deadline=time.monotonic() + timeout_s,
                wait=lambda left: {"wait_s": min(left, limits.WAIT_SECONDS_MAX)},
                use=lambda answer: None,
            )
        except NotYetVisibleError:
            return False
        return True

    def clock_offset_s(self, timeout_s: float = TIMEOUT_S) -> float | None:
        """How many seconds the API's clock is ahead of this machine's, to half a second; None where it does not say."""
        began = time.time()
        told = self._transport.ask(
            "/livez", deadline=time.monotonic() + timeout_s, use=lambda answer: answer.headers.get("Date")
        )
        if told is None:
            return None
        return parsedate_to_datetime(told).timestamp() + 0.5 - (began + time.time()) / 2

    def server_version(self, timeout_s: float = TIMEOUT_S) -> str:
        """Version of the API."""
        deadline = time.monotonic() + timeout_s
        return str(self._transport.ask("/openapi.json", deadline=deadline, use=lambda a: a.json()["info"]["version"]))

    def _path(self, below: str) -> str:
        return f"/v1/workspaces/{quote(self.workspace, safe='')}{below}"

    def _get(self, below: str, query: dict[str, Any], not_before: str | None, timeout_s: float) -> dict[str, Any]:
        return cast("dict[str, Any]", self._ask(below, query, not_before, timeout_s, Answer.json))

    def _ask(
        self,
        below: str,
        query: dict[str, Any],
        not_before: str | None,
        timeout_s: float,
        use: Callable[[Answer], T],
    ) -> T:
        deadline = time.monotonic() + timeout_s
        if not_before is not None and len(not_before) > _IN_URL_MAX:
            if not self.wait(not_before, timeout_s):
                reason = "what was asked for is not visible yet"
                raise NotYetVisibleError("RUNFOLD_API", None, reason, not_before)
            not_before = None  # what is folded stays folded
        if not_before is None:
            return self._transport.ask(self._path(below), query, deadline=deadline, use=use)
        return self._transport.ask(
            self._path(below),
            {**query, "not_before": not_before},
            deadline=deadline,
            wait=lambda left: {"wait_s": min(left, limits.WAIT_SECONDS_MAX)},
            use=use,
        )

    def _post(self, below: str, body: dict[str, Any], deadline: float) -> Any:
        """What is not read, and so waits for no watermark. `deadline` is of `time.monotonic()`."""
        return self._transport.ask(self._path(below), body=body, deadline=deadline, use=Answer.json)

    def _state(self, method: str, path: str, body: dict[str, Any] | None, timeout_s: float, *, once: bool) -> Any:
        """What changes something; `path` is whole. `once`: to be done twice would be wrong."""
        deadline = time.monotonic() + timeout_s
        return self._transport.ask(path, method=method, body=body, deadline=deadline, use=Answer.json, once=once)

    def _state_once(self, method: str, path: str, body: dict[str, Any], timeout_s: float) -> Any:
        """What is stated as an event, under a key of its own: however often it must be asked for, it is stated once."""
        headers = {"Idempotency-Key": uuid.uuid4().hex}
        deadline = time.monotonic() + timeout_s
        return self._transport.ask(path, method=method, body=body, headers=headers, deadline=deadline, use=Answer.json)

    def _pages(
        self, below: str, query: dict[str, Any], not_before: str | None, timeout_s: float
    ) -> Iterator[dict[str, Any]]:
        cursor: str | None = None
        while True:
            page = self._get(below, {**query, "cursor": cursor, "limit": _PAGE_ROWS}, not_before, timeout_s)
            yield page
            cursor = page["next_cursor"]
            if cursor is None:
                return


def segment(name: str) -> str:
    """A name as one segment of a path."""
    encoded = quote(name, safe="")
    if set(encoded) == {"."}:  # a path segment of dots alone would mean another folder
        encoded = encoded.replace(".", "%2E")
    return encoded


def run_path(run_id: str) -> str:
    """Path of a run below the workspace."""
    return f"/runs/{segment(run_id)}"
