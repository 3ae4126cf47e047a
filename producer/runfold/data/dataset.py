"""Dataset: finding and making datasets, and what file and tabular ones have in common."""

from __future__ import annotations

import builtins
import json
from collections.abc import Iterable, Mapping
from typing import TYPE_CHECKING, Any, TypeVar

from runfold import validation
from runfold.exceptions import UserErrorException
from runfold_schemas import limits
from runfold_schemas.events import AssetChanged, AssetRegistered

from . import definitions, files
from .factories import FileDatasetFactory, TabularDatasetFactory

if TYPE_CHECKING:
    from runfold.workspace import Workspace
    from runfold_schemas.watermark import Lane

    from .consumption import DatasetConsumptionConfig

D = TypeVar("D", bound="AbstractDataset")


class AbstractDataset:
    """What is read: a definition, perhaps under a name and version. No data is held."""

    _kind = ""

    _definition: dict[str, Any]
    _workspace: Workspace | None
    _named: definitions.Named | None  # version 0 while the ledger has not decided: see `_registered_as`
    _open: tuple[Lane, int] | None = None

    @classmethod
    def _of(
        cls: type[D],
        definition: dict[str, Any],
        workspace: Workspace | None = None,
        named: definitions.Named | None = None,
    ) -> D:
        made = cls.__new__(cls)
        made._definition, made._workspace, made._named = definition, workspace, named
        return made

    # What it is

    @property
    def id(self) -> str:
        """<name>:<version> of a registered dataset, else what follows from its definition."""
        named = self._registered_as
        if named is not None:
            return definitions.versioned_id(named.name, named.version)
        return definitions.id_of(self._definition)

    @property
    def name(self) -> str | None:
        """The name that it is registered under."""
        return self._named.name if self._named is not None else None

    @property
    def version(self) -> int | None:
        """The version of that name. Fetched when the ledger had not decided while it was registered.

        :raises NotYetVisibleError: It has not decided yet.
        """
        named = self._registered_as
        return named.version if named is not None else None

    @property
    def description(self) -> str | None:
        """The description that it was registered with."""
        return self._named.description if self._named is not None else None

    @property
    def tags(self) -> dict[str, str | None]:
        """The tags that it was registered with, or was given since."""
        return dict(self._named.tags) if self._named is not None else {}

    # Registering

    def register(
        self: D,
        workspace: Workspace,
        name: str,
        description: str | None = None,
        tags: dict[str, str] | None = None,
        create_new_version: bool = False,
    ) -> D:
        """Registers the definition under a name, and waits for the version that the ledger gives, as long as
        add_properties waits.

        :param workspace: Where.
        :param name: Up to 255 bytes.
        :param description: Of this version. So are `tags`.
        :param create_new_version: Whether another definition under a name that is taken becomes its next version.
        :returns: The dataset in its version: the one that is there where the definition is that again.
        :raises UserErrorException: The name is taken by another definition, or something is not allowed.
        """
        checked = validation.text("dataset name", name, definitions.NAME_BYTES_MAX)
        said = _description(description)
        said_tags, _ = validation.tags({} if tags is None else tags)
        version, stated = registered(
            workspace,
            "dataset",
            checked,
            self._definition,
            new_version=bool(create_new_version),
            description=said,
            tags=said_tags,
        )
        made = type(self)._of(self._definition, workspace, definitions.Named(checked, version, said, said_tags))
        made._open = None if version else stated
        return made

    def update(self: D, description: str | None = None, tags: dict[str, str] | None = None) -> D:
        """Changes description and tags of the registered version.

        :param tags: All tags, in place of those that are there.
        """
        checked = None if tags is None else validation.tags(tags)[0]
        removed = [] if checked is None else [key for key in self.tags if key not in checked]
        text = _description(description)
        return self._changed(description=text, tags=checked or {}, removed_tags=removed)

    def add_tags(self: D, tags: dict[str, str]) -> D:
        """Adds tags to the registered version, or changes their value."""
        return self._changed(tags=validation.tags(tags)[0])

    def remove_tags(self: D, tags: builtins.list[str]) -> D:
        """Takes tags of the registered version away.

        :param tags: List of keys.
        """
        return self._changed(removed_tags=validation.tag_keys(tags))

    def unregister_all_versions(self) -> None:
        """Takes the name away: no version is found by it any more. What runs say of it stays on record."""
        named, workspace = self._registered()
        workspace._session.about("dataset", named.name, AssetChanged, version=0, deleted=True)
        self._named = None

    def _changed(self: D, **said: Any) -> D:
        named, workspace = self._registered()
        said = {key: value for key, value in said.items() if value not in (None, {}, [])}
        if said:
            workspace._session.about("dataset", named.name, AssetChanged, version=named.version, **said)
        kept = {key: value for key, value in named.tags.items() if key not in said.get("removed_tags", ())}
        self._named = named._replace(
            description=said.get("description", named.description), tags={**kept, **said.get("tags", {})}
        )
        return self

    def _registered(self) -> tuple[definitions.Named, Workspace]:
        named = self._registered_as
        if named is None or self._workspace is None:
            raise UserErrorException("The dataset is not registered: register(workspace, name) does that.")
        return named, self._workspace

    @property
    def _registered_as(self) -> definitions.Named | None:
        """Name and version, once the ledger has decided."""
        if self._open is not None and self._named is not None and self._workspace is not None:
            version = self._workspace._session.decisions.version(*self._open, f"dataset {self._named.name!r}")
            self._named, self._open = self._named._replace(version=version), None
        return self._named

    # Using

    def as_named_input(self, name: str) -> DatasetConsumptionConfig:
        """The dataset as an input of a script, which finds it by that name in `run.input_datasets`.

        :param name: Letters, digits and '_', beginning with a letter.
        """
        from .consumption import DatasetConsumptionConfig

        return DatasetConsumptionConfig(name, self)

    def take(self: D, count: int) -> D:
        """The first rows or files."""
        return self._step("take", definitions.count("take", count))

    def skip(self: D, count: int) -> D:
        """All but the first rows or files."""
        return self._step("skip", definitions.count("skip", count))

    def take_sample(self: D, probability: float, seed: int | None = None) -> D:
        """Each row or file with a probability; the same ones for one seed."""
        return self._step("sample", definitions.share("take_sample", probability), definitions.seed_of(seed))

    def random_split(self: D, percentage: float, seed: int | None = None) -> tuple[D, D]:
        """Two datasets without a row or file in common, and all of them in one or the other.

        :param percentage: About which share is in the first, 0 to 1.
        :param seed: The same seed gives the same split.
        """
        said = (definitions.share("random_split", percentage), definitions.seed_of(seed))
        return self._step("split", *said, 0), self._step("split", *said, 1)

    def _step(self: D, *said: Any) -> D:
        return type(self)._of(definitions.step(self._definition, *said), self._workspace)

    def _files(self) -> builtins.list[files.Found]:
        return files.find(self._definition, self._workspace)

    # Finding: the original has these on every dataset too

    @staticmethod
    def get_by_name(workspace: Workspace, name: str, version: int | str = "latest", **kwargs: Any) -> AbstractDataset:
        """A registered dataset, fetched.

        :param version: A version, or 'latest'.
        :raises UserErrorException: There is none.
        """
        from . import finding

        return finding.by_name(workspace, name, version)

    @staticmethod
    def get_by_id(workspace: Workspace, id: str, **kwargs: Any) -> AbstractDataset:
        """A dataset by its id, fetched: registered, or used by a run.

        :raises UserErrorException: There is none.
        """
        from . import finding

        return finding.by_id(workspace, id)

    @staticmethod
    def get_all(workspace: Workspace) -> dict[str, AbstractDataset]:
        """The latest version of all registered datasets by name, fetched."""
        from . import finding

        return finding.registered(workspace)

    def __eq__(self, other: object) -> bool:
        return isinstance(other, AbstractDataset) and (self.id, self._definition) == (other.id, other._definition)

    def __hash__(self) -> int:
        return hash(self.id)

    def __repr__(self) -> str:
        told = {"source": self._definition.get("paths", self._definition.get("query")), "definition": self._definition}
        if self._named is not None:
            told = {**told, "registration": {"id": self.id, **self._named._asdict()}}
        return f"{type(self).__name__}\n{json.dumps(told, indent=2, ensure_ascii=False)}"


