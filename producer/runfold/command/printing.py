"""What a command says, and where: the answer on standard output, everything else on standard error."""

from __future__ import annotations

import json
import math
import os
import sys
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

from rich.console import Console, RenderableType
from rich.text import Text

from .tables import width_of

if TYPE_CHECKING:
    from rich.progress import Progress

_PIPE_CELLS = 100_000


class Printer:
    """Standard output of one command, as JSON or for people."""

    def __init__(self, as_json: bool) -> None:
        self.as_json = as_json
        self.console = _console(sys.stdout)
        self.errors = _console(sys.stderr)

    @property
    def width(self) -> int:
        """Cells of a line of standard output."""
        return width_of(self.console)

    def document(self, body: Mapping[str, Any]) -> None:
        """The one JSON object."""
        self._write(json.dumps(valid(body), indent=2, allow_nan=False))

    def line(self, body: Mapping[str, Any]) -> None:
        """One JSON object of a stream, on a line; told at once."""
        self._write(json.dumps(valid(body), allow_nan=False, separators=(",", ":")))

    def show(self, *parts: RenderableType) -> None:
        """For people."""
        for part in parts:
            self.console.print(part, soft_wrap=not self.console.is_terminal and isinstance(part, (str, Text)))

    def note(self, text: str, style: str = "dim") -> None:
        """A word beside the answer, on standard error."""
        self.errors.print(Text(text, style=style), soft_wrap=True)

    def lines(self, texts: Iterable[str]) -> None:
        """Bare lines, for scripts."""
        for text in texts:
            self._write(text)

    @contextmanager
    def progress(self, what: str, total: int | None = None, *, bytes_: bool = True) -> Iterator[Moved]:
        """A bar on standard error while the block lasts; none where nobody looks."""
        if not self.errors.is_terminal:
            yield Moved(None, None)
            return
        from rich.progress import (
            BarColumn,
            DownloadColumn,
            MofNCompleteColumn,
            Progress,
            SpinnerColumn,
            TextColumn,
            TransferSpeedColumn,
        )

        counted = (DownloadColumn(), TransferSpeedColumn()) if bytes_ else (MofNCompleteColumn(),)
        columns = (SpinnerColumn(), TextColumn("{task.description}", markup=False), BarColumn(), *counted)
        with Progress(*columns, console=self.errors, transient=True) as bar:
            yield Moved(bar, bar.add_task(what, total=total))

    def _write(self, text: str) -> None:
        sys.stdout.write(text + "\n")
        sys.stdout.flush()


class Moved:
    """Told of what came, piece by piece."""

    def __init__(self, bar: Progress | None, task: Any) -> None:
        self._bar, self._task, self.total = bar, task, 0

    def __call__(self, amount: int) -> None:
        """So much more; less than 0 takes back."""
        self.total += amount
        if self._bar is not None:
            self._bar.update(self._task, advance=amount)


def valid(value: Any) -> Any:
    """A value as JSON can say it: numbers that are not finite become their names."""
    if isinstance(value, float) and not math.isfinite(value):
        return "NaN" if math.isnan(value) else "Infinity" if value > 0 else "-Infinity"
    if isinstance(value, Mapping):
        return {str(name): valid(each) for name, each in value.items()}
    if isinstance(value, (list, tuple)):
        return [valid(each) for each in value]
    return value


def _console(file: Any) -> Console:
    """For a terminal as wide as it is; for a pipe so wide that nothing is folded, unless COLUMNS says otherwise."""
    bound = file.isatty() or os.environ.get("COLUMNS", "").isdecimal()
    return Console(file=file, highlight=False, markup=False, emoji=False, width=None if bound else _PIPE_CELLS)
