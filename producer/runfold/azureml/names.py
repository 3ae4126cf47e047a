"""What the drop-in carries: for each module of the original its names, and where Runfold has them.

A line is `names = home`: the home is a module of Runfold, and each name there is spelled as in the original.
"""

from __future__ import annotations

_EXCEPTIONS = (
    "ActivityFailedException AuthenticationException AzureMLException AzureMLAggregatedException "
    "ComputeTargetException DatasetTimestampMissingError DiscoveryUrlNotFoundException "
    "ExperimentExecutionException ModelNotFoundException ModelPathNotFoundException ParallelRunException "
    "ProjectSystemException RunConfigurationException RunEnvironmentException ServiceException SnapshotException "
    "TrainingException UserErrorException WebserviceException WorkspaceException WorkspacePrivateEndpointException"
)
_CONFIGURATIONS = (
    "RunConfiguration Environment CondaDependencies DockerConfiguration MpiConfiguration ParallelTaskConfiguration "
    "PyTorchConfiguration TensorflowConfiguration AmlComputeConfiguration ContainerRegistry Data "
    "DataReferenceConfiguration HdiConfiguration HistoryConfiguration KubernetesComputeConfiguration "
    "SparkConfiguration SparkPackage"
)
_SECTIONS = "DockerSection PythonSection SparkSection"
_IMAGES = "DEFAULT_CPU_IMAGE DEFAULT_GPU_IMAGE"
_COMPUTE = "AmlCompute ComputeInstance"
_AUTHENTICATION = (
    "AbstractAuthentication InteractiveLoginAuthentication ServicePrincipalAuthentication MsiAuthentication "
    "AzureCliAuthentication ArmTokenAuthentication TokenAuthentication"
)
_DATA = (
    "FileDataset TabularDataset DataType DatasetConsumptionConfig OutputFileDatasetConfig LinkFileOutputDatasetConfig"
)
_SUBMITTING = {
    "ScriptRunConfig": "runfold.submitting.script_run_config",
    "ScriptRun": "runfold.submitting.script_run",
    "ComputeTarget": "runfold.submitting.targets",
    "RunConfiguration Environment ContainerRegistry": "runfold.submitting",
}

