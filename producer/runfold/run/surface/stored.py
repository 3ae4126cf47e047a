"""What stays with a run: tags, properties, files, source code, models."""

from __future__ import annotations

import builtins
import os
from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING, Any, cast

from runfold.run import properties as properties_system  # the bare names are parameters and attributes here
from runfold.run import tags as tags_system

from .base import RunBase

if TYPE_CHECKING:
    from runfold.model import Model
    from runfold.run.files import Uploaded
    from runfold.run.run import Run


class StoredSurface(RunBase):
    """Tags, properties, upload and download, snapshots, register_model."""

    def tag(self, key: str, value: str | None = None) -> None:
        """Sets one tag; a tag may have no value. Returns after the journal's append."""
        tags_system.set_tags(self._handle, {key: value})

    def set_tags(self, tags: dict[str, Any]) -> None:
        """Sets tags; keys that are not named stay. A value that is no text is kept as its text."""
        tags_system.set_tags(self._handle, tags)

    def remove_tags(self, tags: Iterable[str]) -> None:
        """Takes tags away.

        :param tags: List of keys; one that is not there is no error.
        :raises UserErrorException: It is no list.
        """
        tags_system.remove_tags(self._handle, tags)

    def get_tags(self, *, not_before: str | None = None) -> dict[str, str | None]:
        """The tags, fetched."""
        return tags_system.get_tags(self._handle, not_before)

    def add_properties(self, properties: dict[str, Any] | None) -> None:
        """Adds properties, which never change, all of one call or none. Waits for the ledger's decision at most
        RUNFOLD_DECISION_WAIT_S seconds.

        :param properties: Values by key; what is no string is kept as its text. {} and None are nothing.
        :raises PropertyImmutableError: One has another value already; then none of them was added.
        """
        properties_system.add_properties(self._handle, properties)

    def get_properties(self, *, not_before: str | None = None) -> dict[str, str | None]:
        """The properties, fetched."""
        return properties_system.get_properties(self._handle, not_before)

    # Files

    def upload_file(self, name: str, path_or_stream: Any, datastore_name: str | None = None) -> Uploaded:
        """Stores a file or a stream under a name.

        :param name: Path within the run, such as outputs/model.pkl.
        :param path_or_stream: A path, or a stream of bytes.
        :param datastore_name: Accepted; the files of a run are in the ledger's object store.
        :raises ArtifactExistsError: The name is taken in this attempt.
        """
        from runfold.run import files

        return files.upload_file(self._handle, name, path_or_stream, datastore_name)

    def upload_files(
        self,
        names: Sequence[str],
        paths: Sequence[Any],
        return_artifacts: bool = False,
        timeout_seconds: float | None = None,
        datastore_name: str | None = None,
    ) -> Any:
        """Stores files, each under its name.

        :param names: Paths within the run. Several files are stored at once, large ones in parts.
        :param paths: Local paths, as many.
        :param return_artifacts: Whether the artifacts come first in what is returned.
        :param timeout_seconds: Seconds for all of it; as long as it takes where None.
        :returns: A map over what upload_file would return of each; with `return_artifacts` a pair of the artifacts by
            name and that map.
        :raises TypeError: Not as many names as paths.
        :raises ArtifactExistsError: A name is taken in this attempt.
        """
        from runfold.run import files

        return files.upload_files(self._handle, names, paths, return_artifacts, timeout_seconds, datastore_name)

    def upload_folder(self, name: str, path: str | os.PathLike[str], datastore_name: str | None = None) -> Any:
        """Stores a directory tree under the prefix `name`.

        :param name: The prefix; a '/' is put between it and each file's path.
        :param path: The directory; empty directories in it vanish.
        :returns: As upload_files.
        :raises UserErrorException: It is no directory.
        :raises ArtifactExistsError: A name is taken in this attempt.
        """
        from runfold.run import files

        return files.upload_folder(self._handle, name, path, datastore_name)

    def download_file(
        self,
        name: str,
        output_file_path: str | os.PathLike[str] | None = None,
        _validate_checksum: bool = False,
        *,
        not_before: str | None = None,
    ) -> None:
        """Writes a stored file to disk, whole or not at all; its digest is always checked.

        :param name: Path within the run; the latest attempt's.
        :param output_file_path: A path or a directory; the base name in the current directory where None.
        :raises ArtifactNotFoundError: Nothing is stored under that name.
        """
        from runfold.run import files

        files.download_file(self._handle, name, output_file_path, not_before)

    def download_files(
        self,
        prefix: str | None = None,
        output_directory: str | os.PathLike[str] | None = None,
        output_paths: Sequence[str] | None = None,
        batch_size: int = 100,
        append_prefix: bool = True,
        timeout_seconds: float | None = None,
        *,
        not_before: str | None = None,
    ) -> None:
        """Writes the stored files below a prefix to disk, or all of them.

        :param prefix: A folder within the run; everything where None.
        :param output_directory: Goes before each path; the current directory where None.
        :param output_paths: Where each of them goes, unique and as many as the files.
        :param batch_size: Files at once.
        :param append_prefix: Whether the prefix stays in the local path, where output_directory is given.
        :param timeout_seconds: Seconds for all of it.
        :raises ArtifactNotFoundError: Nothing is stored below the prefix.
        """
        from runfold.run import files

        files.download_files(
            self._handle,
            prefix,
            output_directory,
            output_paths,
            batch_size,
            append_prefix,
            timeout_seconds,
            not_before=not_before,
        )

    def get_file_names(self, *, not_before: str | None = None) -> builtins.list[str]:
        """Paths of all that is stored in the run."""
        from runfold.run import files

        return files.get_file_names(self._handle, not_before)

    # Source code

    def take_snapshot(self, file_or_folder_path: str | os.PathLike[str]) -> str:
        """Keeps the source code of a directory or file with the run; unchanged content gives the same id.

        :param file_or_folder_path: At most 300 MB and 2,000 files, without what .amlignore, else .gitignore, names.
        :returns: The snapshot's id.
        :raises SnapshotException: The run has one already, or it is too large.
        """
        from runfold.run import snapshots

        return snapshots.take(self._handle, file_or_folder_path)

    def restore_snapshot(self, snapshot_id: str | None = None, path: str | os.PathLike[str] | None = None) -> str:
        """Writes a snapshot as `<path>/<snapshot id>.zip`.

        :param snapshot_id: The run's own where None.
        :param path: Directory, made where it is missing; the system's temporary one where None.
        :returns: Absolute path of the ZIP.
        :raises SnapshotException: There is no such snapshot.
        """
        from runfold.run import snapshots

        return snapshots.restore(self._handle, snapshot_id, path)

    # Models

    def register_model(
        self,
        model_name: str,
        model_path: str | None = None,
        tags: dict[str, Any] | None = None,
        properties: dict[str, Any] | None = None,
        model_framework: str | None = None,
        model_framework_version: str | None = None,
        description: str | None = None,
        datasets: Sequence[tuple[str, Any]] | None = None,
        sample_input_dataset: Any = None,
        sample_output_dataset: Any = None,
        resource_configuration: Any = None,
        **kwargs: Any,
    ) -> Model:
        """Registers a model of files that the run has stored.

        :param model_name: 1 to 255 letters, digits, '-', '.' and '_', beginning with a letter or digit.
        :param model_path: File or folder within the run; `model_name` where None.
        :param description: Description in words.
        :param properties: Never change; new keys may be added.
        :param model_framework: TensorFlow, ScikitLearn, Onnx, Custom or Multi.
        :param datasets: Pairs of a relationship and a dataset.
        :returns: The model in its new version.
        :raises WebserviceException: Name, framework, tags or properties are not allowed.
        :raises ModelPathNotFoundException: The run stores nothing under that path.
        """
        from runfold.run import models

        return models.register_model(
            cast("Run", self),  # every run is one
            model_name,
            model_path,
            tags=tags,
            properties=properties,
            model_framework=model_framework,
            model_framework_version=model_framework_version,
            description=description,
            datasets=datasets,
            sample_input_dataset=sample_input_dataset,
            sample_output_dataset=sample_output_dataset,
            resource_configuration=resource_configuration,
            **kwargs,
        )
