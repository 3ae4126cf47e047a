"""What an answer that is no success becomes: the one table from status and code to exception. Pure.

What may pass by itself is a `Passing`, which is asked again; the others are raised:

    503 `not_yet`                                                 Passing(NotYetVisibleError)
    408, 429, 502, 503, 504                                       Passing(ServiceAwayError)
    401, 403                                                      AuthenticationException
    404 of a run                                                  RunNotFoundError
    other 404, 409                                                ServiceException, status_code as answered
    400 `filter`                                                  FilterError: .text .position .expected
    other 4xx                                                     UserErrorException
    other 5xx                                                     ServiceException, status_code as answered
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any, NamedTuple

from runfold.exceptions import (
    AuthenticationException,
    FilterError,
    NotYetVisibleError,
    RunNotFoundError,
    ServiceAwayError,
    ServiceException,
    UserErrorException,
)

_NO_ROUTE = ((404, "Not Found"), (405, "Method Not Allowed"))  # what nothing but a path that is none is answered
_PASSING = (408, 429, 502, 503, 504)


class Service(NamedTuple):
    """What is talked to, as messages name it."""

    name: str
    setting: str
    address: str

    def away(self, reason: str, inner: Exception | None = None) -> Passing:
        """It did not answer, for a reason that may pass."""
        return Passing(ServiceAwayError(self.name, self.setting, self.address, reason, inner_exception=inner))


class Passing(Exception):
    """Something that may pass by itself; `error` is what to raise when it has not by the deadline."""

    def __init__(self, error: Exception, retry_after_s: float = 0.0) -> None:
        super().__init__(str(error))
        self.error = error
        self.retry_after_s = retry_after_s


def of_api(
    service: Service, status: int, reason: str | None, headers: Mapping[str, str], body: bytes, not_before: str
) -> Exception:
    """The exception that an answer of the API is.

    :param reason: The words beside the status.
    :param not_before: The watermark that was asked for, or empty.
    """
    error = _error_of(body)
    code, message = error.get("code"), str(error.get("message", reason))
    if code == "not_yet":
        return Passing(NotYetVisibleError(service.setting, service.address, message, not_before))
    if status in _PASSING:
        away = service.away(f"{status}: {message}")
        away.retry_after_s = _seconds(headers.get("Retry-After"))
        return away
    if code == "filter":
        return FilterError(message, str(error.get("text", "")), error.get("position"), error.get("expected") or ())
    if status in (401, 403):
        return AuthenticationException(f"The API at {service.address} refuses (RUNFOLD_ACCESS_TOKEN): {message}.")
    if status == 404 and error.get("kind") == "run":
        return RunNotFoundError(str(error.get("id")), f"the ledger behind {service.address}")
    if (status, message) in _NO_ROUTE:
        told = f"The API at {service.address} does not know what it was asked; is it older than this client?"
        return ServiceException(f"{told} `runfold doctor` tells both versions.", status_code=status)
    if status in (404, 409) or status >= 500:
        return ServiceException(message, status_code=status)
    return UserErrorException(message)


def of_store(service: Service, path: str, status: int, body: bytes) -> Exception:
    """The exception that an answer of the object store is."""
    told = body.decode("utf-8", "replace")
    if status >= 500:
        return service.away(f"{status}: {told}")
    message = f"the object store at {service.address} refuses {path}: {status}: {told}"
    return ServiceException(message, status_code=status)


def _error_of(body: bytes) -> Mapping[str, Any]:
    try:
        error = json.loads(body)["error"]
    except (ValueError, KeyError, TypeError):
        return {}
    return error if isinstance(error, dict) else {}


def _seconds(told: str | None) -> float:
    """Of a Retry-After in seconds; its other form, a date, is not waited for."""
    return float(told) if told is not None and told.isdecimal() else 0.0