class Dataset(AbstractDataset):
    """Where datasets are found and made: Dataset.get_by_name, Dataset.File, Dataset.Tabular."""

    File = FileDatasetFactory
    Tabular = TabularDatasetFactory

    class Scenario:
        """Why a model has to do with a dataset. Other words are accepted too."""

        INFERENCING = "inferencing"
        TRAINING = "training"
        VALIDATION = "validation"

    @staticmethod
    def get(workspace: Workspace, name: str | None = None, id: str | None = None) -> AbstractDataset:
        """A dataset by name or id; the original's older name for get_by_name and get_by_id."""
        from . import finding

        if (name is None) == (id is None):
            raise UserErrorException("Dataset.get takes either a name or an id.")
        return finding.by_id(workspace, id) if name is None else finding.by_name(workspace, name, "latest")

    @staticmethod
    def list(workspace: Workspace) -> builtins.list[AbstractDataset]:
        """The latest version of all registered datasets, fetched."""
        from . import finding

        return list(finding.registered(workspace).values())

    from_delimited_files = staticmethod(TabularDatasetFactory.from_delimited_files)
    from_parquet_files = staticmethod(TabularDatasetFactory.from_parquet_files)
    from_sql_query = staticmethod(TabularDatasetFactory.from_sql_query)


def registered(
    workspace: Workspace,
    kind: str,
    name: str,
    definition: Mapping[str, Any],
    *,
    new_version: bool,
    description: str | None = None,
    tags: Mapping[str, str | None] | None = None,
) -> tuple[int, tuple[Lane, int]]:
    """Registers an asset: its version, 0 while the ledger has not decided, and the fact (lane, ordinal).

    :raises AssetExistsError: The name is taken by another definition, and no new version was asked for.
    """
    from .datastore import checked_workspace

    session = checked_workspace(workspace)._session
    lane, ordinal = session.about(
        kind,
        name,
        AssetRegistered,
        definition=definitions.text_of(definition),
        description=description,
        tags=tags or {},
        new_version=new_version,
    )
    decision = session.decisions.wait(lane, ordinal, f"register({name!r})")
    if decision is None or decision["version"] is None:
        return 0, (lane, ordinal)
    version = decision["version"]
    found = session.read(lambda api: api.asset(kind, name, version, include_deleted=True))
    if found["deleted"]:  # its name was taken away before: now it is there again
        for each in (0, version):
            session.about(kind, name, AssetChanged, version=each, deleted=False)
    return version, (lane, ordinal)


def _description(given: object) -> str | None:
    return None if given is None else validation.text("description", given, limits.DESCRIPTION_BYTES_MAX, empty=True)


def texts(what: str, given: object) -> builtins.list[str]:
    """One name or several, as a list."""
    many = [given] if isinstance(given, str) else given
    if not isinstance(many, Iterable) or isinstance(many, bytes):
        raise UserErrorException(f"{what} takes a name or a list of names, it was {given!r:.200}.")
    return [validation.text(what, each, limits.COLUMN_NAME_BYTES_MAX) for each in many]