_TABLE: dict[str, dict[str, str]] = {
    "azureml": {},
    "azureml.core": {
        "VERSION __version__": "runfold.azureml.constants",
        "Workspace": "runfold.workspace",
        "Experiment": "runfold.experiment",
        "Run": "runfold.run",
        "get_run diagnostic_log": "runfold.azureml.functions",
        "Model": "runfold.model",
        "Dataset Datastore": "runfold.data",
        "Keyvault": "runfold.keyvault",
        **_SUBMITTING,
    },
    "azureml.core.run": {
        "Run _OfflineRun _SubmittedRun": "runfold.run",
        "get_run": "runfold.azureml.functions",
        "Experiment": "runfold.experiment",
        "Workspace": "runfold.workspace",
    },
    "azureml.core.experiment": {"Experiment": "runfold.experiment"},
    "azureml.core.workspace": {"Workspace": "runfold.workspace"},
    "azureml.core.script_run_config": {"ScriptRunConfig": "runfold.submitting.script_run_config"},
    "azureml.core.script_run": {"ScriptRun": "runfold.submitting.script_run"},
    "azureml.core.runconfig": {
        _CONFIGURATIONS: "runfold.submitting",
        _IMAGES: "runfold.submitting.sections",
    },
    "azureml.core.environment": {
        "Environment CondaDependencies": "runfold.submitting",
        f"{_SECTIONS} {_IMAGES}": "runfold.submitting.sections",
    },
    "azureml.core.conda_dependencies": {"CondaDependencies": "runfold.submitting"},
    "azureml.core.container_registry": {"ContainerRegistry": "runfold.submitting"},
    "azureml.core.model": {"Model": "runfold.model", "Dataset": "runfold.data"},
    "azureml.core.resource_configuration": {"ResourceConfiguration": "runfold.models.resources"},
    "azureml.core.dataset": {"Dataset": "runfold.data"},
    "azureml.core.datastore": {"Datastore": "runfold.data"},
    "azureml.core.keyvault": {"Keyvault": "runfold.keyvault"},
    "azureml.core.compute": {
        "ComputeTarget": "runfold.submitting.targets",
        _COMPUTE: "runfold.azureml.compute",
    },
    "azureml.core.compute_target": {"ComputeTargetException": "runfold.exceptions"},
    "azureml.core.authentication": {
        _AUTHENTICATION: "runfold.azureml.authentication",
        "AuthenticationException": "runfold.exceptions",
    },
    "azureml.data": {_DATA: "runfold.data", "__version__": "runfold.azureml.constants"},
    "azureml.data.abstract_dataset": {"AbstractDataset": "runfold.data.dataset"},
    "azureml.data.file_dataset": {"FileDataset": "runfold.data"},
    "azureml.data.tabular_dataset": {"TabularDataset": "runfold.data"},
    "azureml.data.dataset_factory": {
        "DataType": "runfold.data",
        "FileDatasetFactory TabularDatasetFactory": "runfold.data.factories",
    },
    "azureml.data.dataset_consumption_config": {"DatasetConsumptionConfig": "runfold.data"},
    "azureml.data.output_dataset_config": {"OutputFileDatasetConfig LinkFileOutputDatasetConfig": "runfold.data"},
    "azureml.data.datapath": {"DataPath": "runfold.data"},
    "azureml.data.data_reference": {"DataReference": "runfold.data"},
    "azureml.data.azure_storage_datastore": {"AzureBlobDatastore AzureFileDatastore": "runfold.data.stores"},
    "azureml.data.azure_data_lake_datastore": {
        "AzureDataLakeDatastore AzureDataLakeGen2Datastore": "runfold.data.stores",
    },
    "azureml.data.azure_sql_database_datastore": {"AzureSqlDatabaseDatastore": "runfold.data.stores"},
    "azureml.data.azure_postgre_sql_datastore": {"AzurePostgreSqlDatastore": "runfold.data.stores"},
    "azureml.data.azure_my_sql_datastore": {"AzureMySqlDatastore": "runfold.data.stores"},
    "azureml.data.dbfs_datastore": {"DBFSDatastore": "runfold.data.stores"},
    "azureml.exceptions": {_EXCEPTIONS: "runfold.exceptions"},
    "azureml._common": {},
    "azureml._common.exceptions": {"AzureMLException": "runfold.exceptions"},
    "azureml._restclient": {},
    "azureml._restclient.constants": {"RunStatus": "runfold.azureml.constants"},
    "azureml.telemetry": {"set_diagnostics_collection": "runfold.azureml.telemetry"},
    "azureml.widgets": {"RunDetails": "runfold.azureml.widgets"},
}

_DEPLOYMENT = "deployment is no part of it; Model.download gives the files that a server needs"

REASONS = {
    "azureml.core.webservice": _DEPLOYMENT,
    "azureml.core.Webservice": _DEPLOYMENT,
    "azureml.core.image": _DEPLOYMENT,
    "azureml.core.Image": _DEPLOYMENT,
    "azureml.core.model.InferenceConfig": _DEPLOYMENT,
    "azureml.train": "estimators were retired by the original, and HyperDrive is another distribution; a "
    "ScriptRunConfig, given to submit_child for each trial, does their work",
    "azureml.pipeline": "it is another distribution",
    "azureml.tensorboard": "it is another distribution",
    "azureml.contrib": "it is another distribution",
}
"""Why a part is not carried, and what to do, by module or name; the first that fits is told."""


def _lines(table: dict[str, dict[str, str]]) -> dict[str, dict[str, str]]:
    return {
        module: {name: home for names, home in lines.items() for name in names.split()}
        for module, lines in table.items()
    }


CARRIED: dict[str, dict[str, str]] = _lines(_TABLE)
"""Home by name, by module."""
