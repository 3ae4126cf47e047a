"""Lines of services: one an event, the same fields for people and machines."""

from __future__ import annotations

import io
import json
import logging
from collections.abc import Iterator

import pytest

from runfold_schemas import service_log


@pytest.fixture(autouse=True)
def kept() -> Iterator[None]:
    """The root logger as pytest had it."""
    root = logging.getLogger()
    handlers, level = root.handlers[:], root.level
    yield
    root.handlers[:], root.level = handlers, level


def written(form: service_log.Format) -> str:
    stream = io.StringIO()
    service_log.configure(form, stream=stream)
    log = logging.getLogger("runfold_consumers.engine.loop")
    log.warning("away", extra={"service": "postgres", "retry_in_s": 0.25, "detail": 'no "route"\nto host'})
    try:
        raise ValueError("broken")
    except ValueError:
        log.exception("unexpected", extra={"run_id": "r1", "writer_id": "0" * 32})
    logging.getLogger("kafka.client").warning("the broker is away")
    log.debug("nobody asked")
    return stream.getvalue()


def test_a_line_for_machines_is_one_json_object_with_event_and_fields() -> None:
    away, unexpected = (json.loads(line) for line in written("json").splitlines())
    assert away.pop("time").endswith("Z")
    assert away == {
        "level": "WARNING",
        "logger": "runfold_consumers.engine.loop",
        "event": "away",
        "service": "postgres",
        "retry_in_s": 0.25,
        "detail": 'no "route"\nto host',
    }
    assert (unexpected["run_id"], unexpected["writer_id"]) == ("r1", "0" * 32)
    assert "ValueError: broken" in unexpected["exception"]


def test_a_line_for_people_is_one_line_with_the_same_fields() -> None:
    first, second, *trace = written("text").splitlines()
    assert first.partition(" ")[2] == (
        'WARNING runfold_consumers.engine.loop away service=postgres retry_in_s=0.25 detail="no \\"route\\"\\nto host"'
    )
    assert second.endswith(f"unexpected run_id=r1 writer_id={'0' * 32}")
    assert trace[-1] == "ValueError: broken"
