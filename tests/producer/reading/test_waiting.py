"""A process with very many lanes may wait for all of them: a watermark's text is bounded, so it is asked by pieces."""

from __future__ import annotations

import pytest

from runfold.reading.client import ApiClient
from runfold_schemas.settings import Settings
from runfold_schemas.watermark import Lane, Watermark, merge, parse


@pytest.mark.parametrize("lanes", [1, 7_000])
def test_all_lanes_are_asked_for_and_each_piece_is_a_watermark(monkeypatch: pytest.MonkeyPatch, lanes: int) -> None:
    client = ApiClient(Settings.model_construct(api="http://127.0.0.1:1", workspace="w", access_token=None))
    wanted = Watermark(
        {"topic": {0: 5}}, {Lane("points", "run", f"{n:08}" + "語" * 248, "a" * 32): n + 1 for n in range(lanes)}
    )
    asked: list[str] = []
    monkeypatch.setattr(client, "wait", lambda text, timeout_s: asked.append(text) or True)
    assert client.wait_for(wanted, 1.0)
    seen = Watermark()
    for text in asked:
        seen = merge(seen, parse(text))
    assert seen == wanted
