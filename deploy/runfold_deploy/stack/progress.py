"""What a person sees while the stack works: on a terminal one live line, elsewhere a line a step, on standard error."""

from __future__ import annotations

import contextlib
import threading
import time
from collections.abc import Callable, Iterator

from rich.console import Console
from rich.progress import BarColumn, DownloadColumn, Progress, TextColumn, TransferSpeedColumn

from runfold_deploy.stack.downloads import Advance, Jar

_LINE_EVERY_BYTES = 16 * 1024 * 1024


class Report:
    """Says what happens. One step at a time; a download may take over its line from another thread."""

    def __init__(self, console: Console) -> None:
        self._console = console
        self._quiet = threading.Event()

    def say(self, text: str, style: str | None = None) -> None:
        """A line that stays."""
        self._console.print(text, style=style, highlight=False, soft_wrap=True, markup=False)

    @contextlib.contextmanager
    def step(self, what: str, missing: Callable[[], str] = str) -> Iterator[None]:
        """Shows `what` with the seconds that went by and what is still missing, until the block ends."""
        if not self._console.is_terminal:
            self.say(f"{what} ...")
            yield
            return
        began, ended = time.monotonic(), threading.Event()
        with self._console.status(what) as status:

            def tell() -> None:
                while not ended.wait(0.1):
                    waiting = missing()
                    tail = f": {waiting}" if waiting else ""
                    status.update(f"{what} ({time.monotonic() - began:.0f} s{tail})")
                    if self._quiet.is_set():
                        status.stop()
                    else:
                        status.start()

            teller = threading.Thread(target=tell, daemon=True)
            teller.start()
            try:
                yield
            finally:
                ended.set()
                teller.join()

    def fetching(self, jars: list[Jar], fetch: Callable[[Advance], None]) -> None:
        """Shows how much of the jars has arrived while `fetch` fetches them."""
        total = sum(jar.size for jar in jars)
        self.say(f"fetching Kafka once: {len(jars)} jars, {total / 1e6:.0f} MB")
        if not self._console.is_terminal:
            fetch(self._lines(total))
            return
        self._quiet.set()
        try:
            columns = (TextColumn("Kafka"), BarColumn(), DownloadColumn(), TransferSpeedColumn())
            with Progress(*columns, console=self._console, transient=True) as bar:
                task = bar.add_task("Kafka", total=total)
                fetch(lambda size: bar.advance(task, size))
        finally:
            self._quiet.clear()

    def _lines(self, total: int) -> Advance:
        lock, seen = threading.Lock(), 0

        def advance(size: int) -> None:
            nonlocal seen
            with lock:
                before, seen = seen, seen + size
                if before // _LINE_EVERY_BYTES != seen // _LINE_EVERY_BYTES:
                    self.say(f"  {seen / 1e6:.0f} of {total / 1e6:.0f} MB")

        return advance
