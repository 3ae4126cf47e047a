"""What a registered model says of itself: the properties of Model."""

from __future__ import annotations

import json
from datetime import datetime
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from runfold.reading.records import ModelRecord
    from runfold.run import Run
    from runfold.session import Session
    from runfold.workspace import Workspace
    from runfold_schemas.watermark import Lane

    from .resources import ResourceConfiguration


class Described:
    """A version of a model, as the ledger or this process has told it."""

    _workspace: Workspace
    _record: ModelRecord
    _open: tuple[Lane, int] | None  # the registration, while its decision is not known

    @property
    def workspace(self) -> Workspace:
        """The workspace."""
        return self._workspace

    @property
    def name(self) -> str:
        """The name."""
        return self._record["name"]

    @property
    def version(self) -> int:
        """The version, from 1 on. Fetched when the ledger had not decided while the model was registered.

        :raises NotYetVisibleError: It has not decided yet.
        """
        if self._open is not None:
            self._record["version"] = self._session.decisions.version(*self._open, f"model {self.name!r}")
            self._open = None
        return self._record["version"]

    @property
    def id(self) -> str:
        """<name>:<version>."""
        return f"{self.name}:{self.version}"

    @property
    def description(self) -> str | None:
        """The description."""
        return self._record["description"]

    @property
    def tags(self) -> dict[str, str | None]:
        """The tags."""
        return dict(self._record["tags"])

    @property
    def properties(self) -> dict[str, str | None]:
        """The properties."""
        return dict(self._record["properties"])

    @property
    def created_by(self) -> dict[str, str | None]:
        """Who registered it, as they claim: {"userName"}."""
        return {"userName": self._record["created_by"]}

    @property
    def created_time(self) -> datetime:
        """When it was registered, UTC."""
        return datetime.fromisoformat(self._record["created_at"].replace("Z", "+00:00"))

    @property
    def run_id(self) -> str | None:
        """Id of the run whose files these are; None for files from elsewhere."""
        return self._record["run_id"]

    @property
    def run(self) -> Run | None:
        """The run whose files these are, fetched; None for files from elsewhere."""
        from runfold.run import Run

        return None if self.run_id is None else Run.get(self._workspace, self.run_id)

    @property
    def experiment_name(self) -> str | None:
        """Name of that run's experiment."""
        return self._record["experiment"]

    @property
    def model_framework(self) -> str | None:
        """The framework, such as ScikitLearn."""
        return self._record["framework"]

    @property
    def model_framework_version(self) -> str | None:
        """The framework's version."""
        return self._record["framework_version"]

    @property
    def mime_type(self) -> str | None:
        """Media type of the whole."""
        return self._record["mime_type"]

    @property
    def unpack(self) -> bool:
        """Whether the file is an archive to be unpacked."""
        return self._record["unpack"]

    @property
    def url(self) -> str:
        """Address of the version within the ledger."""
        return f"aml://asset/{self.id}"

    @property
    def datasets(self) -> dict[str, list[Any]]:
        """Datasets that it has to do with, by relationship, fetched."""
        found: dict[str, list[Any]] = {}
        for each in self._record["datasets"]:
            found.setdefault(each["relationship"], []).append(self._dataset(each["dataset_id"]))
        return found

    @property
    def sample_input_dataset(self) -> Any:
        """Dataset of sample inputs, fetched; None when none was named."""
        return self._dataset(self._record["sample_input_dataset_id"])

    @property
    def sample_output_dataset(self) -> Any:
        """Dataset of sample outputs, fetched; None when none was named."""
        return self._dataset(self._record["sample_output_dataset_id"])

    @property
    def resource_configuration(self) -> ResourceConfiguration | None:
        """What it wants to be served with."""
        from .resources import ResourceConfiguration

        text = self._record["resource_configuration"]
        return None if text is None else ResourceConfiguration.deserialize(json.loads(text))

    def _dataset(self, dataset_id: str | None) -> Any:
        from runfold.data import finding

        return None if dataset_id is None else finding.by_id(self._workspace, dataset_id)

    @property
    def _session(self) -> Session:
        return self._workspace._session
