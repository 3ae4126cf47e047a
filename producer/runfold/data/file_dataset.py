"""FileDataset: files at paths and URLs, to be downloaded, mounted or listed."""

from __future__ import annotations

import tempfile
from pathlib import Path
from types import TracebackType
from typing import TYPE_CHECKING

from runfold.exceptions import UserErrorException

from . import files
from .dataset import AbstractDataset

if TYPE_CHECKING:
    from .consumption import DatasetConsumptionConfig


class FileDataset(AbstractDataset):
    """Files, by `Dataset.File.from_files`."""

    _kind = "file"

    def to_path(self) -> list[str]:
        """Paths of all files within the dataset, each with a leading '/'."""
        return [f"/{each.path}" for each in self._files()]

    def download(
        self, target_path: str | None = None, overwrite: bool = False, ignore_not_found: bool = False
    ) -> list[str]:
        """Writes all files below a directory.

        :param target_path: The directory; a new one for temporary files where None.
        :param overwrite: Whether files that are there are replaced.
        :param ignore_not_found: Whether a dataset without a file is no error.
        :returns: Paths of the files.
        :raises UserErrorException: There is no file, or one is there already.
        """
        found = self._files()
        if not found and not ignore_not_found:
            raise UserErrorException(f"There is no file at {self._definition['paths']}.")
        target = Path(tempfile.mkdtemp(prefix="runfold-")) if target_path is None else Path(target_path)
        return files.fetch(found, target, overwrite)

    def mount(self, mount_point: str | None = None, **kwargs: object) -> MountContext:
        """The files in a folder, for a while: `with dataset.mount() as mounted: os.listdir(mounted.mount_point)`.

        A dataset of one folder of this machine is that folder; anything else is downloaded when the context starts,
        and removed when it ends.

        :param mount_point: The folder; a new one where None.
        """
        return MountContext(self, mount_point)

    def as_mount(self, path_on_compute: str | None = None) -> DatasetConsumptionConfig:
        """The dataset as an input of a script that finds it in a folder.

        :param path_on_compute: The folder; one below the job's where None.
        """
        return self._unnamed().as_mount(path_on_compute)

    def as_download(self, path_on_compute: str | None = None) -> DatasetConsumptionConfig:
        """The dataset as an input of a script that finds it, copied, in a folder.

        :param path_on_compute: The folder; one below the job's where None.
        """
        return self._unnamed().as_download(path_on_compute)

    def as_hdfs(self) -> DatasetConsumptionConfig:
        """The dataset as an input of a Spark script; here as `as_direct`: the object itself."""
        return self._unnamed().as_direct()

    def _unnamed(self) -> DatasetConsumptionConfig:
        return self.as_named_input(f"input_{self.id.replace('-', '_').replace(':', '_')[:24]}".rstrip("_"))

    @property
    def _folder(self) -> str | None:
        """The one folder of this machine that the dataset is, if it is that."""
        paths = self._definition["paths"]
        if len(paths) != 1 or self._definition.get("steps") or not isinstance(paths[0], str):
            return None
        folder = paths[0].removesuffix("/**")
        return folder if Path(folder).is_dir() else None

    def _single(self, found: list[files.Found]) -> bool:
        """Whether it is one file by its own path, so that a script gets the path of the file."""
        (first, *others) = self._definition["paths"]
        path = first if isinstance(first, str) else first["path"]
        return not others and len(found) == 1 and found[0].path == path.partition("?")[0].rpartition("/")[2]


class MountContext:
    """Files in a folder between `start` and `stop`."""

    def __init__(self, dataset: FileDataset, mount_point: str | None) -> None:
        self._dataset, self._asked = dataset, mount_point
        self._made: Path | None = None
        self._folder: str | None = None

    @property
    def mount_point(self) -> str:
        """The folder.

        :raises UserErrorException: It is not mounted.
        """
        if self._folder is None:
            raise UserErrorException("The dataset is not mounted: use it in a with block, or call start().")
        return self._folder

    def start(self) -> None:
        """Brings the files there; harmless when they are."""
        if self._folder is not None:
            return
        folder = self._dataset._folder if self._asked is None else None
        if folder is None:
            if self._asked is None:
                target = self._made = Path(tempfile.mkdtemp(prefix="runfold-mount-"))
            else:
                target = Path(self._asked)
                if not target.exists() or not any(target.iterdir()):
                    self._made = target
                else:
                    raise UserErrorException(f"mount_point {target} is not empty.")
            files.fetch(self._dataset._files(), target, overwrite=True)
            folder = str(target)
        self._folder = folder

    def stop(self) -> None:
        """Removes what `start` has brought; harmless when there is nothing."""
        import shutil

        self._folder = None
        if self._made is not None:
            shutil.rmtree(self._made, ignore_errors=True)
            self._made = None

    def __enter__(self) -> MountContext:
        self.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, value: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self.stop()
