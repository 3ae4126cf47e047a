"""The probes answer what the loop says of itself."""

from __future__ import annotations

import json
import urllib.error
import urllib.request

from runfold.shipper.probes import Probes
from runfold_consumers.engine.backoff import Backoff
from runfold_consumers.engine.health import STUCK_S, Health
from runfold_schemas.process_metrics import Registry


def ask(port: int, path: str) -> tuple[int, dict[str, object]]:
    try:
        with urllib.request.urlopen(f"http://127.0.0.1:{port}{path}", timeout=5) as answer:
            return answer.status, json.load(answer)
    except urllib.error.HTTPError as error:
        return error.code, json.load(error)


def test_ready_when_every_condition_holds_and_live_while_the_loop_turns() -> None:
    now = [0.0]
    health = Health(("kafka", "postgres"), clock=lambda: now[0])
    metrics = Registry("projector-state")
    probes = Probes(health.live, health.ready, metrics, 0)
    try:
        assert ask(probes.port, "/readyz")[0] == 503
        health.set("kafka", ok=True)
        health.set("postgres", ok=False, detail="connection refused")
        status, told = ask(probes.port, "/readyz")
        assert (status, told["kafka"], told["postgres"]) == (503, "ok", "connection refused")
        health.set("postgres", ok=True)
        assert ask(probes.port, "/readyz")[0] == 200
        assert ask(probes.port, "/livez")[0] == 200
        now[0] = STUCK_S + 1
        assert ask(probes.port, "/livez")[0] == 503
        health.turn()
        assert ask(probes.port, "/livez")[0] == 200
        assert ask(probes.port, "/other")[0] == 404
    finally:
        probes.close()


def test_delays_double_up_to_a_bound_and_begin_anew_after_success() -> None:
    now = [0.0]
    retry = Backoff(1, 5, clock=lambda: now[0])
    assert retry.due()
    assert [retry.failed() for _ in range(4)] == [1, 2, 4, 5]
    assert not retry.due()
    now[0] = 5
    assert retry.due()
    retry.succeeded()
    assert retry.failed() == 1
