"""A workspace: the name that topics and tables stand under. No I/O beyond the config file.

`Workspace.from_config()` looks upward for the original's file, takes `RUNFOLD_WORKSPACE` before what stands in it, and
without any file the local stack that `runfold up` has started.
"""

from __future__ import annotations

import builtins
import os
from typing import TYPE_CHECKING, Any

from . import config_file, notices, validation
from .exceptions import (
    AuthenticationException,
    ServiceAwayError,
    ServiceException,
    UserErrorException,
    WorkspaceException,
)
from .shipper.importing import complete_before_fork

if TYPE_CHECKING:
    from pathlib import Path

    from .data import Datastore
    from .experiment import Experiment
    from .keyvault import Keyvault
    from .model import Model
    from .run import Run
    from .session import Session
    from .submitting.environment_definition import Environment
    from .submitting.targets import ComputeTarget


class Workspace:
    """A workspace of the ledger.

    Properties that list what is in it (experiments, models, datasets, ...) are fetched at each use. Of the original's
    members those are not here that run Azure's own infrastructure: private endpoints, connections, keys, diagnosis,
    deletion and change of the resource.

    :param subscription_id: Kept, and shown as in the original; the ledger does not need it.
    :param resource_group: Likewise.
    :param workspace_name: 3 to 33 letters, digits, '-' and '_'. Topics and tables use lower case, and '-' for '_'.
    :param auth: Accepted; the access token is the setting RUNFOLD_ACCESS_TOKEN. So is the rest, without effect.
    :raises UserErrorException: The name is not allowed.
    """

    DEFAULT_CPU_CLUSTER_NAME = "cpu-cluster"
    DEFAULT_GPU_CLUSTER_NAME = "gpu-cluster"

    def __init__(
        self,
        subscription_id: str,
        resource_group: str,
        workspace_name: str,
        auth: object = None,
        _location: str | None = None,
        _disable_service_check: bool = False,
        _workspace_id: str | None = None,
        sku: str = "basic",
        tags: dict[str, str] | None = None,
        _cloud: str = "AzureCloud",
        *,
        _ledger_name: str | None = None,
    ) -> None:
        self._workspace_name = validation.workspace_name(workspace_name)
        self._ledger_name = _ledger_name or config_file.ledger_name(subscription_id, resource_group, workspace_name)
        # Scripts put them into addresses and lines of text, whoever left them out.
        self._subscription_id, self._resource_group, self._location = (
            "" if given is None else str(given) for given in (subscription_id, resource_group, _location)
        )
        self._sku = sku
        self._tags = dict(tags or {})
        self._config_file: Path | None = None

    @staticmethod
    def from_config(
        path: str | os.PathLike[str] | None = None,
        auth: object = None,
        _logger: object = None,
        _file_name: str | None = None,
    ) -> Workspace:
        """The workspace that a config file names, or RUNFOLD_WORKSPACE, or without both the local stack's.

        :param path: The file, or the directory to begin the search at; the current directory where None.
        :param _file_name: Name of the file to look for, for config.json.
        :raises UserErrorException: There is nothing of all that, or the file cannot be read; the text says what to do.
        """
        found = config_file.find(path, _file_name)
        name = os.environ.get("RUNFOLD_WORKSPACE") or found.workspace_name or _local_stack()
        if name is None:
            raise UserErrorException(
                f"No workspace is known: from {config_file.where(path)} upward there is no .azureml/config.json, "
                "aml_config/config.json or config.json with a workspace_name, RUNFOLD_WORKSPACE is not set, and no "
                "local stack is there. Start one with `runfold up`, or set RUNFOLD_WORKSPACE."
            )
        subscription, group = found.subscription_id, found.resource_group
        ledger = config_file.ledger_name(subscription, group, name, found)
        workspace = Workspace(subscription, group, name, _location=found.location, _ledger_name=ledger)
        workspace._config_file = found.file
        return workspace

    @staticmethod
    def get(
        name: str,
        auth: object = None,
        subscription_id: str | None = None,
        resource_group: str | None = None,
        location: str | None = None,
        cloud: str = "AzureCloud",
        id: str | None = None,
    ) -> Workspace:
        """The workspace of that name.

        :param subscription_id: Kept, and shown as in the original, as resource_group and location are.
        :raises WorkspaceException: The access token does not reach a workspace of that name.
        """
        workspace = Workspace(subscription_id or "", resource_group or "", name, _location=location)
        if workspace._is_there() is False:
            raise WorkspaceException(
                f"Workspace {name!r} is not there for this access token; an operator makes it by `runfold topics "
                "create`, and gives access to it by a token (setting RUNFOLD_ACCESS_TOKEN)."
            )
        return workspace

    @staticmethod
    def create(
        name: str,
        auth: object = None,
        subscription_id: str | None = None,
        resource_group: str | None = None,
        location: str | None = None,
        create_resource_group: bool = True,
        sku: str = "basic",
        tags: dict[str, str] | None = None,
        friendly_name: str | None = None,
        storage_account: str | None = None,
        key_vault: str | None = None,
        app_insights: str | None = None,
        container_registry: str | None = None,
        adb_workspace: str | None = None,
        primary_user_assigned_identity: str | None = None,
        cmk_keyvault: str | None = None,
        resource_cmk_uri: str | None = None,
        hbi_workspace: bool = False,
        default_cpu_compute_target: object = None,
        default_gpu_compute_target: object = None,
        private_endpoint_config: object = None,
        private_endpoint_auto_approval: bool = True,
        exist_ok: bool = False,
        show_output: bool = True,
        user_assigned_identity_for_cmk_encryption: str | None = None,
        system_datastores_auth_mode: str = "accessKey",
        v1_legacy_mode: bool | None = None,
    ) -> Workspace:
        """The workspace of that name, for scripts that make theirs. Workspaces are made by an operator, not by a
        training: they are topics with partitions, and tokens.

        :param exist_ok: Must be True for a workspace that is there.
        :raises WorkspaceException: It is there and exist_ok is False, or it is not there.
        """
        workspace = Workspace.get(name, auth, subscription_id, resource_group, location)
        workspace._sku, workspace._tags = sku, dict(tags or {})
        if not exist_ok:
            raise WorkspaceException(
                f"Workspace {name!r} exists already; use Workspace.get, or exist_ok=True, to take it as it is."
            )
        return workspace

    @staticmethod
    def list(
        subscription_id: str, auth: object = None, resource_group: str | None = None
    ) -> dict[str, builtins.list[Workspace]]:
        """Workspaces by name: the one that this process is set up for (a config file, RUNFOLD_WORKSPACE, the local
        stack), since an access token belongs to one.

        :raises UserErrorException: None is known.
        """
        found = Workspace.from_config()
        return {
            found.name: [
                Workspace(subscription_id, resource_group or found.resource_group, found.name, _location=found.location)
            ]
        }

    @staticmethod
    def setup() -> Workspace:
        """The workspace that this process is set up for, with its config file written for later.

        :raises UserErrorException: None is known.
        """
        workspace = Workspace.from_config()
        if workspace._config_file is None:
            workspace.write_config()
        return workspace

    @property
    def name(self) -> str:
        """The name, as it was given."""
        return self._workspace_name

    @property
    def subscription_id(self) -> str:
        """What was given as subscription; the ledger does not need it."""
        return self._subscription_id

    @property
    def resource_group(self) -> str:
        """What was given as resource group; the ledger does not need it."""
        return self._resource_group

    @property
    def location(self) -> str:
        """What was given as location, else empty; the ledger does not need it."""
        return self._location

    @property
    def sku(self) -> str:
        """What was given as sku; the ledger does not need it."""
        return self._sku

    @property
    def tags(self) -> dict[str, str]:
        """What was given as tags; the ledger does not need them."""
        return dict(self._tags)

    @property
    def discovery_url(self) -> str:
        """Address of the query API: the setting RUNFOLD_API; empty where it is not set."""
        return self._session.settings.api or ""

    # What is in it

    @property
    def experiments(self) -> dict[str, Experiment]:
        """Active experiments by name, fetched."""
        from .experiment import Experiment

        return {each.name: each for each in Experiment.list(self)}

    @property
    def models(self) -> dict[str, Model]:
        """The latest version of each model by name, fetched."""
        from .model import Model

        return {each.name: each for each in Model.list(self, latest=True)}

    @property
    def datasets(self) -> dict[str, Any]:
        """The latest version of each registered dataset by name, fetched."""
        from .data import Dataset

        return Dataset.get_all(self)

    @property
    def datastores(self) -> dict[str, Datastore]:
        """Datastores by name, fetched."""
        from .data import datastores

        return datastores(self)

    @property
    def environments(self) -> dict[str, Environment]:
        """The latest version of each registered environment by name, fetched."""
        from .submitting.environment_definition import Environment

        return Environment.list(self)

    @property
    def compute_targets(self) -> dict[str, ComputeTarget]:
        """Compute targets by name: `local`, and what packages provide."""
        from .submitting import targets

        return targets.compute_targets(self)

    @property
    def images(self) -> dict[str, Any]:
        """Nothing: images of containers are not the ledger's affair."""
        return {}

    @property
    def webservices(self) -> dict[str, Any]:
        """Nothing: serving is not the ledger's affair."""
        return {}

    @property
    def linked_services(self) -> dict[str, Any]:
        """Nothing: there are none."""
        return {}

    @property
    def private_endpoints(self) -> dict[str, Any]:
        """Nothing: networks are not the ledger's affair."""
        return {}

    def get_default_compute_target(self, type: str) -> ComputeTarget | None:
        """The compute target that jobs run on where they name none: `local`.

        :param type: CPU or GPU; this machine has what it has.
        """
        return self.compute_targets.get("local")

    def get_default_datastore(self) -> Datastore:
        """The datastore that is the default, fetched."""
        from .data import Datastore

        return Datastore.get_default(self)

    def set_default_datastore(self, name: str) -> None:
        """Makes a datastore the default.

        :param name: Its name.
        """
        from .data import Datastore

        Datastore.get(self, name).set_as_default()

    def get_default_keyvault(self) -> Keyvault:
        """The secrets of the workspace."""
        from .keyvault import Keyvault

        return Keyvault(self)

    def get_details(self) -> dict[str, Any]:
        """What is known of the workspace, in the original's names."""
        scope = f"/subscriptions/{self._subscription_id}/resourceGroups/{self._resource_group}"
        return {
            "id": f"{scope}/providers/Microsoft.MachineLearningServices/workspaces/{self._workspace_name}",
            "name": self._workspace_name,
            "location": self._location,
            "type": "Microsoft.MachineLearningServices/workspaces",
            "tags": self.tags,
            "sku": self._sku,
            "workspaceid": self._ledger_name,
            "friendlyName": self._workspace_name,
            "discoveryUrl": self.discovery_url,
            "provisioningState": "Succeeded",
        }

    def get_run(self, run_id: str) -> Run:
        """The run of that id, whatever experiment it is in, fetched."""
        from .run import Run

        return Run.get(self, run_id)

    def write_config(self, path: str | os.PathLike[str] | None = None, file_name: str | None = None) -> None:
        """Writes .azureml/config.json, for `from_config` to find.

        :param path: Directory in which .azureml is made; the current one where None.
        :param file_name: Name of the file, for config.json.
        """
        said = config_file.Found(None, self._subscription_id, self._resource_group, self._workspace_name, None)
        config_file.write(path, file_name, said)

    def _is_there(self) -> bool | None:
        """Whether the access token reaches it; None where nobody can say, since the API is away."""
        try:
            return bool(self._session.api.lag())  # every partition of a workspace has a place in the projectors
        except ServiceAwayError as away:
            notices.once(notices.away(away.service), f"workspace {self._workspace_name}: {away.message}")
            return None
        except (AuthenticationException, ServiceException) as error:
            if isinstance(error, ServiceException) and error.status_code not in (403, 404):
                raise
            return False

    @property
    def _session(self) -> Session:
        with complete_before_fork():
            from . import session

        return session.of(self._ledger_name, self._config_file)

    def __repr__(self) -> str:
        return (
            f"Workspace.create(name='{self._workspace_name}', subscription_id='{self._subscription_id}', "
            f"resource_group='{self._resource_group}')"
        )


def _local_stack() -> str | None:
    from runfold_schemas import settings

    try:
        return settings.Settings.load().workspace
    except settings.SettingsError as error:
        raise UserErrorException(str(error), inner_exception=error) from error
