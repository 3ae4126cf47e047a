"""A workspace: the name that topics and tables stand under. No I/O beyond the config file.

`Workspace.from_config()` looks upward for the original's file, takes `RUNFOLD_WORKSPACE` before what stands in it, and
without any file the local stack that `runfold up` has started.
"""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

from . import validation
from .exceptions import UserErrorException
from .shipper.importing import complete_before_fork

if TYPE_CHECKING:
    from pathlib import Path

    from .experiment import Experiment
    from .run import Run
    from .session import Session


class Workspace:
    """A workspace of the ledger.

    :param subscription_id: Kept, and shown as in the original; the ledger does not need it.
    :param resource_group: Likewise.
    :param workspace_name: 3 to 33 letters, digits, '-' and '_'. Topics and tables use lower case, and '-' for '_'.
    :param auth: Accepted; the access token is the setting RUNFOLD_ACCESS_TOKEN. So is the rest, without effect.
    :raises UserErrorException: The name is not allowed.
    """

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
    ) -> None:
        self._workspace_name = validation.workspace_name(workspace_name)
        self._ledger_name = validation.ledger_name(workspace_name)
        self._subscription_id = subscription_id
        self._resource_group = resource_group
        self._location = _location
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
        from runfold import config_file

        found = config_file.find(path, _file_name)
        name = os.environ.get("RUNFOLD_WORKSPACE") or found.workspace_name or _local_stack()
        if name is None:
            raise UserErrorException(
                f"No workspace is known: from {config_file.where(path)} upward there is no .azureml/config.json, "
                "aml_config/config.json or config.json with a workspace_name, RUNFOLD_WORKSPACE is not set, and no "
                "local stack is there. Start one with `runfold up`, or set RUNFOLD_WORKSPACE."
            )
        workspace = Workspace(found.subscription_id, found.resource_group, name, _location=found.location)
        workspace._config_file = found.file
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
    def location(self) -> str | None:
        """What was given as location; the ledger does not need it."""
        return self._location

    @property
    def experiments(self) -> dict[str, Experiment]:
        """All experiments by name, fetched."""
        from .experiment import Experiment

        found = self._session.read(lambda api: api.experiments())
        return {item["name"]: Experiment(self, item["name"], _skip_name_validation=True) for item in found}

    def get_run(self, run_id: str) -> Run:
        """The run of that id, whatever experiment it is in, fetched."""
        from .run import Run

        return Run.get(self, run_id)

    def write_config(self, path: str | None = None, file_name: str | None = None) -> None:
        """Writes .azureml/config.json, for `from_config` to find.

        :param path: Directory in which .azureml is made; the current one where None.
        :param file_name: Name of the file, for config.json.
        """
        from runfold import config_file

        said = config_file.Found(None, self._subscription_id, self._resource_group, self._workspace_name, None)
        config_file.write(path, file_name, said)

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
