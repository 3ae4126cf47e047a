"""MLflow, beside which some figures are measured: `--peer` installs it outside of the tree for the time of the block;
`--peer=PYTHON` names an interpreter that has it and psycopg2.
"""

from __future__ import annotations

import subprocess
import sys
import tempfile
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

PATIENCE_S = 1_200


def asked(words: Sequence[str]) -> tuple[bool, str | None]:
    """Whether the command line asks for the peer, and by which interpreter."""
    python = next((word.partition("=")[2] or None for word in words if word.startswith("--peer=")), None)
    return "--peer" in words or python is not None, python


@contextmanager
def mlflow(python: str | None) -> Iterator[str | None]:
    """An interpreter that has MLflow and psycopg2: the one that is named, else one of a virtual environment that is
    removed afterwards. None where it cannot be installed; printed is why.
    """
    if python is not None:
        yield python
        return
    with tempfile.TemporaryDirectory(prefix="runfold-peer-") as folder:
        made = str(Path(folder) / "bin/python")
        for words in (
            [sys.executable, "-m", "venv", folder],
            [made, "-m", "pip", "install", "-q", "--disable-pip-version-check", "mlflow", "psycopg2-binary"],
        ):
            try:
                done = subprocess.run(words, capture_output=True, text=True, timeout=PATIENCE_S, check=False)
                why = done.stderr if done.returncode else None
            except (OSError, subprocess.TimeoutExpired) as error:
                why = str(error)
            if why is not None:
                print(f"MLflow could not be installed here, so it is not measured:\n{why[-2_000:]}", flush=True)
                yield None
                return
        yield made
