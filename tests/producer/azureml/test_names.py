"""Every import that scripts have resolves to Runfold; one that does not fails with a text that lists what exists."""

from __future__ import annotations

import importlib
import json
import subprocess
import sys
from collections.abc import Iterator
from importlib.util import find_spec
from pathlib import Path

import pytest

import runfold.azureml
from runfold.azureml.names import CARRIED

# Lines as they stand in Microsoft's notebooks, hi-ml, recommenders, transformers, lightning and the like.
IMPORTS = """
import azureml.core
from azureml.core import Dataset, Datastore, Environment, Experiment, Keyvault, Model, Run, RunConfiguration
from azureml.core import ComputeTarget, ContainerRegistry, ScriptRun, ScriptRunConfig, Workspace
from azureml.core import diagnostic_log, get_run
from azureml.core import *
from azureml.core.authentication import InteractiveLoginAuthentication, ServicePrincipalAuthentication
from azureml.core.authentication import AzureCliAuthentication, MsiAuthentication
from azureml.core.compute import AmlCompute, ComputeInstance, ComputeTarget
from azureml.core.compute_target import ComputeTargetException
from azureml.core.conda_dependencies import CondaDependencies
from azureml.core.container_registry import ContainerRegistry
from azureml.core.dataset import Dataset
from azureml.core.datastore import Datastore
from azureml.core.environment import CondaDependencies, Environment, DEFAULT_CPU_IMAGE, DEFAULT_GPU_IMAGE
from azureml.core.experiment import Experiment
from azureml.core.keyvault import Keyvault
from azureml.core.model import Model
from azureml.core.resource_configuration import ResourceConfiguration
from azureml.core.run import Run, _OfflineRun, _SubmittedRun, get_run
from azureml.core.runconfig import DEFAULT_CPU_IMAGE, DEFAULT_GPU_IMAGE, RunConfiguration, CondaDependencies
from azureml.core.runconfig import DataReferenceConfiguration, DockerConfiguration, MpiConfiguration
from azureml.core.runconfig import PyTorchConfiguration, TensorflowConfiguration, HistoryConfiguration
from azureml.core.script_run import ScriptRun
from azureml.core.script_run_config import ScriptRunConfig
from azureml.core.workspace import Workspace
from azureml.data import FileDataset, OutputFileDatasetConfig, TabularDataset
from azureml.data.abstract_dataset import AbstractDataset
from azureml.data.azure_storage_datastore import AzureBlobDatastore, AzureFileDatastore
from azureml.data.azure_data_lake_datastore import AzureDataLakeGen2Datastore
from azureml.data.data_reference import DataReference
from azureml.data.datapath import DataPath
from azureml.data.dataset_consumption_config import DatasetConsumptionConfig
from azureml.data.dataset_factory import DataType, FileDatasetFactory, TabularDatasetFactory
from azureml.data.file_dataset import FileDataset
from azureml.data.output_dataset_config import OutputFileDatasetConfig
from azureml.data.tabular_dataset import TabularDataset
from azureml.exceptions import ActivityFailedException, AzureMLException, ComputeTargetException, ServiceException
from azureml.exceptions import ExperimentExecutionException, ModelPathNotFoundException, RunEnvironmentException
from azureml.exceptions import SnapshotException, UserErrorException, WebserviceException
from azureml._common.exceptions import AzureMLException
from azureml._restclient.constants import RunStatus
from azureml.telemetry import set_diagnostics_collection
from azureml.widgets import RunDetails
""".strip().splitlines()


@pytest.fixture(autouse=True)
def _installed() -> Iterator[None]:
    assert runfold.azureml.install()
    yield
    runfold.azureml.uninstall()


@pytest.mark.parametrize("line", IMPORTS)
def test_an_import_of_the_wild_resolves(line: str) -> None:
    exec(line, {})


@pytest.mark.parametrize("module", CARRIED)
def test_every_carried_name_is_there(module: str) -> None:
    found = importlib.import_module(module)
    for name in CARRIED[module]:
        assert getattr(found, name) is not None
        assert name in dir(found)


def test_it_is_runfold_that_they_resolve_to() -> None:
    import azureml.core  # type: ignore[import-not-found]
    from azureml.core.run import Run, _OfflineRun  # type: ignore[import-not-found]

    from runfold import Run as ours
    from runfold.run import _OfflineRun as our_offline

    assert (Run, _OfflineRun, azureml.core.Run) == (ours, our_offline, ours)
    assert azureml.core.run.Run is ours  # as an attribute, without an import of its own
    assert azureml.core.VERSION == "1.61.0"


