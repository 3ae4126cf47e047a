"""Fixtures of the producer's tests."""

from __future__ import annotations

import pytest

from runfold import notices


@pytest.fixture(autouse=True)
def nothing_told(monkeypatch: pytest.MonkeyPatch) -> None:
    """A process is warned of each thing once; here each test is one."""
    monkeypatch.setattr(notices, "_told", {})
