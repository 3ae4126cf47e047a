"""`Model.serialize` and `deserialize`: a model as the original's dict, and what the original has no key for."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

from runfold.exceptions import WebserviceException

if TYPE_CHECKING:
    from runfold.reading.records import ModelRecord

_KEYS = {  # of the original, and the record's
    "name": "name",
    "version": "version",
    "description": "description",
    "tags": "tags",
    "properties": "properties",
    "runId": "run_id",
    "experimentName": "experiment",
    "framework": "framework",
    "frameworkVersion": "framework_version",
    "sampleInputDatasetId": "sample_input_dataset_id",
    "sampleOutputDatasetId": "sample_output_dataset_id",
    "mimeType": "mime_type",
    "unpack": "unpack",
    "createdTime": "created_at",
    "objectsRunId": "objects_run_id",
    "path": "path",
    "files": "files",
    "deleted": "deleted",
}


def written(workspace_name: str, model_id: str, url: str, record: ModelRecord) -> dict[str, Any]:
    """The dict."""
    told: dict[str, Any] = {key: record[field] for key, field in _KEYS.items()}  # type: ignore[literal-required]
    resources = record["resource_configuration"]
    return {
        **told,
        "id": model_id,
        "url": url,
        "workspaceName": workspace_name,
        "createdBy": {"userName": record["created_by"]},
        "datasets": [{"name": each["relationship"], "id": each["dataset_id"]} for each in record["datasets"]],
        "resourceRequirements": None if resources is None else json.loads(resources),
    }


def read(payload: object) -> ModelRecord:
    """The record.

    :raises WebserviceException: Something is missing.
    """
    try:
        record: dict[str, Any] = {field: payload[key] for key, field in _KEYS.items()}  # type: ignore[index]
        resources = payload["resourceRequirements"]  # type: ignore[index]
        record["created_by"] = payload["createdBy"]["userName"]  # type: ignore[index]
        record["datasets"] = [
            {"relationship": each["name"], "dataset_id": each["id"]}
            for each in payload["datasets"]  # type: ignore[index]
        ]
    except (KeyError, TypeError, IndexError) as error:
        raise WebserviceException(
            f"This is not what Model.serialize writes, {error!r} is wrong with it: {payload!r:.300}."
        ) from error
    record["resource_configuration"] = None if resources is None else json.dumps(resources, sort_keys=True)
    return record  # type: ignore[return-value]
