"""A dataset as a script's argument or input: `dataset.as_named_input("train").as_mount()`."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

from runfold.exceptions import UserErrorException

from . import definitions, delivering, linking

if TYPE_CHECKING:
    from runfold.run.handle import RunHandle

    from .dataset import AbstractDataset

_NAME = re.compile(r"[A-Za-z][A-Za-z0-9_]{0,254}\Z")
MODES = ("direct", "mount", "download", "hdfs")


class InJob:
    """What stands in a submission for data: a placeholder among the arguments, replaced by the job's wrapper; the
    variables by which wrapper and script find it; a fact that the run uses it.
    """

    name: str

    def _told(self) -> dict[str, Any]:
        """What the wrapper must know, as JSON: see `delivering`."""
        raise TypeError(f"{type(self).__name__} tells nothing")

    def _as_argument(self) -> str:
        return str(self)

    def _job_variables(self) -> dict[str, str]:
        return delivering.variables({**self._told(), "placeholder": str(self)})

    def _link(self, handle: RunHandle) -> None:
        """Nothing is known of an output before it is there."""


class DatasetConsumptionConfig(InJob):
    """How a script gets a dataset.

    :param name: Under which it finds it: in `run.input_datasets`, and as an environment variable.
    :param dataset: The dataset.
    :param mode: direct: the dataset itself; mount or download: files in a folder.
    :param path_on_compute: The folder; one below the job's where None.
    :raises UserErrorException: Name or mode are not allowed.
    """

    def __init__(
        self, name: str, dataset: AbstractDataset, mode: str = "direct", path_on_compute: str | None = None
    ) -> None:
        from .dataset import AbstractDataset

        if not isinstance(name, str) or not _NAME.match(name):
            raise UserErrorException(
                f"Invalid name {name!r:.200}: an input's name has letters, digits and '_', and begins with a letter."
            )
        if not isinstance(dataset, AbstractDataset):
            raise UserErrorException(f"A dataset is needed, it was {dataset!r:.200}.")
        if mode not in MODES:
            raise UserErrorException(f"Invalid mode {mode!r:.100}; there are {', '.join(MODES)}.")
        if mode != "direct" and dataset._kind == "tabular":
            raise UserErrorException(f"{mode} is for file datasets; a tabular one is used as_named_input({name!r}).")
        self.name, self.dataset, self.mode, self.path_on_compute = name, dataset, mode, path_on_compute

    def as_mount(self, path_on_compute: str | None = None) -> DatasetConsumptionConfig:
        """The same, as files in a folder. A folder of this machine is used as it is; else it is downloaded."""
        return DatasetConsumptionConfig(self.name, self.dataset, "mount", path_on_compute)

    def as_download(self, path_on_compute: str | None = None) -> DatasetConsumptionConfig:
        """The same, as a copy of the files in a folder."""
        return DatasetConsumptionConfig(self.name, self.dataset, "download", path_on_compute)

    def as_direct(self) -> DatasetConsumptionConfig:
        """The same, as the dataset itself."""
        return DatasetConsumptionConfig(self.name, self.dataset, "direct")

    def as_hdfs(self) -> DatasetConsumptionConfig:
        """The same, for Spark; here the dataset itself."""
        return DatasetConsumptionConfig(self.name, self.dataset, "hdfs")

    def _told(self) -> dict[str, Any]:
        named = self.dataset._registered_as
        return {
            "direction": "input",
            "name": self.name,
            "mode": "direct" if self.mode == "hdfs" else self.mode,
            "path_on_compute": self.path_on_compute,
            "dataset_id": self.dataset.id,
            "dataset_name": None if named is None else named.name,
            "dataset_version": None if named is None else named.version,
            "definition": self.dataset._definition,
        }

    def _link(self, handle: RunHandle) -> None:
        mode = self._told()["mode"]
        linking.link(handle.session, handle.run_id, "input", self.name, self.dataset, mode, self.path_on_compute)

    def __str__(self) -> str:
        return f"DatasetConsumptionConfig:{self.name}"

    def __repr__(self) -> str:
        return f"DatasetConsumptionConfig(name={self.name!r}, mode={self.mode!r}, dataset_id={self.dataset.id!r})"


def dataset_of(told: dict[str, Any], workspace: Any) -> AbstractDataset:
    """The dataset that an argument or a link tells of."""
    from . import finding

    named = None
    if told.get("dataset_name") is not None and told.get("dataset_version") is not None:
        named = definitions.Named(told["dataset_name"], told["dataset_version"], None, {})
    return finding.of_definition(told["definition"], workspace, named)
