"""Every Python block of the how-to pages works, in order, in a folder of its own, as a reader would run it."""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path

import pytest

from tests.stack import Stack

PAGES = sorted((Path(__file__).parents[2] / "docs/how-to").glob("*.md"))
BLOCK = re.compile(r"^```python\n(.*?)^```$", re.MULTILINE | re.DOTALL)


@pytest.mark.parametrize("page", [page for page in PAGES if BLOCK.search(page.read_text())], ids=lambda page: page.stem)
def test_a_page_tells_the_truth(page: Path, stack: Stack, tmp_path: Path) -> None:
    script = tmp_path / f"{page.stem.replace('-', '_')}_page.py"
    script.write_text("\n".join(BLOCK.findall(page.read_text())), encoding="utf-8")
    place = tmp_path / "reader"
    place.mkdir()
    done = subprocess.run(
        [sys.executable, str(script)],
        cwd=place,
        env=stack.bare,
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )
    assert done.returncode == 0, f"{page.name}:\n{done.stdout}{done.stderr}"
