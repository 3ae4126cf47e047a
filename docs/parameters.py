"""Parameters that mean the same wherever they stand, told once for the page `reference.md`; docstrings tell the others.

By class, the empty name for all of them.
"""

from __future__ import annotations

_AZURES = "Accepted: nothing of Azure is asked or made."
_KEPT = "Kept and shown, as in the original; the ledger does not need it."
_PROVIDERS = "Given to the provider as it is."

MEANINGS: dict[str, dict[str, str]] = {
    "": {
        "workspace": "The workspace.",
        "not_before": "Text of a watermark (`run.watermark()`), of another process as a rule: the read waits until it has seen that much.",
        "auth": "Accepted; who may read is the setting RUNFOLD_ACCESS_TOKEN.",
        "show_progress": "Whether each file is printed, as the original does.",
        "key": "The tag's key.",
        "value": "Its value; None for a tag without one.",
        "tags": "Values by key; what is no string is kept as its text.",
        "description": "Description in words.",
        "show_output": "Whether it is printed.",
        "subscription_id": _KEPT,
        "resource_group": _KEPT,
        "location": _KEPT,
        "resource_configuration": "ResourceConfiguration: CPU, memory and GPU that it wants to be served with.",
        "sample_input_dataset": "Dataset of sample inputs, or its id.",
        "sample_output_dataset": "Dataset of sample outputs, or its id.",
        "model_framework": "The framework, such as ScikitLearn.",
        "model_framework_version": "Its version; not without the framework.",
    },
    "Run": {
        "name": "Name of the metric, kept to the letter.",
        "description": "Accepted and not stored, as in the original.",
        "datastore_name": "Accepted; the files of a run are in the ledger's object store.",
        "experiment": "The experiment.",
        "run_id": "Id of the run.",
        "properties": "As `tags` of `Run.list`: a key, or a dict of keys and values.",
        "type": "Run type, such as azureml.scriptrun.",
        "status": "One status.",
    },
    "Experiment": {
        "type": "As in `Run.list`.",
        "properties": "As in `Run.list`.",
        "include_children": "As in `Run.list`.",
    },
    "Workspace": {
        "name": "Name of the workspace.",
        "id": "Accepted.",
        "cloud": "Accepted.",
        "sku": _KEPT,
        "tags": _KEPT,
        "run_id": "Id of the run.",
        **dict.fromkeys(
            (
                "create_resource_group", "friendly_name", "storage_account", "key_vault", "app_insights",
                "container_registry", "adb_workspace", "primary_user_assigned_identity", "cmk_keyvault",
                "resource_cmk_uri", "hbi_workspace", "default_cpu_compute_target", "default_gpu_compute_target",
                "private_endpoint_config", "private_endpoint_auto_approval", "show_output",
                "user_assigned_identity_for_cmk_encryption", "system_datastores_auth_mode", "v1_legacy_mode",
            ),
            _AZURES,
        ),
    },
    "Model": {
        "properties": "Values by key; they never change.",
        "model_name": "Its name.",
        "models": "List of models.",
        "model_payload": "The dict.",
        **dict.fromkeys(
            (
                "name", "inference_config", "deployment_config", "deployment_target", "overwrite",
                "generate_dockerfile", "image_name", "image_label", "profile_name", "input_dataset", "cpu",
                "memory_in_gb",
            ),
            _PROVIDERS,
        ),
    },
    "Dataset": {
        "name": "Name that it is registered under.",
        "id": "<name>:<version>, or the id of one that is not registered.",
        "path": "A path, a URL, a (datastore, path) tuple, or a list of these.",
        "validate": "Whether it is looked at once, where that needs no download.",
        "include_path": "Whether a column `Path` says where a row comes from.",
        "set_column_types": "DataType by column name.",
        "partition_format": "Columns that the paths tell, as in `from_delimited_files`.",
        "encoding": "Of the files.",
        "count": "How many.",
        "probability": "From 0 to 1.",
        "seed": "The same seed gives the same ones; drawn where None.",
        "columns": "A name, or a list of names.",
        "separator": "Between fields.",
        "start_time": "A datetime.",
        "end_time": "A datetime.",
        "include_boundary": "Whether that very time belongs to it.",
        "time_delta": "A timedelta.",
        "dataframe": "The frame.",
        "target": "A datastore, a (datastore, path) tuple or DataPath.",
        "path_on_compute": "The folder; one in the job's own where None.",
        "disable_metadata_cache": "Accepted.",
    },
    "Datastore": {
        "datastore_name": "Letters, digits and '_'.",
        "path": "Relative path; the whole where None.",
        "data_reference_name": "Name in a run configuration; the datastore's where None.",
        "path_on_compute": "The folder; one in the job's own where None.",
        "container_name": "The container.",
        "file_share_name": "The share.",
        "filesystem": "The file system.",
        "store_name": "The store.",
        "account_name": "The storage account.",
        "account_key": "A secret.",
        "username": "A secret.",
        "password": "A secret.",
        "protocol": "Such as https; fsspec's own where None.",
        "endpoint": "Such as core.windows.net; the service's own where None.",
        "server_name": "Host of the database.",
        "database_name": "The database.",
        "user_id": "The user.",
        "port_number": "Its port; the usual one where None.",
        "enforce_ssl": "Whether the connection must be encrypted.",
        "tenant_id": "Of the service principal.",
        "client_id": "Of the service principal.",
        "resource_url": "Kept with the definition.",
        "authority_url": "Kept with the definition.",
        "namenode_address": "host:port.",
        "hdfs_server_certificate": "Path of the certificate.",
        "kerberos_realm": "Kept with the definition.",
        "kerberos_kdc_address": "Kept with the definition.",
        "kerberos_principal": "Who asks.",
        "kerberos_keytab": "Path of the keytab.",
        **dict.fromkeys(
            (
                "create_if_not_exists", "skip_validation", "blob_cache_timeout", "grant_workspace_access",
                "subscription_id", "resource_group",
            ),
            _AZURES,
        ),
    },
    "Environment": {
        "name": "Its name.",
        "file_path": "Path of the file.",
        "image": "The image, such as mcr.microsoft.com/azureml/openmpi4.1.0-ubuntu22.04.",
        "container_registry": "Where the image is; the public one where None.",
        "conda_specification": "Path of a conda YAML file.",
        "pip_requirements": "Path of a requirements file.",
        "docker_build_context": "DockerBuildContext: the folder.",
        "conda_environment_name": "The conda environment.",
        "new_name": "Its name.",
        "path": "The directory.",
        "version": "A version, as text.",
        "label": "A label; `latest` is the latest version.",
        "labels": "A label, or a list of them.",
    },
    "RunConfiguration": {"path": "Directory of the project.", "name": "Name of the file, without .runconfig."},
    "ComputeTarget": {"name": "Name of the target."},
    "CondaDependencies": {
        "channel": "Its name or address.",
        "conda_package": "Such as numpy=1.26.",
        "pip_package": "As pip takes it, such as numpy==1.26.",
        "pip_requirements": "As pip takes them.",
        "pip_option": "Such as --extra-index-url https://...",
        "index_url": "The address.",
        "version": "Such as 3.11; the latest where None.",
        "base_directory": "The directory.",
        "conda_file_path": "Path from there on; conda_dependencies.yml where None.",
    },
}  # fmt: skip

ALIKE = {
    "ScriptRun": "Run", "_SubmittedRun": "Run",
    "FileDataset": "Dataset", "TabularDataset": "Dataset", "Dataset.File": "Dataset", "Dataset.Tabular": "Dataset",
    "DatasetConsumptionConfig": "Dataset", "OutputFileDatasetConfig": "Dataset",
}  # fmt: skip
"""Classes that share the words of another."""


def meaning(owner: str, parameter: str) -> str | None:
    """What a parameter means in a class; None where nothing general is said."""
    if owner == "_OfflineRun":
        return "As in `Run`."
    of_class = MEANINGS.get(ALIKE.get(owner, owner), {})
    return of_class.get(parameter) or MEANINGS[""].get(parameter)
