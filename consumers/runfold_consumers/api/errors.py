"""Errors as they are told: `{"error": {"code", "message", ...}}`, and the one border where foreign ones become ours."""

from __future__ import annotations

import logging
from typing import Any

import psycopg
from fastapi import FastAPI, Request
from fastapi.exceptions import RequestValidationError
from fastapi.responses import JSONResponse
from pydantic import BaseModel, ConfigDict, Field
from starlette.exceptions import HTTPException

log = logging.getLogger(__name__)

_CODE_OF_STATUS = {404: "not_found", 405: "method_not_allowed", 408: "too_slow", 413: "too_large"}


class ApiError(Exception):
    """An answer that is an error.

    Attributes:
        status: HTTP status.
        code: what a program decides by; stable.
        message: what was wrong, which value, what is allowed, what to do; for people.
        facts: further fields of the error object.
        headers: further headers.
    """

    def __init__(
        self, status: int, code: str, message: str, *, headers: dict[str, str] | None = None, **facts: Any
    ) -> None:
        super().__init__(message)
        self.status, self.code, self.message, self.headers, self.facts = status, code, message, headers, facts

    def response(self) -> JSONResponse:
        """The answer on the wire."""
        error = {"code": self.code, "message": self.message, **self.facts}
        return JSONResponse({"error": error}, self.status, headers=self.headers)


def invalid(message: str) -> ApiError:
    """A parameter is not what it must be."""
    return ApiError(400, "invalid", message)


def not_found(kind: str, name: str, where: str) -> ApiError:
    """What was asked for does not exist, as far as the log was folded.

    Args:
        kind: what it would be, such as run or artifact.
        name: its id or name.
        where: what was searched.
    """
    return ApiError(404, "not_found", f"there is no {kind} {name!r} in {where}", kind=kind, id=name)


def unavailable(service: str, what: str, reason: BaseException) -> ApiError:
    """A service behind the API cannot be used; that may pass by itself."""
    log.warning("%s %s: %s", service, what, reason)
    message = f"{service} {what} ({type(reason).__name__}); the API goes on by itself when that is over"
    return ApiError(503, "unavailable", message, headers={"Retry-After": "1"}, service=service)


def translated(error: Exception) -> ApiError:
    """Our error for a foreign one, most specific first; what is unknown becomes 500 `internal` and is logged."""
    if isinstance(error, ApiError):
        return error
    if isinstance(error, HTTPException):
        code = _CODE_OF_STATUS.get(error.status_code, "invalid")
        return ApiError(error.status_code, code, str(error.detail), headers=dict(error.headers or {}))
    if isinstance(error, RequestValidationError):
        return invalid("; ".join(_told(problem) for problem in error.errors()))
    if isinstance(error, psycopg.DataError):
        return invalid(f"a value cannot stand in the database: {error}")
    if isinstance(error, (psycopg.OperationalError, psycopg.InterfaceError)):
        return unavailable("postgres", "does not answer", error)
    if isinstance(error, (psycopg.errors.UndefinedTable, psycopg.errors.InvalidSchemaName)):
        return unavailable("postgres", "has no tables yet, `runfold project state` makes them", error)
    log.error("unexpected error in the API", exc_info=error)
    return ApiError(500, "internal", "an unexpected error; the API's log has it")


def install(app: FastAPI) -> None:
    """Lets what a route raises become an answer of `translated`; what is not named here, the gate answers."""

    async def answer(request: Request, error: Exception) -> JSONResponse:
        return translated(error).response()

    for kind in (ApiError, HTTPException, RequestValidationError, psycopg.Error):
        app.add_exception_handler(kind, answer)


def _told(problem: Any) -> str:
    where = ".".join(str(part) for part in problem["loc"])
    return f"{where}: {problem['msg']}"


class ErrorBody(BaseModel):
    """What went wrong."""

    model_config = ConfigDict(extra="allow")

    code: str = Field(description="What a program decides by.", examples=["not_found"])
    message: str = Field(description="What was wrong, which value, what is allowed.")


class ErrorAnswer(BaseModel):
    """The body of every answer that is an error."""

    error: ErrorBody


_MEANINGS = {
    400: "A parameter is not what it must be (`invalid`).",
    401: "No access token, an unknown, expired or revoked one (`unauthenticated`).",
    403: "The access token does not reach this workspace, or lacks the scope (`forbidden`).",
    404: "There is no such thing, as far as the log was folded (`not_found`).",
    406: "None of the forms that it answers in is accepted (`not_acceptable`).",
    408: "The body did not arrive within 20 s (`too_slow`).",
    409: "It is not as it must be: `gone`, `incomplete`, `mismatched`, `bad_zip`, `last_admin`.",
    413: "The body is larger than 1 MiB, or what is asked for more than one answer holds (`too_large`).",
    414: "The address is longer than 48 KiB (`too_large`).",
    429: "Too many requests of this principal, or too many wrong access tokens from this address (`too_many`).",
    431: "There are more than 100 headers, or more than 16 KiB of them (`too_large`).",
    416: "The range lies behind the end (`out_of_range`).",
    503: "`not_yet`: what was waited for is not folded. `unavailable`: a service behind the API does not answer.",
}


def documented(*statuses: int) -> dict[int | str, dict[str, Any]]:
    """OpenAPI's `responses` of a route: the errors that every route has, and these."""
    told = sorted({400, 401, 403, 414, 429, 431, 503, *statuses})
    return {status: {"model": ErrorAnswer, "description": _MEANINGS[status]} for status in told}
