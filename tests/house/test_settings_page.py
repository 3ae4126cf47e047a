"""Every environment variable that the code reads by name stands on docs/settings.md."""

from __future__ import annotations

import re
from pathlib import Path

from .test_rules import ROOT, modules

NAME = re.compile(r"\"((?:RUNFOLD|AZUREML|AML|SLURM|TORCHELASTIC)_[A-Z0-9_]*[A-Z0-9])\"")
SET_FOR_SCRIPTS = {"AZUREML_EXPERIMENT_ID", "AZUREML_OUTPUT_DIRECTORY", "AZUREML_NODE_COUNT"}


def test_every_variable_is_described() -> None:
    page = Path(ROOT, "docs/settings.md").read_text(encoding="utf-8")
    told = set(re.findall(r"[A-Z][A-Z0-9_]+", page))
    named = {name for _, path in modules() for name in NAME.findall(path.read_text(encoding="utf-8"))}
    assert named - told - SET_FOR_SCRIPTS == set()


def test_each_is_described_once() -> None:
    first = re.findall(
        r"^\| `(RUNFOLD_\w+)` \|", Path(ROOT, "docs/settings.md").read_text(encoding="utf-8"), re.MULTILINE
    )
    assert sorted(first) == sorted(set(first))
