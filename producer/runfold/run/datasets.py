"""Datasets that a run reads and writes: what a submitted script finds, and what get_details tells."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING, Any, TypeVar

from runfold import environment

if TYPE_CHECKING:
    from runfold.data.dataset import AbstractDataset
    from runfold.reading.records import DatasetLink, RunRecord
    from runfold.session import Session
    from runfold.workspace import Workspace

    from .handle import RunHandle

K = TypeVar("K", bound="_Datasets")
_INPUTS = "AZUREML_DATASET_ENVIRONMENT_VARS"
_FILE_OUTPUTS = "AZUREML_DATASET_FILE_OUTPUTS"
_LINK_OUTPUTS = "AZUREML_LINK_DATASET_OUTPUTS"


class _Used:
    """What links datasets to a run."""

    def __init__(self, workspace: Workspace, run_id: str | None) -> None:
        self.workspace, self.run_id = workspace, run_id

    @property
    def session(self) -> Session:
        return self.workspace._session

    def link(self, direction: str, name: str, value: object, mode: str) -> None:
        from runfold.data import linking
        from runfold.data.dataset import AbstractDataset

        if self.run_id is not None and isinstance(value, AbstractDataset):
            linking.link(self.session, self.run_id, direction, name, value, mode)


class _Datasets(dict[str, Any]):
    """Values by name. A dataset that is put in is linked to the run."""

    _direction = "input"

    def __init__(self, workspace: Workspace) -> None:
        super().__init__()
        job = environment.job()
        self._used = _Used(workspace, job.run_id if job is not None else None)

    def __setitem__(self, name: str, value: Any) -> None:
        self._used.link(self._direction, name, value, "direct")
        super().__setitem__(name, value)

    def update(self, *given: Any, **more: Any) -> None:
        """As dict's, each value as if it were assigned."""
        for name, value in dict(*given, **more).items():
            self[name] = value

    def setdefault(self, name: str, default: Any = None) -> Any:
        """As dict's."""
        if name not in self:
            self[name] = default
        return self[name]


class InputDatasets(_Datasets):
    """Input datasets by name: the path at which each is, or the dataset itself where it is given directly.

    A dataset is fetched and linked to the run when it is first asked for.

    :param workspace: The workspace.
    """

    def __init__(self, workspace: Workspace) -> None:
        super().__init__(workspace)
        for said in filter(None, os.environ.get(_INPUTS, "").split(",")):
            name, _, mode = said.partition(":")
            value = os.environ.get(name) or os.environ.get(name.upper())
            if value is not None:
                dict.__setitem__(self, name, _Direct(value) if mode == "direct" else value)

    def __getitem__(self, name: str) -> Any:
        value = super().__getitem__(name)
        return self._fetched(name, value) if isinstance(value, _Direct) else value

    def get(self, name: str, default: Any = None) -> Any:
        """As dict's."""
        return self[name] if name in self else default  # noqa: SIM401 - get is what this is

    def pop(self, name: str, *default: Any) -> Any:
        """As dict's."""
        if name in self:
            value = self[name]
            del self[name]
            return value
        return super().pop(name, *default)

    def values(self) -> list[Any]:  # type: ignore[override]
        """As dict's, all of them fetched."""
        return [self[name] for name in self]

    def items(self) -> list[tuple[str, Any]]:  # type: ignore[override]
        """As dict's, all of them fetched."""
        return [(name, self[name]) for name in self]

    def _fetched(self, name: str, direct: _Direct) -> AbstractDataset:
        from runfold.data import finding

        dataset = finding.by_id(self._used.workspace, str(direct))
        self[name] = dataset
        return dataset


class OutputDatasets(_Datasets):
    """Output datasets by name: the folder to write to, or where `link(path)` says where the output is.

    :param workspace: The workspace.
    """

    _direction = "output"

    def __init__(self, workspace: Workspace) -> None:
        super().__init__(workspace)
        for name in filter(None, os.environ.get(_FILE_OUTPUTS, "").split(";")):
            value = os.environ.get(name) or os.environ.get(name.upper())
            if value is not None:
                dict.__setitem__(self, name, value)
        for name in filter(None, os.environ.get(_LINK_OUTPUTS, "").split(";")):
            dict.__setitem__(self, name, OutputDatasetLink(self._used, name))


