"""HTTP with deadlines: the sole importer of urllib3, and the one border where its errors become ours.

What passes by itself is tried again until the deadline, with pauses of 50 ms doubling to 1 s: no connection, a cut
one, 408, 429, 502, 503 `unavailable`, 504; longer where `Retry-After` says so. What the API is asked may be repeated,
but for what `once` names. Connections are kept in a pool; it is thread-safe, but not for a child of fork, which makes
its own.

Errors: what none of these has passed by the deadline is ServiceAwayError, naming service and setting, or
NotYetVisibleError; what no Runfold API would answer is ServiceException; the others are told in `refusals`.
"""

from __future__ import annotations

import json
import threading
import time
from collections.abc import Callable, Iterable, Iterator, Mapping
from typing import Any, TypeVar
from urllib.parse import unquote, urlencode, urlsplit

import urllib3

from runfold.exceptions import NotYetVisibleError, ServiceException, UserErrorException

from . import refusals
from .refusals import Passing, Service

T = TypeVar("T")
CONNECT_S_MAX = 3.0
READ_S_MAX = 60.0  # of silence
GRACE_S = 1.0  # of silence past the deadline: an answer may be on its way
_BLOCK_BYTES = 1 << 18  # sent, or read, at once
_BYTES_A_SECOND_MIN = 1 << 20
_STORED_S = 8.0  # a store that is busy is not away
_PAUSE_S, _PAUSE_S_MAX = 0.05, 1.0
_PAUSE = threading.Event()  # never set: its wait is the pause
_JSON_BYTES_MAX = 256 << 20
_ERROR_BYTES_MAX = 1 << 20


class Answer:
    """An answer whose body is not read yet: `headers`, `read(size)`; `first` is the place of its first byte."""

    def __init__(self, response: urllib3.BaseHTTPResponse, first: int = 0) -> None:
        self._response = response
        self.first = first
        self.headers: Mapping[str, str] = response.headers

    def read(self, size: int) -> bytes:
        """At most `size` bytes of the body; empty at its end. A cut connection raises, and so never looks like the
        end.
        """
        return self._response.read(size)

    def come(self) -> bytes:
        """What of the body has come, at least a byte of it; empty at its end."""
        return self._response.read1(_BLOCK_BYTES)

    def whole(self) -> bytes:
        """The rest of the body."""
        return b"".join(iter(lambda: self.read(_BLOCK_BYTES), b""))

    def json(self) -> Any:
        """The body as JSON."""
        return json.loads(self._response.read(_JSON_BYTES_MAX) or b"null")


class Truncated(Exception):
    """A body that ends before its format says so; it is asked for again."""


