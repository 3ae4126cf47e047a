"""The codec: MetricLogged of 2,000 points by the column, small events one by one. Limits: facts.md section 1.

python -m bench.codec

Each kind of process is measured in its own: one that has loaded fastavro alone (a shipper), one with numpy (a
projector). Beside one loop, a wide loop and ragged logging, `random` has steps below a million in no order.
"""

from __future__ import annotations

import json
import random
import subprocess
import sys
import time
from array import array
from collections.abc import Callable

from bench.figures import Figure, show
from runfold_schemas import codec
from runfold_schemas.events import MetricLogged, Series, TagSet

POINTS = 2_000
SECONDS = 0.3
TIME = 1_700_000_000.0

ENCODE_PLAIN_M = {"one series": 6.8, "20 interleaved": 6.4, "irregular": 6.5, "random": 4.8}
ENCODE_NUMPY_M = {"one series": 15.0, "20 interleaved": 11.0, "irregular": 11.0, "random": 7.0}
DECODE_M = {"one series": 19.0, "20 interleaved": 13.0, "irregular": 13.0, "random": 11.0}
BYTES_A_POINT = {"one series": 19.5, "20 interleaved": 20.5, "irregular": 20.5, "random": 20.5}


def batches() -> dict[str, MetricLogged]:
    """The four shapes of facts.md: one loop, a wide loop, ragged logging, and steps without any order."""
    draw = random.Random(1)
    return {
        "one series": _batch(array("H", bytes(2 * POINTS)), array("q", range(1_000, 1_000 + POINTS)), 1),
        "20 interleaved": _batch(
            array("H", (point % 20 for point in range(POINTS))),
            array("q", (9_000 + p // 20 for p in range(POINTS))),
            20,
        ),
        "irregular": _batch(
            array("H", (draw.randrange(20) for _ in range(POINTS))),
            array("q", (p // 7 * 50 for p in range(POINTS))),
            20,
        ),
        "random": _batch(
            array("H", (draw.randrange(20) for _ in range(POINTS))),
            array("q", (draw.randrange(1_000_000) for _ in range(POINTS))),
            20,
        ),
    }


def _batch(index: array[int], step: array[int], series: int) -> MetricLogged:
    return MetricLogged(
        aggregate_id="0b0e9a3c-5d6e-4b8a-9f0e-6f1c2d3e4f50",
        writer_id="0123456789abcdef0123456789abcdef",
        first_ordinal=1,
        occurred_at=int(TIME * 1e6),
        series=tuple(Series(f"metric {place}", None, "double", "step") for place in range(series)),
        index=index,
        step=step,
        time=array("d", (TIME + point * 1e-3 for point in range(POINTS))),
        value=array("d", (1 / (1 + point) for point in range(POINTS))),
    )


def _per_call_s(call: Callable[[], object]) -> float:
    """The best of as many rounds of 20 as fit into SECONDS: other work on the machine only makes a round slower."""
    call()
    end = time.perf_counter() + SECONDS
    best = float("inf")
    while time.perf_counter() < end:
        began = time.perf_counter()
        for _ in range(20):
            call()
        best = min(best, (time.perf_counter() - began) / 20)
    return best


def _in_this_process() -> dict[str, float]:
    """Figures of this process by name."""
    found = {}
    for name, batch in batches().items():
        message = codec.encode(batch)
        found[f"encode {name}"] = POINTS / _per_call_s(lambda batch=batch: codec.encode(batch)) / 1e6  # type: ignore[misc]
        if "numpy" in sys.modules:
            found[f"decode {name}"] = POINTS / _per_call_s(lambda message=message: codec.decode(message)) / 1e6  # type: ignore[misc]
        found[f"bytes {name}"] = len(message) / POINTS
    tag = TagSet(aggregate_id="0b0e9a3c-5d6e-4b8a-9f0e-6f1c2d3e4f50", writer_id="0" * 32, ordinal=7, key="k", value="v")
    message = codec.encode(tag)
    found["small encode"] = _per_call_s(lambda: codec.encode(tag)) * 1e6
    found["small decode"] = _per_call_s(lambda: codec.decode(message)) * 1e6
    point = _batch(array("H", [0]), array("q", [7]), 1)._replace(time=[TIME], value=[0.5])
    message = codec.encode(point)
    found["point encode"] = _per_call_s(lambda: codec.encode(point)) * 1e6
    found["point decode"] = _per_call_s(lambda: codec.decode(message)) * 1e6
    found["point bytes"] = float(len(message))
    return found


def _in_a_process_with(library: str) -> dict[str, float]:
    code = f"import json, {library}; from bench import codec; print(json.dumps(codec._in_this_process()))"
    done = subprocess.run([sys.executable, "-c", code], check=True, capture_output=True, text=True)
    found: dict[str, float] = json.loads(done.stdout)
    return found


def measure() -> list[Figure]:
    """All figures."""
    plain, with_numpy = _in_a_process_with("fastavro"), _in_a_process_with("fastavro, numpy")
    figures = []
    for title, unit, found, prefix, limits in (
        ("encode without numpy", "M points/s", plain, "encode", ENCODE_PLAIN_M),
        ("encode with numpy", "M points/s", with_numpy, "encode", ENCODE_NUMPY_M),
        ("decode with numpy", "M points/s", with_numpy, "decode", DECODE_M),
        ("size", "bytes a point", plain, "bytes", BYTES_A_POINT),
    ):
        for name, limit in limits.items():
            higher = prefix != "bytes"
            figures.append(Figure(f"{title}, {name}", found[f"{prefix} {name}"], unit, limit, higher_is_better=higher))
    return [
        *figures,
        Figure("a small fact, encode", plain["small encode"], "us", 20.0),
        Figure("a small fact, decode", with_numpy["small decode"], "us", 20.0),
        Figure("one point, encode", plain["point encode"], "us", 20.0),
        Figure("one point, decode", with_numpy["point decode"], "us", 40.0),
        Figure("one point, size", plain["point bytes"], "bytes", 142.0),
    ]


if __name__ == "__main__":
    sys.exit(show(measure()) > 0)
