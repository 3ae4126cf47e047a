"""One stack with real data, one browser, and pages that are signed in and hear every complaint of the browser."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, NamedTuple

import pytest
from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import Browser, BrowserContext, Page, expect

from tests.page import browser as browsers
from tests.page.filling import FILL
from tests.page.run_data import Looking, Speaker, looking, speaking
from tests.services import Services
from tests.stack import Stack, stack_on
from tests.waiting import until

WATCH = """
window.__violations = [];
document.addEventListener("securitypolicyviolation", (event) => {
  window.__violations.push(`${event.violatedDirective} ${event.blockedURI}`);
});
"""
AXE_OPTIONS = {"resultTypes": ["violations"]}
TIMEOUT_MS = 30_000  # nobody waits for it but who fails; two workers and their stacks share two cores
expect.set_options(timeout=TIMEOUT_MS)


class Filled(NamedTuple):
    """A stack with runs in it."""

    stack: Stack
    api: str
    workspace: str
    access_token: str
    runs: dict[str, str]
    """Run ids by name (tests/page/filling.py)."""

    def address(self, below: str = "runs") -> str:
        """Address of a view of the workspace."""
        return f"{self.api}/w/{self.workspace}/{below}"


@pytest.fixture(scope="session")
def built() -> None:
    """The page is built from the sources as they are."""
    from tests.page.building import builder

    builder().build(tools=True)


@pytest.fixture(scope="session")
def filled(services: Services, jars: Path, built: None) -> Iterator[Filled]:
    with stack_on(services, jars, "page") as stack:
        runs = json.loads(stack.script(FILL).stdout)
        stack.run("ship", "--once")
        settings = stack.settings()
        place = Filled(stack, settings["api"].rstrip("/"), settings["workspace"], settings["access_token"], runs)
        until(lambda: _all_are_there(stack, len(runs)), 60, "all runs to be folded")
        yield place


def _all_are_there(stack: Stack, n: int) -> bool:
    found = stack.get("search/runs?columns=metric.loss.count&limit=50")["runs"]
    done = [run for run in found if run["status"] in ("Completed", "Failed") and run["values"]["metric.loss.count"]]
    return len(done) >= n


@pytest.fixture(scope="module")
def chromium(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Browser]:
    """Not for the session: as long as it lives, Playwright keeps an event loop running in this thread, and a test of
    another module that wants one of its own (asyncio.run) is refused it.
    """
    with browsers.launched(tmp_path_factory.getbasetemp().parent / "chromium") as browser:
        yield browser


class Opened:
    """A page, and what the browser complained of."""

    def __init__(self, context: BrowserContext, filled: Filled) -> None:
        self.page: Page = context.new_page()
        self.page.set_default_timeout(TIMEOUT_MS)
        self.filled = filled
        self.complaints: list[str] = []
        self.expected: list[str] = []
        """Parts of complaints that the test provokes."""
        self.page.add_init_script(WATCH)
        self.page.on("console", lambda m: self.complaints.append(m.text) if m.type in ("error", "warning") else None)
        self.page.on("pageerror", lambda error: self.complaints.append(str(error)))

    def go(self, below: str = "runs") -> Page:
        """Opens a view of the workspace."""
        self.page.goto(self.filled.address(below))
        return self.page

    def check(self) -> None:
        """No complaint but the expected, and the content security policy was never violated."""
        left = [c for c in self.complaints if not any(part in c for part in self.expected)]
        assert left == []
        assert self.page.evaluate("window.__violations ?? []") == []

    def accessible(self) -> None:
        """axe finds nothing in what is shown."""
        expect(self.page.locator("[aria-busy=true]")).to_have_count(0)
        found: dict[str, Any] = Axe().run(self.page, options=AXE_OPTIONS).response
        told = [
            f"{v['id']}: {v['help']}: " + "; ".join(n["html"][:160] for n in v["nodes"][:4])
            for v in found["violations"]
        ]
        assert told == []


Open = Callable[..., Opened]


@pytest.fixture(scope="module")
def home(request: pytest.FixtureRequest, filled: Filled) -> Filled:
    """Where `opened` signs in: the workspace of FILL, or what `HOME` of the module makes of it."""
    elsewhere: Callable[[Filled], Filled] | None = getattr(request.module, "HOME", None)
    return filled if elsewhere is None else elsewhere(filled)


@pytest.fixture
def data(filled: Filled) -> Looking:
    """The runs of the run view's tests."""
    return looking(filled)


@pytest.fixture
def speaker(data: Looking) -> Iterator[Speaker]:
    """A process that logs what it is told to, until the test ends."""
    with speaking(data.place) as one:
        yield one


@pytest.fixture
def opened(chromium: Browser, home: Filled) -> Iterator[Open]:
    """Opens pages: `opened()` signed in, `opened(signed_in=False)`, `opened(dark=True)`. Each is checked at the end."""
    contexts: list[BrowserContext] = []
    pages: list[Opened] = []

    def open_page(*, signed_in: bool = True, dark: bool = False) -> Opened:
        context = chromium.new_context(
            viewport={"width": 1440, "height": 860},
            color_scheme="dark" if dark else "light",
            locale="en-GB",  # of a machine without one Chromium makes en-US@posix, which is no language
            reduced_motion="reduce",  # drawn by software, a breathing dot takes a core
            accept_downloads=True,
        )
        contexts.append(context)
        one = Opened(context, home)
        pages.append(one)
        if signed_in:
            answer = context.request.post(f"{home.api}/v1/session", data={"access_token": home.access_token})
            assert answer.ok, answer.text()
        return one

    yield open_page
    try:
        for one in pages:
            one.check()
    finally:  # a page that stays open draws, and takes the time of all tests after it
        for context in contexts:
            context.close()
