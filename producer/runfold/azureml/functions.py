"""Functions that the original has beside its classes: get_run, diagnostic_log."""

from __future__ import annotations

import logging
import os
from types import TracebackType
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from runfold.experiment import Experiment
    from runfold.run import Run


def get_run(experiment: Experiment, run_id: str, rehydrate: bool = True, clean_up: bool = True) -> Run:
    """The run of that id in an experiment, fetched.

    :param rehydrate: Whether the object is of the class registered for the run's type, else a plain Run.
    :param clean_up: Accepted; a process flushes all its runs at its end.
    :raises RunNotFoundError: The experiment has no such run.
    """
    from runfold.run import Run

    if not rehydrate:
        return Run(experiment, run_id)
    found = Run.get(experiment.workspace, run_id)
    return found if found.experiment.name == experiment.name else Run(experiment, run_id)


class diagnostic_log:
    """A with-block in which what Runfold and its libraries log, at level debug, goes to a file as well.

    :param log_path: The file, or a directory for `azureml.log`; it is appended to.
    :param namespaces: Names of loggers; runfold and kafka where None.
    :param context_name: Put into each line.
    """

    def __init__(
        self, log_path: str | os.PathLike[str], namespaces: list[str] | None = None, context_name: str | None = None
    ) -> None:
        path = os.fspath(log_path)
        self._path = os.path.join(path, "azureml.log") if os.path.isdir(path) else path  # noqa: PTH112, PTH118
        self._loggers = [logging.getLogger(name) for name in namespaces or ("runfold", "kafka")]
        self._context = (context_name or "").replace("%", "%%")
        self._before: list[int] = []
        self._handler: logging.Handler | None = None

    def start_capture(self) -> None:
        """Begins; again is no error."""
        if self._handler is not None:
            return
        self._handler = logging.FileHandler(self._path, encoding="utf-8")
        self._handler.setFormatter(
            logging.Formatter(f"%(asctime)s|{self._context}|%(name)s|%(levelname)s|%(message)s".replace("||", "|"))
        )
        self._before = [logger.level for logger in self._loggers]
        for logger in self._loggers:
            logger.addHandler(self._handler)
            logger.setLevel(logging.DEBUG)

    def stop_capture(self) -> None:
        """Ends, and closes the file."""
        if self._handler is None:
            return
        for logger, level in zip(self._loggers, self._before, strict=True):
            logger.removeHandler(self._handler)
            logger.setLevel(level)
        self._handler.close()
        self._handler = None

    def __enter__(self) -> diagnostic_log:
        self.start_capture()
        return self

    def __exit__(
        self, exit_type: type[BaseException] | None, value: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self.stop_capture()
