"""Connections that fail in every way: tried again to the deadline, then an exception that names service and setting."""

from __future__ import annotations

import json
import socket
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager

import pytest

from runfold.exceptions import NotYetVisibleError, ServiceAwayError, ServiceException, UserErrorException
from runfold.reading.client import ApiClient
from runfold.reading.transport import ObjectStore
from runfold_schemas.settings import Settings

CUT = b""  # the connection is closed without a word


def answer(status: int, body: object, length: int | None = None) -> bytes:
    data = body if isinstance(body, bytes) else json.dumps(body).encode()
    length = len(data) if length is None else length
    return b"HTTP/1.1 %d X\r\nContent-Length: %d\r\nConnection: close\r\n\r\n" % (status, length) + data


def error(status: int, code: str) -> bytes:
    return answer(status, {"error": {"code": code, "message": code}})


OK = answer(200, {"watermark": "w1.x"})


@contextmanager
def scripted(*script: bytes) -> Iterator[tuple[str, list[bytes]]]:
    """A server that gives these answers, a connection each, the last one over and over; and what it was sent."""
    heads: list[bytes] = []
    with socket.create_server(("127.0.0.1", 0)) as listening:

        def serve() -> None:
            left = list(script)
            while True:
                try:
                    connection, _ = listening.accept()
                except OSError:
                    return
                with connection:
                    heads.append(connection.recv(65536))
                    connection.sendall(left.pop(0) if len(left) > 1 else left[0])

        thread = threading.Thread(target=serve)
        thread.start()
        try:
            yield f"http://127.0.0.1:{listening.getsockname()[1]}", heads
        finally:
            listening.shutdown(socket.SHUT_RDWR)
            thread.join()


def client(address: str) -> ApiClient:
    return ApiClient(Settings.load(api=address, access_token="rft_secret", workspace="team-a"))


@pytest.mark.parametrize(
    "trouble",
    [CUT, error(503, "unavailable"), error(502, "x"), answer(503, b"<html>"), answer(200, b'{"watermark"', length=50)],
)
def test_what_passes_by_itself_is_tried_again(trouble: bytes) -> None:
    with scripted(trouble, trouble, OK) as (address, heads):
        assert client(address).watermark() == "w1.x"
    assert len(heads) == 3
    assert all(b"Authorization: Bearer rft_secret" in head for head in heads)


@pytest.mark.parametrize("trouble", [CUT, error(503, "unavailable"), answer(200, b"{", length=9)])
def test_what_does_not_pass_by_the_deadline_names_service_and_setting(trouble: bytes) -> None:
    with scripted(trouble) as (address, _):
        begun = time.monotonic()
        with pytest.raises(ServiceAwayError) as raised:
            client(address).watermark(timeout_s=0.3)
        assert time.monotonic() - begun < 5
    assert (raised.value.service, raised.value.setting, raised.value.address) == ("API", "RUNFOLD_API", address)
    assert "rft_secret" not in str(raised.value)


def test_nobody_there_is_told_at_the_deadline() -> None:
    with socket.create_server(("127.0.0.1", 0)) as listening:
        port = listening.getsockname()[1]
    with pytest.raises(ServiceAwayError, match="RUNFOLD_API"):
        client(f"http://127.0.0.1:{port}").run("r", timeout_s=0.2)


def test_a_frozen_api_holds_nobody_up_past_the_deadline() -> None:
    with socket.create_server(("127.0.0.1", 0)) as listening:  # connections are taken by the kernel, answered by nobody
        frozen = client(f"http://127.0.0.1:{listening.getsockname()[1]}")
        begun = time.monotonic()
        with pytest.raises(ServiceAwayError, match="RUNFOLD_API"):
            frozen.lag(timeout_s=0.3)
        assert time.monotonic() - begun < 4


def test_something_else_at_that_address_is_told_as_such() -> None:
    for body in (b"<html>", b'{"other": 1}'):
        with scripted(answer(200, body)) as (address, _), pytest.raises(ServiceException, match="not the API"):
            client(address).watermark() if body[:1] == b"<" else client(address).metrics("r")


def test_not_yet_is_asked_again_with_what_is_left_of_the_time() -> None:
    with scripted(error(503, "not_yet"), OK) as (address, heads):
        assert client(address).watermark(not_before="w1.abc", timeout_s=20) == "w1.x"
    assert all(b"not_before=w1.abc" in head and b"wait_s=" in head for head in heads)
    with scripted(error(503, "not_yet")) as (address, _), pytest.raises(NotYetVisibleError) as raised:
        client(address).watermark(not_before="w1.abc", timeout_s=0)
    assert raised.value.watermark == "w1.abc"


def test_an_error_that_does_not_pass_is_raised_at_once() -> None:
    for status, expected in ((500, ServiceException), (404, ServiceException), (400, UserErrorException)):
        with scripted(error(status, "x")) as (address, heads), pytest.raises(expected):
            client(address).watermark()
        assert len(heads) == 1


def test_settings_that_are_missing_or_wrong_are_told_by_name() -> None:
    with pytest.raises(ServiceAwayError, match="RUNFOLD_API"):
        ApiClient(Settings.model_construct(api=None, workspace="w", access_token=None))
    with pytest.raises(UserErrorException, match="RUNFOLD_WORKSPACE"):
        ApiClient(Settings.model_construct(api="http://x", workspace=None, access_token=None))
    with pytest.raises(UserErrorException, match="http"):
        ApiClient(Settings.model_construct(api="localhost:1", workspace="w", access_token=None))


def test_an_object_store_that_is_away_is_named_without_the_signature() -> None:
    def fetch(address: str) -> Callable[[], object]:
        return lambda: ObjectStore().get(f"{address}/b/k?sig=secret", lambda a: a.read(9), time.monotonic() + 0.2)

    with scripted(CUT) as (address, _), pytest.raises(ServiceAwayError) as raised:
        fetch(address)()
    assert (raised.value.service, raised.value.setting) == ("object store", "RUNFOLD_S3_ADDRESS")
    assert "secret" not in str(raised.value)
    with scripted(answer(404, b"NoSuchKey")) as (address, _), pytest.raises(ServiceException) as refused:
        fetch(address)()
    assert refused.value.status_code == 404
    assert "secret" not in str(refused.value)


@pytest.mark.parametrize(("status", "first"), [(206, 3), (200, 0)], ids=["ranges", "no ranges"])
def test_an_answer_says_where_its_bytes_begin(status: int, first: int) -> None:
    body = b"abcdef"[first:]
    with scripted(answer(status, body)) as (address, heads):
        got = ObjectStore().get(f"{address}/k", lambda each: (each.first, each.whole()), time.monotonic() + 5, 3)
    assert got == (first, body)
    assert b"Range: bytes=3-" in heads[0]