class OutputDatasetLink:
    """An output that lies where the script has put it."""

    def __init__(self, used: _Used, name: str) -> None:
        self._used, self.name = used, name

    def link(self, data_path: Any, file_mode: bool = True) -> AbstractDataset:
        """Links what lies at a path to the run.

        :param data_path: A (datastore, path) tuple, DataPath, path or URL.
        :returns: The dataset that it is; registered where the submission says so.
        """
        from runfold.data import delivering
        from runfold.data.factories import FileDatasetFactory
        from runfold.data.file_dataset import FileDataset

        dataset: FileDataset = FileDatasetFactory.from_files(data_path, validate=False)
        dataset = FileDataset._of(dataset._definition, self._used.workspace)
        for told in delivering.told_of(os.environ):
            said = told.get("registration")
            if told["name"] == self.name and said is not None:
                dataset = dataset.register(
                    self._used.workspace, said["name"], said["description"], said["tags"], create_new_version=True
                )
        self._used.link("output", self.name, dataset, "link")
        return dataset


class _Direct(str):
    """Id of a dataset that was not fetched yet."""


def input_datasets(handle: RunHandle) -> InputDatasets:
    """What the job's environment names, and what the script assigns; one object for each run in a process."""
    return _of(handle, InputDatasets)


def output_datasets(handle: RunHandle) -> OutputDatasets:
    """Likewise for outputs."""
    return _of(handle, OutputDatasets)


def _of(handle: RunHandle, kind: type[K]) -> K:
    found: K | None = handle.datasets.get(kind._direction)
    if found is None:
        found = handle.datasets[kind._direction] = kind(_workspace(handle.session))
        found._used.run_id = handle.run_id
    return found


def _workspace(session: Session) -> Workspace:
    from runfold import validation
    from runfold.workspace import Workspace

    job = environment.job()
    if job is not None and validation.ledger_name(job.workspace) == session.workspace:
        return Workspace(job.subscription_id, job.resource_group, job.workspace)
    return Workspace("", "", session.workspace or "offline")


class LinkedDataset(dict[str, Any]):
    """An input or output dataset of a run, as the reference tells it.

    `["dataset"]` makes the dataset; printed, compared, or written as JSON, its id stands there.
    """

    def __init__(self, link: DatasetLink, session: Session | None) -> None:
        super().__init__(_told(link))
        self._link, self._session = link, session

    def __getitem__(self, name: str) -> Any:
        if name != "dataset":
            return super().__getitem__(name)
        from runfold.data.consumption import dataset_of

        return dataset_of(dict(self._link), None if self._session is None else _workspace(self._session))

    def get(self, name: str, default: Any = None) -> Any:
        """As dict's."""
        try:
            return self[name]
        except KeyError:
            return default


def details(record: RunRecord, session: Session | None = None) -> dict[str, list[LinkedDataset]]:
    """`inputDatasets` and `outputDatasets` for get_details.

    :param record: What the API says of the run.
    :param session: Where datastores of the datasets are looked up.
    """
    links = record.get("datasets") or []
    return {
        f"{direction}Datasets": [LinkedDataset(each, session) for each in links if each["direction"] == direction]
        for direction in ("input", "output")
    }


def _told(link: DatasetLink) -> dict[str, Any]:
    dataset = {"id": link["dataset_id"]}
    if link["direction"] == "output":
        return {"dataset": dataset, "outputType": "RunOutput", "outputDetails": {"outputName": link["name"]}}
    consumed = {"type": "RunInput", "inputName": link["name"], "mechanism": link["mechanism"]}
    if link["path_on_compute"] is not None:
        consumed["pathOnCompute"] = link["path_on_compute"]
    return {"dataset": dataset, "consumptionDetails": consumed}
