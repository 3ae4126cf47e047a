"""Takes the pictures of the page: `make screenshots`. A stack of its own, runs logged by the real client, a real browser.

Services are those of the environment (RUNFOLD_KAFKA and its kin), else ones that are started here; the browser is the
tests' (tests/page/browser.py).
"""

from __future__ import annotations

import json
import os
import sys
import tempfile
from contextlib import ExitStack
from pathlib import Path
from typing import TYPE_CHECKING

from runfold_deploy.stack.layout import layout
from runfold_schemas.settings import home
from tests import engines
from tests.page.browser import launched
from tests.services import Services
from tests.stack import Stack, stack_on
from tests.waiting import until

if TYPE_CHECKING:
    from playwright.sync_api import BrowserContext

FIGURES = Path(__file__).parent / "figures"
WIDTH, HEIGHT = 1280, 760
_VARIABLES = ("RUNFOLD_KAFKA", "RUNFOLD_POSTGRES", "RUNFOLD_S3_ADDRESS", "RUNFOLD_S3_KEY", "RUNFOLD_S3_SECRET")

FILL = """
import json, math, random
from runfold import Experiment, Workspace

chance = random.Random(7)
workspace = Workspace.from_config()
ids = []
for at in range(28):
    name = ("digits", "digits", "resnet-cifar", "gpt-small")[at % 4]
    rate, width = chance.choice((0.3, 0.1, 0.03, 0.01)), chance.choice((64, 128, 256))
    title = f"{name}-{rate}-{width}"
    run = Experiment(workspace, name).start_logging(snapshot_directory=None, display_name=title)
    run.tag("team", ("vision", "vision", "vision", "language")[at % 4])
    run.add_properties({"lr": str(rate), "width": str(width), "azureml.git.commit": f"{chance.getrandbits(28):07x}"})
    floor, pace, noise = 0.08 + chance.random() * 0.25, 25 + 90 * rate + width / 10, 0.01 + rate * 0.08
    for step in range(300):
        loss = floor + 1.6 * math.exp(-step / pace) + chance.gauss(0, noise) * math.exp(-step / 400)
        run.log("train/loss", max(loss, 1e-3), step=step)
        if step % 5 == 0:
            run.log("val/loss", max(loss * 1.08 + chance.gauss(0, noise), 1e-3), step=step)
            run.log("val/accuracy", 1 - floor - 0.7 * math.exp(-step / pace) + chance.gauss(0, noise / 6), step=step)
    if at in (9, 20):
        run.fail("CUDA out of memory")
    elif at < 25:
        run.complete()
    else:
        run.flush()
    ids.append(run.id)
print(json.dumps(ids))
"""

LEARN = """
import math, random, sys
from runfold import Experiment, Workspace

chance = random.Random(1)
with Experiment(Workspace.from_config(), "gpt-small").start_logging(
    snapshot_directory=None, display_name="gpt-small-pretraining"
) as run:
    run.tag("team", "language")
    run.add_properties({"lr": "0.0003", "azureml.git.commit": "5e1f00d"})
    try:
        run.add_properties({"lr": "0.001"})
    except Exception as refused:
        print(refused, file=sys.stderr)
    for step in range(2000):
        loss = 2.2 + 8 * math.exp(-step / 250) + chance.gauss(0, 0.08)
        run.log("train/loss", float("nan") if step in (700, 701) else loss, step=step)
        run.log("train/perplexity", math.exp(min(loss, 12)), step=step)
        run.log("train/learning_rate", 3e-4 * min(1, step / 200) * (1 - step / 2600), step=step)
        for layer in range(4):
            run.log(f"grad_norm/layer_{layer}", abs(chance.gauss(0.4 + 0.1 * layer, 0.1)) + math.exp(-step / 90), step=step)
        if step % 20 == 0:
            run.log("val/loss", loss + 0.12, step=step)
    print(run.id)
"""

