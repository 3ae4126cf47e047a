"""Model: a version of a named set of files, with tags that change and properties that never do."""

from __future__ import annotations

import builtins
import os
from pathlib import Path
from typing import TYPE_CHECKING, Any

from . import environment, notices
from .exceptions import ModelNotFoundException, UserErrorException, WebserviceException
from .models import checking
from .models.described import Described
from .models.resources import ResourceConfiguration
from .models.served import Served

if TYPE_CHECKING:
    from collections.abc import Mapping

    from runfold_schemas.watermark import Lane

    from .reading.records import ModelRecord
    from .workspace import Workspace

__all__ = ["Model", "ResourceConfiguration"]

MODELS_DIR = "azureml-models"  # where get_model_path looks, and downloads to: <name>/<version>/


class Model(Described, Served):
    """A registered model: the newest version that everything given fits.

    :param workspace: The workspace.
    :param name: Its name.
    :param id: <name>:<version>.
    :param tags: List of "key" or ["key", "value"]. So are `properties`.
    :param version: A version; the latest where None.
    :param run_id: The run that registered it.
    :param model_framework: Its framework.
    :param expand: Accepted; what belongs to a model is fetched when it is asked for.
    :raises WebserviceException: There is no such model.
    """

    class Framework:
        """Names of frameworks. Others are accepted too."""

        CUSTOM = "Custom"
        MULTI = "Multi"
        ONNX = "Onnx"
        SCIKITLEARN = "ScikitLearn"
        TENSORFLOW = "TensorFlow"

    def __init__(
        self,
        workspace: Workspace,
        name: str | None = None,
        id: str | None = None,
        tags: builtins.list[Any] | None = None,
        properties: builtins.list[Any] | None = None,
        version: int | None = None,
        run_id: str | None = None,
        model_framework: str | None = None,
        expand: bool = True,
        **kwargs: Any,
    ) -> None:
        from .models import finding

        self._workspace = _checked(workspace)
        self._open: tuple[Lane, int] | None = None
        self._record: ModelRecord = finding.one(
            self._session,
            name=name,
            model_id=id,
            version=version,
            tags=tags,
            properties=properties,
            run_id=run_id,
            framework=model_framework,
        )

    @classmethod
    def _of(cls, workspace: Workspace, record: ModelRecord, stated: tuple[Lane, int] | None = None) -> Model:
        """From what the ledger says, or from what this process has just stated (lane, ordinal)."""
        model = cls.__new__(cls)
        model._workspace, model._record = workspace, record
        model._open = stated if not record["version"] else None
        return model

    # Registering and finding

    @staticmethod
    def register(
        workspace: Workspace,
        model_path: str | os.PathLike[str],
        model_name: str,
        tags: dict[str, str] | None = None,
        properties: dict[str, str] | None = None,
        description: str | None = None,
        datasets: builtins.list[tuple[str, Any]] | None = None,
        model_framework: str | None = None,
        model_framework_version: str | None = None,
        child_paths: builtins.list[str] | None = None,
        sample_input_dataset: Any = None,
        sample_output_dataset: Any = None,
        resource_configuration: ResourceConfiguration | None = None,
    ) -> Model:
        """Uploads a file or folder and registers it; prints `Registering model <name>`, as the original does.

        :param model_path: A file or folder in the current directory.
        :param model_name: 1 to 255 letters, digits, '-', '.' and '_', beginning with a letter or digit.
        :param properties: Never change; new keys may be added.
        :param datasets: List of (relationship, dataset).
        :param child_paths: What of the folder is registered; all of it where None.
        :returns: The model in its new version.
        :raises FileNotFoundError: The path is not there.
        :raises PermissionError: It is outside the current directory.
        :raises WebserviceException: Name, framework, tags or properties are not allowed.
        :raises ServiceAwayError: API or object store do not take the files.
        """
        from .models import registering

        _checked(workspace)
        said = registering.words(
            model_name,
            tags=tags,
            properties=properties,
            description=description,
            datasets=datasets,
            model_framework=model_framework,
            model_framework_version=model_framework_version,
            sample_input_dataset=sample_input_dataset,
            sample_output_dataset=sample_output_dataset,
            resource_configuration=resource_configuration,
        )
        path, found = registering.local_files(model_path, child_paths)  # what is wrong is told before what is printed
        print(f"Registering model {said.name}")  # noqa: T201 - the original prints it
        registered = registering.of_machine(workspace._session, path, found, said)
        return Model._of(workspace, registered.record, (registered.lane, registered.ordinal))

    @staticmethod
    def list(
        workspace: Workspace,
        name: str | None = None,
        tags: builtins.list[Any] | None = None,
        properties: builtins.list[Any] | None = None,
        run_id: str | None = None,
        latest: bool = False,
        dataset_id: str | None = None,
        expand: bool = True,
        page_count: int = 255,
        model_framework: str | None = None,
    ) -> builtins.list[Model]:
        """Versions of models that all filters fit, newest registered first.

        :param name: Only of this name.
        :param tags: List of "key" or ["key", "value"]; all must fit. So must `properties`.
        :param run_id: Only those that this run registered.
        :param latest: Only the latest version of each name.
        :param dataset_id: Only those that have to do with this dataset.
        :param expand: Accepted; what belongs to a model is fetched when it is asked for.
        :param page_count: 20 to 255, as in the original; pages are chosen by the ledger.
        :param model_framework: Only of this framework.
        :raises UserErrorException: `tags` or `properties` are no such list.
        """
        from .models import finding

        checking.page_count(page_count)
        records = finding.listed(
            _checked(workspace)._session,
            name=name,
            tags=tags,
            properties=properties,
            run_id=run_id,
            latest=latest,
            dataset_id=dataset_id,
            framework=model_framework,
        )
        return [Model._of(workspace, record) for record in records]

    @staticmethod
    def get_model_path(model_name: str, version: int | None = None, _workspace: Workspace | None = None) -> str:
        """Path of a model's files on this machine. In a job, or with `_workspace`, they are downloaded first.

        Files lie in azureml-models/<name>/<version>/ below the current directory, or in AZUREML_MODEL_DIR.

        :param version: The latest where None.
        :raises ModelNotFoundException: There is no such model.
        """
        name, wanted = checking.name(model_name), checking.version(version)
        job = environment.job()
        if _workspace is None and job is not None:
            from .workspace import Workspace

            _workspace = Workspace(job.subscription_id, job.resource_group, job.workspace)
        if _workspace is None:
            return _local_path(name, wanted)
        try:
            model = Model(_workspace, name, version=wanted)
        except WebserviceException as error:
            raise ModelNotFoundException(error.message, inner_exception=error) from error
        return model.download(os.path.join(MODELS_DIR, name, str(model.version)), exist_ok=True)  # noqa: PTH118

    # Changing

    def add_tags(self, tags: dict[str, str]) -> None:
        """Adds tags, or changes the value of those that are there.

        :param tags: Values by key; what is no string is kept as its text.
        """
        self._change(tags=self._texts(checking.tags(tags)))

    def remove_tags(self, tags: builtins.list[str]) -> None:
        """Takes tags away.

        :param tags: Keys; one that is not there is no error.
        """
        self._change(removed_tags=_keys(tags))

    def add_properties(self, properties: dict[str, str]) -> None:
        """Adds properties, all of one call or none, and waits for the decision.

        :param properties: Values by key; what is no string is kept as its text.
        :raises WebserviceException: One of them has another value already.
        """
        self._change(properties=self._texts(checking.properties(properties)))

    def update_tags_properties(
        self,
        add_tags: dict[str, str] | None = None,
        remove_tags: builtins.list[str] | None = None,
        add_properties: dict[str, str] | None = None,
    ) -> None:
        """Adds and takes away tags and adds properties, all at once.

        :param add_tags: Values by key.
        :param remove_tags: Keys; one that is not there is no error.
        :param add_properties: Values by key; they never change.
        :raises WebserviceException: A property has another value already.
        """
        self._change(
            tags=self._texts(checking.tags(add_tags)),
            removed_tags=_keys(remove_tags),
            properties=self._texts(checking.properties(add_properties)),
        )

    def update(
        self,
        tags: dict[str, str] | None = None,
        description: str | None = None,
        sample_input_dataset: Any = None,
        sample_output_dataset: Any = None,
        resource_configuration: ResourceConfiguration | None = None,
    ) -> None:
        """Changes what is given; None leaves it.

        :param tags: All tags, in place of those that are there.
        """
        from .models import registering, resources

        said: dict[str, Any] = {
            "description": checking.description(description),
            "sample_input_dataset_id": checking.sample("sample_input_dataset", sample_input_dataset),
            "sample_output_dataset_id": checking.sample("sample_output_dataset", sample_output_dataset),
            "resource_configuration": resources.written(resource_configuration),
        }
        registering.save(self._session, checking.used(None, sample_input_dataset, sample_output_dataset))
        if tags is not None:
            said["tags"] = self._texts(checking.tags(tags))
            said["removed_tags"] = [key for key in self._record["tags"] if key not in said["tags"]]
        self._change(**said)

    def add_dataset_references(self, datasets: builtins.list[tuple[str, Any]]) -> None:
        """Relates further datasets to the model.

        :param datasets: List of (relationship, dataset).
        """
        from .models import registering

        related = checking.datasets(datasets)
        registering.save(self._session, checking.used(datasets))
        self._change(datasets=related)

    def delete(self) -> None:
        """Deletes the version: it is no longer found. Its files and what was said of it stay on record."""
        self._change(deleted=True)

    def _change(self, **said: Any) -> None:
        from runfold_schemas.events import ModelChanged

        properties: dict[str, str | None] = said.pop("properties", {})
        known = self._record["properties"]
        immutable = [key for key, value in properties.items() if key in known and known[key] != value]
        if immutable:
            raise WebserviceException(
                "Error, properties are immutable, the following keys cannot be added/modified: " + ", ".join(immutable)
            )
        properties = {key: value for key, value in properties.items() if key not in known}
        said = {name: value for name, value in said.items() if value not in (None, {}, [])}
        if not said and not properties:
            return
        if properties:
            said["properties"] = properties
        lane, ordinal = self._session.about("model", self.name, ModelChanged, version=self.version, **said)
        if properties:
            self._session.decisions.wait(lane, ordinal, f"add_properties({', '.join(properties)}) of {self.id}")
        self._know(said)

    def _know(self, said: Mapping[str, Any]) -> None:
        """What was said is true for this object at once, as in the original."""
        record = self._record
        tags = {key: value for key, value in record["tags"].items() if key not in said.get("removed_tags", ())}
        record["tags"] = {**tags, **said.get("tags", {})}
        record["properties"] = {**record["properties"], **said.get("properties", {})}
        record["datasets"] = [*record["datasets"], *(each._asdict() for each in said.get("datasets", ()))]
        for field in ("description", "sample_input_dataset_id", "sample_output_dataset_id", "resource_configuration"):
            record[field] = said.get(field, record[field])
        record["deleted"] = record["deleted"] or bool(said.get("deleted"))

    # Files

    def download(self, target_dir: str = ".", exist_ok: bool = False, exists_ok: bool | None = None) -> str:
        """Writes the model's files to a directory, compared with their digests.

        :param target_dir: Made where it is not there.
        :param exist_ok: Whether files that are there are replaced.
        :param exists_ok: The older name of `exist_ok`.
        :returns: The path that the files have in common: the file, or the folder that all are in.
        :raises WebserviceException: A file is there already.
        :raises ArtifactMismatchError: Stored bytes are others than were registered.
        """
        from .models import downloading

        if exists_ok is not None:
            notices.once("exists_ok", "exists_ok of Model.download is the older name of exist_ok.")
            exist_ok = exists_ok
        if not isinstance(target_dir, (str, os.PathLike)):
            raise WebserviceException(f"target_dir must be a path, it is {target_dir!r:.200}.")
        self.version  # noqa: B018 - decided before files are asked for
        return downloading.download(self._session, self._record, os.fspath(target_dir), bool(exist_ok))

    def get_sas_urls(self) -> dict[str, str]:
        """Signed addresses of the model's files, by their path within it; good for an hour."""
        name, version = self.name, self.version
        paths = [each["path"] for each in self._record["files"]]
        return self._session.read(lambda api: {path: api.model_content(name, version, path)["url"] for path in paths})

    # Words

    def serialize(self) -> dict[str, Any]:
        """All that is known of it, as a dict that JSON takes; `deserialize` reads it."""
        from .models import payload

        return payload.written(self._workspace.name, self.id, self.url, self._record)

    @staticmethod
    def deserialize(workspace: Workspace, model_payload: dict[str, Any]) -> Model:
        """A model from what `serialize` wrote; nothing is fetched.

        :raises WebserviceException: It is no such dict.
        """
        from .models import payload

        return Model._of(_checked(workspace), payload.read(model_payload))

    def __repr__(self) -> str:
        shown = self._record["version"] or None
        return (
            f"Model(workspace={self._workspace!r}, name={self.name}, "
            f"id={f'{self.name}:{shown}' if shown else None}, version={shown}, tags={self.tags}, "
            f"properties={self.properties})"
        )

    def _texts(self, checked: tuple[dict[str, str | None], builtins.list[str]]) -> dict[str, str | None]:
        from .models import registering

        return registering.noted(self.name, checked)


def _checked(workspace: object) -> Workspace:
    from .workspace import Workspace

    if not isinstance(workspace, Workspace):
        raise UserErrorException(
            f"A Workspace is needed, it was {workspace!r:.200} of type {type(workspace).__name__}."
        )
    return workspace


def _keys(given: object) -> builtins.list[str]:
    if given is None:
        return []
    if isinstance(given, str) or not isinstance(given, (list, tuple, set, frozenset)):
        raise WebserviceException(f"Error, tags to remove must be a list of keys, it is {given!r:.200}.")
    return [checking.tag_key(key) for key in given]


def _local_path(name: str, version: int | None) -> str:
    root = Path(os.environ.get("AZUREML_MODEL_DIR") or MODELS_DIR) / name
    versions = sorted(int(each.name) for each in root.glob("*") if each.is_dir() and each.name.isdigit())
    wanted = version if version is not None else (versions[-1] if versions else None)
    if wanted not in versions:
        raise ModelNotFoundException(
            f"Model {name} {'' if version is None else f'version {version} '}not found in cache at {root} or in the "
            "current job; outside of a job give _workspace, or download it with Model.download."
        )
    folder = root / str(wanted)
    inside = list(folder.iterdir())
    return str(inside[0] if len(inside) == 1 else folder)
