"""A with-block of a run, and how it ends the run (run_api section 8.4).

While it lasts, what is printed goes to ./logs/user_log.txt too, and what grows in ./logs travels as log text. At its
end the working directory is what it was; then the status is stated, then the outputs are stored.
"""

from __future__ import annotations

import contextlib
import os
from typing import TYPE_CHECKING

from runfold import notices

from . import life

if TYPE_CHECKING:
    from .capture import LogCapture
    from .handle import RunHandle


class Block:
    """One with-block.

    :param directory: The working directory; None where it was deleted.
    :param capture: What collects the logs; None where nothing can.
    """

    def __init__(self, handle: RunHandle, directory: str | None, capture: LogCapture | None) -> None:
        self._handle = handle
        self._directory = directory
        self._capture = capture

    def leave(self, exit_type: type[BaseException] | None, value: BaseException | None) -> bool:
        """Ends the run; True swallows the exception: only sys.exit(0) and sys.exit() are swallowed."""
        try:
            if self._capture is not None:
                self._capture.stop()
        except Exception as error:  # noqa: BLE001 - how the block ended matters more than its log
            notices.say(f"the log of run {self._handle.run_id} may be short of its end: {error}")
        finally:
            if self._directory is not None and self._directory != _working_directory():
                with contextlib.suppress(OSError):  # it is gone: how the block ended matters more
                    os.chdir(self._directory)
        return life.leave_block(self._handle, exit_type, value)


def enter(handle: RunHandle) -> Block:
    """Begins a with-block."""
    from .capture import LogCapture

    directory = _working_directory()
    try:
        capture = LogCapture(handle)
        capture.start()
    except OSError as error:
        notices.once("logs", f"./logs cannot be written ({error}); what is printed is not kept with the run.")
        return Block(handle, directory, None)
    return Block(handle, directory, capture)


def _working_directory() -> str | None:
    """The working directory, as chdir takes it; None where it was deleted."""
    try:
        return os.getcwd()  # noqa: PTH109
    except OSError:
        return None