CODE = """
import json, tempfile
from pathlib import Path
from runfold import Experiment, Workspace

TRAIN = '''import torch

from model import Net


def train(epochs: int = 30) -> None:
    net = Net()
    optimizer = torch.optim.SGD(net.parameters(), lr=0.1)
    for epoch in range(epochs):
        step(net, optimizer)
'''
ids = []
after = TRAIN.replace("torch.optim.SGD(net.parameters(), lr=0.1)", "torch.optim.AdamW(net.parameters(), lr=3e-4)")
model = {"model.py": "class Net: ...\\n"}
for name, files in (
    ("before", {**model, "train.py": TRAIN}),
    ("after", {**model, "train.py": after, "schedule.py": "WARMUP = 200\\n"}),
):
    with tempfile.TemporaryDirectory() as place:
        for path, text in files.items():
            Path(place, path).write_text(text)
        with Experiment(Workspace.from_config(), "optimizers").start_logging(
            snapshot_directory=place, display_name=name, outputs=False
        ) as run:
            ids.append(run.id)
print(json.dumps(ids))
"""


def shoot(stack: Stack) -> None:
    """Fills the stack and writes docs/figures/page-*.png."""
    ids = json.loads(stack.script(FILL).stdout)
    one = stack.script(LEARN).stdout.strip()
    changed = ",".join(json.loads(stack.script(CODE).stdout))
    stack.run("ship", "--once", check=False)
    until(lambda: stack.get(f"runs/{one}")["status"] == "Completed", 60, "the runs to be folded")
    settings = stack.settings()
    place = f"{settings['api'].rstrip('/')}/w/{settings['workspace']}"
    compared = ",".join(ids[:24:2])
    views = {
        "runs": ("runs", ".chart canvas", "light"),
        "runs-dark": ("runs", ".chart canvas", "dark"),
        "groups": ("runs?by=property.lr", ".spread", "light"),
        "run": (f"runs/{one}", ".chart canvas", "light"),
        "events": (f"runs/{one}?tab=events", "main", "light"),
        "compare": (f"compare?runs={compared}", ".chart canvas", "light"),
        "parallel": (
            f"compare?runs={compared}&tab=parallel&axes=property.lr,property.width,metric.train/loss,metric.val/accuracy",
            ".axis",
            "light",
        ),
        "code": (f"compare?runs={changed}&tab=code&file=train.py", ".diff-told", "light"),
        "experiments": ("experiments", '.rows [role="row"]', "light"),
        "health": ("health", ".tile .sparkline", "light"),
    }
    with launched(layout(home(), os.environ).home / "chromium") as browser:
        for name, (below, shown, scheme) in views.items():
            context = browser.new_context(
                viewport={"width": WIDTH, "height": HEIGHT},
                color_scheme="dark" if scheme == "dark" else "light",
                locale="en-GB",  # npm's Chromium says en-US@posix, which is no language
            )
            _sign_in(context, settings)
            page = context.new_page()
            page.goto(f"{place}/{below}")
            page.locator(shown).first.wait_for(timeout=30_000)
            page.locator("[aria-busy=true]").first.wait_for(state="detached")
            page.wait_for_load_state("load")
            page.evaluate("new Promise((drawn) => setTimeout(drawn, 1500))")  # lines and sparklines come after the rows
            page.screenshot(path=FIGURES / f"page-{name}.png", animations="disabled")
            context.close()
            sys.stderr.write(f"docs/figures/page-{name}.png\n")


def _sign_in(context: BrowserContext, settings: dict[str, str]) -> None:
    answer = context.request.post(f"{settings['api']}/v1/session", data={"access_token": settings["access_token"]})
    if not answer.ok:
        raise SystemExit(f"could not sign in: {answer.text()}")


def main() -> None:
    """Starts what is needed, takes the pictures, stops it."""
    with tempfile.TemporaryDirectory() as folder, ExitStack() as opened:
        jars = Path(os.environ.get("RUNFOLD_JARS", folder))
        given = {name: os.environ[name] for name in _VARIABLES if os.environ.get(name)}
        if len(given) < len(_VARIABLES):
            given = engines.start(["kafka", "postgres", "s3"], opened, jars)
        services = Services(*(given[name] for name in _VARIABLES))
        with stack_on(services, jars, "pictures") as stack:
            shoot(stack)


if __name__ == "__main__":
    main()
