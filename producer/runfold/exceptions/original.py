"""The 21 exceptions of `azureml.exceptions`, with the signatures, attributes and texts that scripts rely on."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from types import TracebackType
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import logging


class AzureMLException(Exception):
    """Root of what this library raises.

    :param exception_message: What was wrong, which value, what is allowed, what to do.
    :param inner_exception: The exception or text that caused it.
    :param target: Name of the element that caused it.
    :param details: Further errors, put into the error response as they are.
    :param message_format: Accepted for the original's sake and kept out of all texts, as the next two are.
    """

    _error_code: str | None = None

    def __init__(
        self,
        exception_message: str,
        inner_exception: object = None,
        target: str | None = None,
        details: Sequence[object] | None = None,
        message_format: str | None = None,
        message_parameters: dict[str, str] | None = None,
        reference_code: str | None = None,
        **kwargs: Any,
    ) -> None:
        super().__init__(exception_message)
        self.message = exception_message
        self.inner_exception = inner_exception
        self._target = target
        self._details = details
        self._exc_info: tuple[type[BaseException] | None, BaseException | None, TracebackType | None] = sys.exc_info()

    def __str__(self) -> str:
        return (
            f"{type(self).__name__}:\n\tMessage: {self.message}\n\tInnerException {self.inner_exception}"
            f"\n\tErrorResponse \n{self._serialize_json(indent=4)}"
        )

    def __repr__(self) -> str:
        return str(self)

    def print_stacktrace(self) -> None:
        """Prints the exception that was being handled when this one was made."""
        import traceback

        traceback.print_exception(*self._exc_info)

    def _serialize_json(self, indent: int | None = None) -> str:
        import json

        error: dict[str, object] = {}
        for cls in type(self).__mro__:
            code = vars(cls).get("_error_code")
            if code is not None and error.get("code") != code:  # the general code last, the special one inside it
                error = {"code": code, "inner_error": error} if error else {"code": code}
        error["message"] = str(self.message)
        if self._target is not None:
            error["target"] = self._target
        if self._details is not None:
            error["details"] = list(self._details)
        return json.dumps({"error": error}, indent=indent, default=str)


class UserErrorException(AzureMLException):
    """The call was wrong; the message says what is allowed."""

    _error_code = "UserError"

    def __init__(self, exception_message: str, **kwargs: Any) -> None:
        super().__init__(exception_message, **kwargs)


class AuthenticationException(UserErrorException):
    """The access token is missing, unknown, expired, or belongs to another workspace."""

    _error_code = "Authentication"


class TrainingException(AzureMLException):
    """A training could not be submitted or went wrong."""

    def __init__(self, exception_message: str, **kwargs: Any) -> None:
        super().__init__(exception_message, **kwargs)


class ExperimentExecutionException(AzureMLException):
    """A submitted run could not be executed."""

    def __init__(self, exception_message: str, **kwargs: Any) -> None:
        super().__init__(exception_message, **kwargs)


class ProjectSystemException(AzureMLException):
    """A project folder is malformed."""

    def __init__(self, exception_message: str, **kwargs: Any) -> None:
        super().__init__(exception_message, **kwargs)


class SnapshotException(AzureMLException):
    """A snapshot of source code could not be taken."""

    def __init__(self, exception_message: str, **kwargs: Any) -> None:
        super().__init__(exception_message, **kwargs)


class ComputeTargetException(AzureMLException):
    """A compute target is missing or wrong."""

    def __init__(self, exception_message: str, **kwargs: Any) -> None:
        super().__init__(exception_message, **kwargs)


class RunConfigurationException(AzureMLException):
    """A run configuration is malformed."""

    def __init__(self, exception_message: str, **kwargs: Any) -> None:
        super().__init__(exception_message, **kwargs)


class RunEnvironmentException(AzureMLException):
    """There is no job around this process, and going offline was not allowed."""

    def __init__(self, **kwargs: Any) -> None:
        super().__init__(
            "Could not load a submitted run, if outside of an execution context, use experiment.start_logging "
            "to initialize an azureml.core.Run.",
            **kwargs,
        )


class WorkspaceException(AzureMLException):
    """A workspace is missing or ambiguous.

    :param found_multiple: More than one workspace fits.
    """

    def __init__(self, exception_message: str, found_multiple: bool = False, **kwargs: Any) -> None:
        super().__init__(exception_message, **kwargs)
        self.found_multiple = found_multiple


class WorkspacePrivateEndpointException(AzureMLException):
    """A private endpoint of a workspace is missing or ambiguous.

    :param found_multiple: More than one endpoint fits.
    """

    def __init__(self, exception_message: str, found_multiple: bool = False, **kwargs: Any) -> None:
        super().__init__(exception_message, **kwargs)
        self.found_multiple = found_multiple


class WebserviceException(AzureMLException):
    """A model could not be registered or found.

    :param status_code: Class of the error.
    :param logger: Told the message too, at level error.
    """

    def __init__(
        self,
        exception_message: str,
        status_code: object = None,
        logger: logging.Logger | None = None,
        **kwargs: Any,
    ) -> None:
        super().__init__(exception_message, **kwargs)
        self.status_code = status_code
        if logger is not None:
            logger.error("%s", exception_message)


class ModelNotFoundException(AzureMLException):
    """There is no such model.

    :param logger: Told the message too, at level error.
    """

    def __init__(self, exception_message: str, logger: logging.Logger | None = None, **kwargs: Any) -> None:
        super().__init__(exception_message, **kwargs)
        if logger is not None:
            logger.error("%s", exception_message)


class ModelPathNotFoundException(AzureMLException):
    """The run stores nothing under the path that a model was to be made of.

    :param logger: Told the message too, at level error.
    """

    def __init__(self, exception_message: str, logger: logging.Logger | None = None, **kwargs: Any) -> None:
        super().__init__(exception_message, **kwargs)
        if logger is not None:
            logger.error("%s", exception_message)


class DiscoveryUrlNotFoundException(AzureMLException):
    """An address that the environment should name is not there."""

    def __init__(self, discovery_key: str, **kwargs: Any) -> None:
        super().__init__(f"Could not load discovery key {discovery_key}, from environment variables.", **kwargs)


class ActivityFailedException(AzureMLException):
    """A run that was waited for has failed."""

    def __init__(self, error_details: str, **kwargs: Any) -> None:
        super().__init__(f"Activity Failed:\n{error_details}", **kwargs)


class DatasetTimestampMissingError(AzureMLException):
    """A time series call needs a timestamp column that is not there."""

    def __init__(self, error_details: str, **kwargs: Any) -> None:
        super().__init__(f"Activity Failed:\n{error_details}", **kwargs)


class ParallelRunException(AzureMLException):
    """A step that runs in parallel says how it wants to be retried.

    :param code: Retry.NoRetry, Retry.StopProcess, Retry.RestartProcess or Retry.Sleep.
    :param delay_seconds: How long Retry.Sleep waits.
    """

    def __init__(
        self, exception_message: str, code: str | None = None, delay_seconds: float = 0, **kwargs: Any
    ) -> None:
        super().__init__(exception_message, **kwargs)
        self.code = code
        self.delay_seconds = delay_seconds


class AzureMLAggregatedException(AzureMLException):
    """Several exceptions at once: `.exceptions`."""

    def __init__(self, exceptions_list: Sequence[BaseException], **kwargs: Any) -> None:
        super().__init__("\n".join(str(e) for e in exceptions_list), **kwargs)
        self.exceptions = list(exceptions_list)


class ServiceException(Exception):
    """The service answered with an error that is not the caller's; apart from AzureMLException, as in the original.

    :param error_response_exception: The exception that carries the answer: `.message` and `.response.status_code` are
        taken from it where it has them.
    :param status_code: HTTP status, where the first has none.
    """

    def __init__(self, error_response_exception: object, *, status_code: int | None = None, **kwargs: Any) -> None:
        message = getattr(error_response_exception, "message", None) or str(error_response_exception)
        super().__init__(message)
        self.message = message
        self.inner_exception = error_response_exception
        self.details: list[object] = []
        response = getattr(error_response_exception, "response", None)
        self.status_code: int | None = getattr(response, "status_code", status_code)

    def __str__(self) -> str:
        return f"{type(self).__name__}:\n\tCode: {self.status_code}\n\tMessage: {self.message}"

    def __repr__(self) -> str:
        return str(self)
