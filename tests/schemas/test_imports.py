"""A training process pays only for what it uses."""

from __future__ import annotations

import subprocess
import sys

import pytest

HEAVY = ("fastavro", "numpy", "pydantic", "kafka", "typer", "rich", "inspect", "asyncio")


def _loaded_after(code: str) -> list[str]:
    ask = f"import sys; {code}; print(*sorted(name for name in {HEAVY!r} if name in sys.modules))"
    return subprocess.run([sys.executable, "-c", ask], check=True, capture_output=True, text=True).stdout.split()


@pytest.mark.parametrize("module", ["catalog", "codec", "events", "framing", "limits", "topics", "values", "watermark"])
def test_importing_loads_no_library(module: str) -> None:
    assert _loaded_after(f"import runfold_schemas.{module}") == []


def test_encoding_loads_no_library() -> None:
    code = "from runfold_schemas import codec, events; codec.encode(events.TagSet(key='k')); " + (
        "codec.encode(events.MetricLogged(series=(events.Series('a'),), index=[0]*99, step=range(99), "
        "time=[1.5]*99, value=[1.5]*99))"
    )
    assert _loaded_after(code) == []


def test_the_command_loads_no_client_before_it_is_asked() -> None:
    assert "kafka" not in _loaded_after("import runfold_schemas.command")
