"""What goes wrong with the local stack, told with the way out."""

from __future__ import annotations

from pathlib import Path


class StackError(Exception):
    """The stack cannot do what was asked. The text says what was found and names the command that helps."""


class ServiceFailed(StackError):
    """A service ended, or was not ready in time.

    Attributes:
        service: its name.
        log: its log file.
    """

    def __init__(self, service: str, what: str, log: Path, lines: int = 12) -> None:
        self.service = service
        self.log = log
        tail = "\n".join(f"    {line}" for line in _tail(log, lines))
        super().__init__(
            f"{service} {what}. The end of its log {log}:\n{tail}\n"
            f"When the cause is removed, `runfold up` goes on from here; `runfold down` stops what was started."
        )


def _tail(path: Path, lines: int) -> list[str]:
    try:
        with path.open("rb") as log:
            log.seek(max(0, path.stat().st_size - 16384))
            return log.read().decode(errors="replace").splitlines()[-lines:]
    except OSError as error:
        return [f"(cannot be read: {error})"]
