"""The 21 exceptions of azureml.exceptions, their tree and their texts; ours stand below them."""

from __future__ import annotations

import inspect

import pytest

import runfold.exceptions as ours
from runfold.exceptions import AzureMLException, ServiceException, UserErrorException

ORIGINAL = {
    "ActivityFailedException",
    "AuthenticationException",
    "AzureMLException",
    "AzureMLAggregatedException",
    "ComputeTargetException",
    "DatasetTimestampMissingError",
    "DiscoveryUrlNotFoundException",
    "ExperimentExecutionException",
    "ModelNotFoundException",
    "ModelPathNotFoundException",
    "ParallelRunException",
    "ProjectSystemException",
    "RunConfigurationException",
    "RunEnvironmentException",
    "ServiceException",
    "SnapshotException",
    "TrainingException",
    "UserErrorException",
    "WebserviceException",
    "WorkspaceException",
    "WorkspacePrivateEndpointException",
}


def test_all_21_are_there_and_all_but_one_below_one_root() -> None:
    assert len(ORIGINAL) == 21
    assert set(ours.__all__) >= ORIGINAL
    for name in ours.__all__:
        found = getattr(ours, name)
        assert issubclass(
            found, ServiceException if name in ("ServiceException", "RunNotFoundError") else AzureMLException
        )
    assert not issubclass(ServiceException, AzureMLException)
    assert issubclass(ours.AuthenticationException, UserErrorException)


def test_every_exception_of_ours_is_drawn_in_the_tree() -> None:
    assert ours.__doc__ is not None
    for name in set(ours.__all__) - ORIGINAL:
        assert name in ours.__doc__
        assert inspect.getdoc(getattr(ours, name))


def test_the_text_is_the_originals() -> None:
    error = UserErrorException("no", inner_exception=ValueError("inside"), target="x", details=["d"])
    assert (error.message, str(error.inner_exception)) == ("no", "inside")
    assert (
        str(error)
        == repr(error)
        == (
            "UserErrorException:\n\tMessage: no\n\tInnerException inside\n\tErrorResponse \n"
            '{\n    "error": {\n        "code": "UserError",\n        "message": "no",\n        "target": "x",\n'
            '        "details": [\n            "d"\n        ]\n    }\n}'
        )
    )
    assert '"code": "UserError",\n        "inner_error": {\n            "code": "Authentication"' in str(
        ours.AuthenticationException("no")
    )
    assert '"code"' not in str(ours.TrainingException("no"))


def test_a_refused_property_carries_what_was_decided() -> None:
    error = ours.PropertyImmutableError("k", "kept", "refused", 7)
    assert (error.key, error.kept, error.refused, error.offset) == ("k", "kept", "refused", 7)
    assert isinstance(error, UserErrorException)
    for part in ("'k'", "'kept'", "'refused'", "7"):
        assert part in error.message


def test_a_service_exception_has_the_status_of_the_answer() -> None:
    class Response:
        status_code = 409

    class Answered(Exception):
        message = "conflict"
        response = Response()

    error = ServiceException(Answered())
    assert (error.status_code, error.message) == (409, "conflict")
    assert ours.RunNotFoundError("r", "workspace w").status_code == 404


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda: ours.ActivityFailedException("d"), "Activity Failed:\nd"),
        (
            lambda: ours.DiscoveryUrlNotFoundException("k"),
            "Could not load discovery key k, from environment variables.",
        ),
        (
            lambda: ours.ArtifactNotFoundError("p", ["a", "b"]),
            "File with path p was not found,\navailable files include: a,b.",
        ),
    ],
)
def test_fixed_texts(make: object, message: str) -> None:
    assert make().message == message  # type: ignore[operator]
