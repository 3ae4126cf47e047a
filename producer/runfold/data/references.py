"""DataReference: a path on a datastore as a script's argument, the original's older way."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NamedTuple

from runfold.exceptions import UserErrorException

from . import definitions, delivering
from .consumption import DatasetConsumptionConfig, InJob
from .outputs import OutputFileDatasetConfig

if TYPE_CHECKING:
    from runfold.run.handle import RunHandle
    from runfold.submitting.sections import DataReferenceConfiguration
    from runfold.workspace import Workspace

    from .datastore import Datastore


class NamedDatastore(NamedTuple):
    """A datastore by its name, which is looked up when a job needs it."""

    name: str
    workspace: Workspace


class DataReference:
    """A path on a datastore.

    :param datastore: The datastore.
    :param data_reference_name: Under which a script finds it; told by datastore and path where None.
    :param path_on_datastore: The path; the whole datastore where None.
    :param mode: mount, download or upload.
    :param path_on_compute: The folder that the script gets; one below the job's where None.
    :param overwrite: Whether files that are there are replaced.
    """

    def __init__(
        self,
        datastore: Datastore | NamedDatastore,
        data_reference_name: str | None = None,
        path_on_datastore: str | None = None,
        mode: str = "mount",
        path_on_compute: str | None = None,
        overwrite: bool = False,
    ) -> None:
        if mode not in ("mount", "download", "upload"):
            raise UserErrorException(f"Invalid mode {mode!r:.100}; there are mount, download and upload.")
        self.datastore = datastore
        self.path_on_datastore = definitions.relative(path_on_datastore)
        told = data_reference_name or "_".join(filter(None, (datastore.name, self.path_on_datastore)))
        self.data_reference_name = "".join(each if each.isalnum() and each.isascii() else "_" for each in told)
        self.mode, self.path_on_compute, self.overwrite = mode, path_on_compute, overwrite

    @staticmethod
    def from_config(name: str, config: DataReferenceConfiguration, workspace: Workspace) -> DataReference:
        """What `to_config` has told.

        :raises UserErrorException: It names no datastore, or no such mode.
        """
        if not isinstance(config.data_store_name, str) or not config.data_store_name:
            raise UserErrorException(f"Data reference {name!r:.100} names no datastore: set its data_store_name.")
        store = NamedDatastore(config.data_store_name, workspace)
        path, on_compute = config.path_on_data_store, config.path_on_compute
        return DataReference(store, name, path, config.mode, on_compute, bool(config.overwrite))

    def to_config(self) -> DataReferenceConfiguration:
        """The same, for `run_config.data_references[name]`."""
        from runfold.submitting.sections import DataReferenceConfiguration

        path = self.path_on_datastore or None
        name = self.datastore.name
        return DataReferenceConfiguration(name, self.mode, path, self.path_on_compute, self.overwrite)

    def path(self, path: str | None = None, data_reference_name: str | None = None) -> DataReference:
        """A path below this one."""
        below = "/".join(filter(None, (self.path_on_datastore, definitions.relative(path))))
        return DataReference(self.datastore, data_reference_name, below, self.mode)

    def as_mount(self) -> DataReference:
        """The same, as files in a folder."""
        return self._as("mount", None, False)

    def as_download(self, path_on_compute: str | None = None, overwrite: bool = False) -> DataReference:
        """The same, as a copy of the files in a folder."""
        return self._as("download", path_on_compute, overwrite)

    def as_upload(self, path_on_compute: str | None = None, overwrite: bool = False) -> DataReference:
        """The same, as a folder whose files are uploaded when the script has ended."""
        return self._as("upload", path_on_compute, overwrite)

    def _as(self, mode: str, path_on_compute: str | None, overwrite: bool) -> DataReference:
        return DataReference(
            self.datastore, self.data_reference_name, self.path_on_datastore, mode, path_on_compute, overwrite
        )

    def _as_path(self) -> dict[str, Any]:
        return {"datastore": self.datastore.name, "path": self.path_on_datastore}

    def _as_argument(self) -> str:
        return str(self)

    def _job_variables(self) -> dict[str, str]:
        found = delivering.variables({**self._meant()._told(), "placeholder": str(self)})
        return {**found, str(self).removeprefix("$"): str(self)}

    def _link(self, handle: RunHandle) -> None:
        self._meant()._link(handle)

    def _meant(self) -> InJob:
        if self.mode == "upload":
            target: Any = (self.datastore, self.path_on_datastore)
            output = OutputFileDatasetConfig(self.data_reference_name, target, self.path_on_compute)
            return output.as_upload(overwrite=self.overwrite)
        from .file_dataset import FileDataset

        dataset = FileDataset._of({"kind": "file", "paths": [self._as_path()]}, self.datastore.workspace)
        return DatasetConsumptionConfig(self.data_reference_name, dataset, self.mode, self.path_on_compute)

    def __str__(self) -> str:
        return f"$AZUREML_DATAREFERENCE_{self.data_reference_name}"

    def __repr__(self) -> str:
        return f"DataReference({self.data_reference_name!r}, {self._as_path()}, mode={self.mode!r})"
