"""Builds the page into a wheel, so that who installs one needs no Node. Idle for editable installs (`make page`)."""

from __future__ import annotations

import importlib.util
import os
from pathlib import Path
from types import ModuleType
from typing import Any

from hatchling.builders.hooks.plugin.interface import BuildHookInterface


class PageHook(BuildHookInterface):  # type: ignore[type-arg] # hatchling gives its parameter no use here
    """The wheel's build hook."""

    PLUGIN_NAME = "custom"

    def initialize(self, version: str, build_data: dict[str, Any]) -> None:
        """Builds the page and adds it to the wheel, though git ignores it.

        Raises:
            PageNotBuilt: npm failed; the message says what to do. RUNFOLD_PAGE=none builds a wheel without the page.
        """
        if version == "editable" or os.environ.get("RUNFOLD_PAGE") == "none":
            return
        self.app.display_info("building the page")
        _builder(Path(self.root)).build(force=True)
        build_data["artifacts"].append("consumers/runfold_consumers/api/page/**")


def _builder(root: Path) -> ModuleType:
    spec = importlib.util.spec_from_file_location("runfold_page_build", root / "consumers" / "page" / "build.py")
    if spec is None or spec.loader is None:
        raise RuntimeError("consumers/page/build.py is missing: this is not a whole source tree")
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module