class Transport:
    """Talks to one API.

    :param service: The API.
    :param access_token: Sent as bearer; None sends none, and the API will refuse.
    """

    def __init__(self, service: Service, access_token: str | None) -> None:
        self._service = service
        parts = urlsplit(service.address)
        if parts.scheme not in ("http", "https") or not parts.netloc:
            raise UserErrorException(
                f"{service.setting} is {service.address!r}; allowed is an address such as http://127.0.0.1:8400."
            )
        self._base = service.address.rstrip("/")
        self._headers = {"Authorization": f"Bearer {access_token}"} if access_token else {}
        self._pool = urllib3.PoolManager(maxsize=8, retries=False)

    def ask(
        self,
        path: str,
        query: Mapping[str, object] | None = None,
        *,
        body: object = None,
        method: str | None = None,
        headers: Mapping[str, str] | None = None,
        deadline: float,
        wait: Callable[[float], Mapping[str, object]] | None = None,
        use: Callable[[Answer], T],
        once: bool = False,
    ) -> T:
        """GETs (or POSTs, with a `body`) and gives the answer to `use`, again from the start when its connection is
        cut.

        :param path: Below the API's address, percent-encoded.
        :param query: Parameters; None values are left out, bools are true and false, lists are repeated.
        :param body: To be sent as JSON.
        :param method: Another than GET or POST.
        :param headers: Sent too, such as Accept.
        :param deadline: Of `time.monotonic()`; the first try is made even when it has passed.
        :param wait: Given the seconds that are left, further parameters of the query, or of a body.
        :param use: Reads what it needs and returns the result.
        :param once: It is asked once: what was cut may have been done, and would be done twice.
        """

        def attempt(left: float) -> T:
            more = wait(left) if wait is not None else {}
            asked = {**(query or {}), **(more if body is None else {})}
            sent = json.dumps({**body, **more}).encode() if isinstance(body, dict) else None
            with self._answered(method, path, asked, sent, headers, left) as response:
                if response.status >= 400:
                    raise self._refusal(response, str(asked.get("not_before", "")))
                return _used(self._service, response, use)

        return _until(deadline, attempt, once=once)

    def follow(
        self, path: str, query: Mapping[str, object], *, headers: Mapping[str, str], silence_s: float
    ) -> Iterator[bytes]:
        """Pieces of an answer that has no end, as they come; it is over when the API closes it. Asked for once.

        :param silence_s: Seconds without a byte after which the connection counts as cut.
        :raises ServiceAwayError: It was cut, or never made: ask anew, from where the last piece ended.
        """
        try:
            with self._answered(None, path, query, None, headers, silence_s, read_s=silence_s) as response:
                if response.status >= 400:
                    raise self._refusal(response, "")
                answer = Answer(response)
                try:
                    while piece := answer.come():
                        yield piece
                except (urllib3.exceptions.HTTPError, OSError) as error:
                    raise _away(self._service, error) from error
                finally:
                    response.close()  # what is left of it has no end
        except Passing as passing:
            raise passing.error from passing.__cause__

    def _answered(
        self,
        method: str | None,
        path: str,
        query: Mapping[str, object],
        body: bytes | None,
        headers: Mapping[str, str] | None,
        left: float,
        read_s: float = 0.0,
    ) -> _connected:
        sent = {**self._headers, **(headers or {})}
        if body is not None:
            sent["Content-Type"] = "application/json"
        method = method or ("GET" if body is None else "POST")
        url = self._base + path + _query(query)
        return _connected(self._service, self._pool, method, url, left, body=body, headers=sent, read_s=read_s)

    def _refusal(self, response: urllib3.BaseHTTPResponse, not_before: str) -> Exception:
        """The exception that an answer is."""
        status, reason, headers = response.status, response.reason, response.headers
        return refusals.of_api(self._service, status, reason, headers, _told_by(response), not_before)


class ObjectStore:
    """Sends and fetches bytes by signed addresses. What they are worth is the caller's to check."""

    setting = "RUNFOLD_S3_ADDRESS"

    def __init__(self) -> None:
        self._pool = urllib3.PoolManager(maxsize=32, retries=False, blocksize=_BLOCK_BYTES)

    def put(
        self,
        url: str,
        headers: Mapping[str, str],
        opened: Callable[[], Any],
        size: int,
        deadline: float,
        moved: Callable[[int], None] | None = None,
    ) -> str:
        """PUTs `size` bytes, and gives the ETag of what is stored; each try opens the source anew.

        :param moved: Told of the bytes that were sent, piece by piece; a try that failed is taken back.
        :raises ServiceAwayError: It was not stored by the deadline.
        :raises ServiceException: The store refuses; status_code as answered, 403 when the address is no longer good.
        """

        def once(left: float) -> str:
            sent = {**headers, "Content-Length": str(size)}
            with opened() as source:
                told = _Told(source, moved)
                try:
                    with _connected(
                        _store(url), self._pool, "PUT", url, left, body=told, headers=sent, read_s=_patience_s(size)
                    ) as response:
                        if response.status >= 300:
                            raise _store_refusal(url, response)
                        return response.headers.get("ETag", "").strip('"')
                except BaseException:
                    told.take_back()
                    raise

        return _until(deadline, once)

    def get(self, url: str, use: Callable[[Answer], T], deadline: float, first: int = 0) -> T:
        """GETs, and gives the answer to `use`, again when its connection is cut.

        :param first: Place of the first byte that is wanted; `Answer.first` is that of the one that came.
        :raises ServiceAwayError: It did not answer by the deadline.
        :raises ServiceException: There is no such object (status_code 404), or the address is no longer good (403).
        """

        def once(left: float) -> T:
            headers = {"Range": f"bytes={first}-"} if first else None
            with _connected(_store(url), self._pool, "GET", url, left, headers=headers, read_s=READ_S_MAX) as response:
                if response.status >= 300:
                    raise _store_refusal(url, response)
                return _used(_store(url), response, use, first if response.status == 206 else 0)

        return _until(deadline, once)


