"""The page's own builder, consumers/page/build.py, which is no module of a package."""

from __future__ import annotations

import importlib.util
from functools import cache
from pathlib import Path
from types import ModuleType

ROOT = Path(__file__).parents[2]
SOURCES = ROOT / "consumers" / "page"


@cache
def builder() -> ModuleType:
    spec = importlib.util.spec_from_file_location("page_build", SOURCES / "build.py")
    assert spec
    assert spec.loader
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module