def test_all_21_exceptions_are_there() -> None:
    import azureml.exceptions  # type: ignore[import-not-found]

    assert len(azureml.exceptions.__all__) == 21
    assert issubclass(azureml.exceptions.UserErrorException, azureml.exceptions.AzureMLException)


@pytest.mark.parametrize(
    ("line", "says"),
    [
        ("from azureml.core import Nothing", "azureml.core.Nothing is not carried by Runfold. azureml.core has: "),
        ("import azureml.core.nothing", "azureml.core.nothing is not carried by Runfold. azureml.core has: "),
        ("from azureml.core.run import Nothing", "azureml.core.run has: _OfflineRun, _SubmittedRun, Experiment"),
        ("from azureml.core.webservice import AciWebservice", "deployment is no part of it; Model.download"),
        ("from azureml.core import Webservice", "deployment is no part of it; Model.download"),
        (
            "from azureml.train.hyperdrive import HyperDriveConfig",
            "a ScriptRunConfig, given to submit_child for each trial",
        ),
        ("import azureml.pipeline", "azureml.pipeline is not carried by Runfold: it is another distribution"),
    ],
)
def test_a_name_that_is_not_carried_says_so_on_import(line: str, says: str) -> None:
    with pytest.raises(ImportError) as raised:
        exec(line, {})
    assert says in str(raised.value)
    assert raised.type is runfold.azureml.NotCarriedError


def test_who_only_asks_gets_an_answer() -> None:
    import azureml.core

    assert not hasattr(azureml.core, "Webservice")
    assert find_spec("azureml.mlflow") is None
    assert find_spec("azureml.core.run") is not None  # as transformers asks


def test_a_missing_attribute_lists_what_exists() -> None:
    import azureml.core

    with pytest.raises(AttributeError, match=r"azureml\.core\.Webservice is not carried by Runfold"):
        _ = azureml.core.Webservice


def test_nothing_is_left_after_uninstall() -> None:
    exec("from azureml.core import Run", {})
    runfold.azureml.uninstall()
    assert not [name for name in sys.modules if name.partition(".")[0] == "azureml"]
    with pytest.raises(ModuleNotFoundError, match="No module named 'azureml'"):
        exec("import azureml.core", {})


def original(folder: Path) -> Path:
    """An installed original, and another distribution beside it."""
    for module, text in {
        "azureml/core/__init__.py": "VERSION = 'the original'",
        "azureml/core/run.py": "Run = 'the original'",
        "azureml/dataprep/__init__.py": "NAME = 'another distribution'",
    }.items():
        (folder / module).parent.mkdir(parents=True, exist_ok=True)
        (folder / module).write_text(text)
    return folder


def asked(folder: Path, code: str) -> list[object]:
    done = subprocess.run(
        [sys.executable, "-c", f"import sys; sys.path.append({str(folder)!r})\nimport json, runfold.azureml\n{code}"],
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    return list(json.loads(done.stdout))


def test_an_installed_original_is_not_shadowed_unless_asked(tmp_path: Path) -> None:
    code = """
first = runfold.azureml.install()
import azureml.core, azureml.core.run, azureml.dataprep
before = azureml.core.VERSION
second = runfold.azureml.install(replace=True)
import azureml.core, azureml.core.run, azureml.dataprep
print(json.dumps([first, before, second, azureml.core.VERSION, azureml.core.run.Run != "the original",
                  azureml.dataprep.NAME]))
"""
    told = asked(original(tmp_path), code)
    assert told == [False, "the original", True, "1.61.0", True, "another distribution"]


def test_other_distributions_below_azureml_stay_what_they_are(tmp_path: Path) -> None:
    (original(tmp_path) / "azureml/core/__init__.py").unlink()
    (tmp_path / "azureml/core/run.py").unlink()
    (tmp_path / "azureml/core").rmdir()
    code = """
first = runfold.azureml.install()
import azureml.core
from azureml import dataprep
print(json.dumps([first, azureml.core.VERSION, dataprep.NAME, azureml.dataprep.NAME]))
"""
    assert asked(tmp_path, code) == [True, "1.61.0", "another distribution", "another distribution"]


def test_importing_a_module_costs_next_to_nothing() -> None:
    heavy = "kafka", "fastavro", "numpy", "pandas", "urllib3", "pydantic", "yaml"
    code = "runfold.azureml.install()\nfrom azureml.core import Run, Workspace\nimport azureml.core.dataset\n"
    assert asked(Path("/"), f"{code}print(json.dumps([name for name in {heavy} if name in sys.modules]))") == []
