"""Every exception that Runfold raises to a script: the 21 public names of `azureml.exceptions`, and ours below them.

    AzureMLException                        str(e): class, Message, InnerException, ErrorResponse + JSON
    ├── UserErrorException                  the call was wrong: change it
    │   ├── AuthenticationException         the access token is missing, unknown, expired, or of another workspace
    │   ├── PropertyImmutableError          a property has another value already: .key .kept .refused .offset
    │   ├── StatusFinalError                the attempt has ended with another status: .kept .refused .offset
    │   ├── StatusTransitionError           an attempt does not go back to that status: .kept .refused .offset
    │   ├── ArtifactExistsError             the name is taken in this attempt: .name .kept .refused .offset
    │   ├── ArtifactNotFoundError           nothing is stored under that name: .name .available
    │   ├── FilterError                     a filter of runs cannot be read: .text .position .expected
    │   ├── AssetExistsError                a dataset, ... of that name is another one: .name .kept .refused .offset
    │   └── FactRefusedError                any other rule refused a fact: .rule .key .kept .refused .offset
    ├── ServiceAwayError                    a service does not answer: .service .setting .address .reason
    │   └── NotYetVisibleError              it answers, but has not seen yet what this process wrote: .watermark
    ├── FlushTimeoutError                   flush() ran out of time: .unacknowledged .invisible
    ├── ArtifactMismatchError               stored bytes have another digest than the fact: .name .expected .found
    ├── WebserviceException                 a model could not be registered or found
    │   └── ModelRefusedError               a rule refused a fact about a model: .rule .keys .kept .refused .offset
    └── ... TrainingException, SnapshotException and the rest of the original's
    ServiceException                        apart, as in the original: the service answered with an error: .status_code
    └── RunNotFoundError                    there is no run of that id: .run_id, status_code 404

`message` and `inner_exception` are attributes of all. Facts are attributes, not only text.
"""

from __future__ import annotations

from .ledger import (
    ArtifactExistsError,
    ArtifactMismatchError,
    ArtifactNotFoundError,
    AssetExistsError,
    FactRefusedError,
    FilterError,
    FlushTimeoutError,
    ModelRefusedError,
    NotYetVisibleError,
    PropertyImmutableError,
    RunNotFoundError,
    ServiceAwayError,
    StatusFinalError,
    StatusTransitionError,
)
from .original import (
    ActivityFailedException,
    AuthenticationException,
    AzureMLAggregatedException,
    AzureMLException,
    ComputeTargetException,
    DatasetTimestampMissingError,
    DiscoveryUrlNotFoundException,
    ExperimentExecutionException,
    ModelNotFoundException,
    ModelPathNotFoundException,
    ParallelRunException,
    ProjectSystemException,
    RunConfigurationException,
    RunEnvironmentException,
    ServiceException,
    SnapshotException,
    TrainingException,
    UserErrorException,
    WebserviceException,
    WorkspaceException,
    WorkspacePrivateEndpointException,
)

__all__ = [
    "ActivityFailedException",
    "AuthenticationException",
    "AzureMLAggregatedException",
    "AzureMLException",
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
    "ArtifactExistsError",
    "ArtifactMismatchError",
    "ArtifactNotFoundError",
    "AssetExistsError",
    "FactRefusedError",
    "FilterError",
    "FlushTimeoutError",
    "ModelRefusedError",
    "NotYetVisibleError",
    "PropertyImmutableError",
    "RunNotFoundError",
    "ServiceAwayError",
    "StatusFinalError",
    "StatusTransitionError",
]
