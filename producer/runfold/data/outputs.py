"""What a script writes, as a dataset: OutputFileDatasetConfig for a folder that is uploaded, Link for one that lies
where it is."""

from __future__ import annotations

import copy
import uuid
from typing import TYPE_CHECKING, Any, TypeVar

from runfold import validation
from runfold.exceptions import UserErrorException

from . import definitions
from .consumption import InJob

if TYPE_CHECKING:
    from .datastore import Datastore

O = TypeVar("O", bound="_Output")  # noqa: E741


class _Output(InJob):
    """An output of a script, by name."""

    def __init__(self, name: str | None) -> None:
        if name is not None and (not isinstance(name, str) or not name):
            raise UserErrorException(f"An output's name is text, it was {name!r:.200}.")
        self.name = name or f"output_{uuid.uuid4().hex[:8]}"
        self._registration: dict[str, Any] | None = None

    def register_on_complete(
        self: O, name: str, description: str | None = None, tags: dict[str, str] | None = None
    ) -> O:
        """The same, and when the script has ended well its output is registered as a dataset of that name.

        :param name: Under which; a new version where it is taken.
        """
        made = copy.copy(self)
        checked = validation.text("dataset name", name, definitions.NAME_BYTES_MAX)
        said, _ = validation.tags({} if tags is None else tags)
        made._registration = {"name": checked, "description": description, "tags": said}
        return made

    def _told(self) -> dict[str, Any]:
        return {"direction": "output", "name": self.name, "registration": self._registration}

    def __str__(self) -> str:
        return f"DatasetOutputConfig:{self.name}"

    __repr__ = __str__


class OutputFileDatasetConfig(_Output):
    """A folder that a script writes to; its files go to a datastore and become a dataset.

    :param name: Under which the run knows it; drawn where None.
    :param destination: A (datastore, path) tuple; {run-id} and {output-name} in the path are replaced. The default
        datastore, and dataset/{run-id}/{output-name}, where None.
    :param source: The folder on the machine; one below the job's where None.
    :raises UserErrorException: The destination is no such tuple.
    """

    def __init__(
        self,
        name: str | None = None,
        destination: tuple[Datastore, str] | None = None,
        source: str | None = None,
        partition_format: str | None = None,
    ) -> None:
        super().__init__(name)
        self.destination: tuple[str | None, str] = (None, "dataset/{run-id}/{output-name}")
        if destination is not None:
            if not isinstance(destination, tuple) or len(destination) != 2:
                raise UserErrorException(
                    f"destination must be a (datastore, 'path') tuple, it is {destination!r:.200}."
                )
            store, path = destination
            if not isinstance(getattr(store, "name", None), str):
                raise UserErrorException(f"destination names no datastore: {store!r:.200}.")
            self.destination = (store.name, definitions.relative(path) or self.destination[1])
        self.source = source
        self.mode, self._overwrite = "mount", True
        self._globs: list[str] = []  # all where empty; replaced, never changed: copies share it

    def as_mount(self, disable_metadata_cache: bool = False) -> OutputFileDatasetConfig:
        """The same; here the files are uploaded when the script has ended."""
        return self._as("mount", True)

    def as_upload(self, overwrite: bool = False, source_globs: Any = None) -> OutputFileDatasetConfig:
        """The same: the files are uploaded when the script has ended.

        :param overwrite: Whether files that are there are replaced; else they stay.
        :param source_globs: Which files: a pattern, or several.
        """
        made = self._as("upload", bool(overwrite))
        many = [source_globs] if isinstance(source_globs, str) else list(source_globs or ())
        made._globs = [definitions.relative(each) for each in many]
        return made

    def as_input(self, name: str | None = None) -> OutputFileDatasetConfig:
        """The same: what a later script of the original's pipelines would read."""
        made = copy.copy(self)
        made.name = name or self.name
        return made

    def _as(self, mode: str, overwrite: bool) -> OutputFileDatasetConfig:
        made = copy.copy(self)
        made.mode, made._overwrite = mode, overwrite
        return made

    def _told(self) -> dict[str, Any]:
        return {
            **super()._told(),
            "mode": self.mode,
            "datastore": self.destination[0],
            "path": self.destination[1],
            "source": self.source,
            "overwrite": self._overwrite,
            "globs": self._globs,
        }


class LinkFileOutputDatasetConfig(_Output):
    """A place that a script writes to by itself; it says which by `run.output_datasets[name].link(path)`.

    :param name: Under which the run knows it; drawn where None.
    """

    def __init__(self, name: str | None = None) -> None:
        super().__init__(name)

    def _told(self) -> dict[str, Any]:
        return {**super()._told(), "mode": "link"}