class _Told:
    """A source that tells how much of it was read."""

    def __init__(self, source: Any, moved: Callable[[int], None] | None) -> None:
        self._source, self._moved, self._sent = source, moved, 0

    def read(self, size: int) -> bytes:
        chunk: bytes = self._source.read(size)
        if self._moved is not None and chunk:
            self._sent += len(chunk)
            self._moved(len(chunk))
        return chunk

    def take_back(self) -> None:
        if self._moved is not None and self._sent:
            self._moved(-self._sent)


def _patience_s(size: int) -> float:
    """Silence that is borne after so many bytes were sent: the store may have to write them down first."""
    return min(READ_S_MAX, _STORED_S + size / _BYTES_A_SECOND_MIN)


def _until(deadline: float, attempt: Callable[[float], T], *, once: bool = False) -> T:
    """Tries until it works (or `once`), or raises what may pass by itself no more."""
    pause = _PAUSE_S
    while True:
        try:
            return attempt(max(0.0, deadline - time.monotonic()))
        except Passing as passing:
            left = deadline - time.monotonic()
            if left <= 0 or once:
                raise passing.error from passing.__cause__
            if not isinstance(passing.error, NotYetVisibleError):  # the API itself has waited for that
                _PAUSE.wait(min(max(pause, passing.retry_after_s), left))
                pause = min(2 * pause, _PAUSE_S_MAX)


class _connected:
    """An answer within a `with`; connection errors become ours, and the connection goes back or is closed."""

    def __init__(
        self,
        service: Service,
        pool: urllib3.PoolManager,
        method: str,
        url: str,
        left: float,
        *,
        body: Any = None,
        headers: Mapping[str, str] | None = None,
        read_s: float = 0.0,
    ) -> None:
        read_s = max(read_s, min(READ_S_MAX, left + GRACE_S))
        timeout = urllib3.Timeout(connect=min(CONNECT_S_MAX, left + GRACE_S), read=read_s)
        try:
            self._response = pool.request(
                method, url, body=body, headers=headers, preload_content=False, redirect=False, timeout=timeout
            )
        except (urllib3.exceptions.HTTPError, OSError) as error:
            raise _away(service, error) from error

    def __enter__(self) -> urllib3.BaseHTTPResponse:
        return self._response

    def __exit__(self, kind: type[BaseException] | None, *_: object) -> None:
        try:
            if kind is None:
                self._response.drain_conn()
            else:
                self._response.close()
        finally:
            self._response.release_conn()


def _used(service: Service, response: urllib3.BaseHTTPResponse, use: Callable[[Answer], T], first: int = 0) -> T:
    try:
        return use(Answer(response, first))
    except (urllib3.exceptions.HTTPError, Truncated) as error:
        raise _away(service, error) from error
    except (ValueError, KeyError) as error:
        message = f"what answers at {service.address} ({service.setting}) is not the {service.name}: {error!r}"
        raise ServiceException(message, status_code=response.status) from error


def _away(service: Service, error: Exception) -> Passing:
    return service.away(f"{type(error).__name__}: {error}", error)


def _store(url: str) -> Service:
    parts = urlsplit(url)
    return Service("object store", ObjectStore.setting, f"{parts.scheme}://{parts.netloc}")


def _store_refusal(url: str, response: urllib3.BaseHTTPResponse) -> Exception:
    return refusals.of_store(_store(url), unquote(urlsplit(url).path), response.status, _told_by(response)[:1000])


def _told_by(response: urllib3.BaseHTTPResponse) -> bytes:
    """What a refusal says; empty where it is cut."""
    try:
        return response.read(_ERROR_BYTES_MAX)
    except urllib3.exceptions.HTTPError:
        return b""


def _query(parameters: Mapping[str, object]) -> str:
    given: Iterable[tuple[str, str]] = [
        (name, str(value).lower() if isinstance(value, bool) else str(value))
        for name, values in parameters.items()
        for value in (values if isinstance(values, (list, tuple)) else (values,))
        if value is not None
    ]
    return f"?{urlencode(list(given))}" if given else ""
