"""How a run is, and what is known of it."""

from __future__ import annotations

import builtins
import os
from collections.abc import Iterable
from typing import TYPE_CHECKING, Any

from runfold.run import status as status_system

from .base import RunBase

if TYPE_CHECKING:
    from runfold.reading.records import DecisionRecord
    from runfold.submitting.environment_definition import Environment


class DetailsSurface(RunBase):
    """Status, details, logs, environment, secrets, decisions, completeness."""

    def get_status(self, *, not_before: str | None = None) -> str:
        """The status, fetched, until the ledger has said a terminal one."""
        return status_system.get_status(self._handle, not_before)

    def get_detailed_status(self, *, not_before: str | None = None) -> dict[str, str | None]:
        """`{"status": ..., "details": ...}`: details say why the run waits while it is Queued, else None."""
        return status_system.get_detailed_status(self._handle, not_before)

    def get_details(self, *, not_before: str | None = None) -> dict[str, Any]:
        """What the ledger knows of the run, in the original's names; what is not set is absent.

        runId, target, status, startTimeUtc, endTimeUtc, error, warnings, properties, inputDatasets, outputDatasets,
        runDefinition, logFiles (name to address, always there), submittedBy. Times are UTC, ISO 8601.
        """
        from runfold.run import details

        return details.get_details(self._handle, not_before)

    def get_details_with_logs(self, *, not_before: str | None = None) -> dict[str, Any]:
        """As get_details, with each log's text in the place of its address."""
        from runfold.run import details

        return details.get_details_with_logs(self._handle, not_before)

    def get_all_logs(self, destination: str | os.PathLike[str] | None = None) -> builtins.list[str]:
        """Writes every log of the run to disk.

        :param destination: Directory, made where it is missing; `assets/<run id>` in the project's directory where
            None.
        :returns: Paths of the files.
        :raises UserErrorException: `destination` is a file.
        """
        from runfold.run import details

        return details.get_all_logs(self._handle, destination, getattr(self, "source_directory", None))

    def get_snapshot_id(self) -> str | None:
        """Id of the run's snapshot; None where it has none."""
        from runfold.run import snapshots

        return snapshots.snapshot_id(self._handle)

    def get_environment(self) -> Environment:
        """The environment that the run was submitted with.

        :raises UserErrorException: It was not submitted, so there is no definition.
        """
        from runfold.submitting import environment_of

        return environment_of(self)

    def get_secret(self, name: str) -> str | None:
        """A secret of the workspace's default key vault; None where there is none. The read is recorded, not the value.

        :param name: 1 to 127 letters, digits, '-', '_' and '.'.
        :raises UserErrorException: The name is no text.
        """
        from runfold.run import secrets

        return secrets.get_secret(self._handle, name)

    def get_secrets(self, secrets: Iterable[str]) -> dict[str, str | None]:
        """Several secrets by name; None for each that is not there.

        :param secrets: Names.
        """
        from runfold.run.secrets import get_secrets

        return get_secrets(self._handle, secrets)

    def decisions(self, *, not_before: str | None = None) -> builtins.list[DecisionRecord]:
        """What the ledger did not accept about the run: refused, conflicting and skipped facts, by offset.

        :returns: For each of them `offset`, `writer_id`, `ordinal`, `event`, `verdict`, `rule`, and `refusals`: for
            each key the value that stays (`kept`) and the one that was `refused`.
        """
        return status_system.decisions(self._handle, not_before)

    def completeness(self, *, not_before: str | None = None) -> dict[str, Any]:
        """Whether all that was said about the run has arrived.

        :returns: `{"complete": ..., "writers": [...]}`; each writer with its rank, attempt, host and pid, and for each
            of its lanes how much was sent, stored and declared lost, and the ranges that are missing.
        """
        return status_system.completeness(self._handle, not_before)
