"""Reads a whole ledger: by the query API for the checker, and table by table against the model's fold of the log."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import psycopg

from runfold.reading.client import ApiClient
from runfold_consumers.state.checksum import logged_points
from runfold_schemas import codec
from runfold_schemas.settings import Settings
from tests.faults.checker import LedgerRun
from tests.model import oracle
from tests.model.agreement import logical_points
from tests.stack import Stack
from tests.waiting import until


def read(stack: Stack, experiment: str) -> dict[str, LedgerRun]:
    """What the API says of each run of the experiment. Waits until the artifact projector has looked at every file."""
    api = ApiClient(Settings.load(stack.home / "stack.json"))
    return {run["run_id"]: _run(api, run) for run in _every_run(api, experiment)}


def _every_run(api: ApiClient, experiment: str) -> Iterator[dict[str, Any]]:
    cursor: str | None = None
    while True:
        page = api.runs(experiment=experiment, include_children=True, cursor=cursor, limit=500)
        yield from (dict(run) for run in page["runs"])
        cursor = page["next_cursor"]
        if cursor is None:
            return


def _run(api: ApiClient, run: dict[str, Any]) -> LedgerRun:
    run_id = run["run_id"]
    (artifacts,) = until(lambda: _looked_at(api, run_id), 60, f"the files of {run_id} to be looked at")
    metrics = api.metrics(run_id).get(run_id, {})
    return LedgerRun(
        status=run["status"],
        metrics={name: value if isinstance(value, list) else [value] for name, value in metrics.items()},
        tags=run["tags"],
        properties=run["properties"],
        artifacts={a["path"]: (a["sha256"], a["availability"] or "not looked at") for a in artifacts},
        parent_run_id=run["parent_run_id"],
    )


def _looked_at(api: ApiClient, run_id: str) -> tuple[list[Any]] | None:
    found = list(api.artifacts(run_id))
    return (found,) if all(artifact["availability"] == "available" for artifact in found) else None


def difference_from_the_model(stack: Stack) -> list[str]:
    """What state says otherwise than the model's fold over the raw topics; empty when they agree."""
    m = oracle.read(_log(stack))
    found = []
    with psycopg.connect(stack.settings()["postgres"]) as connection:
        for what, said, meant in _compared(connection, m):
            if said != meant:
                keys = [k for k in {*said, *meant} if said.get(k) != meant.get(k)][:3]
                found.append(
                    f"{what}: " + "; ".join(f"{k}: state {said.get(k)!r}, model {meant.get(k)!r}" for k in keys)
                )
    return found


def _compared(connection: psycopg.Connection[Any], m: Any) -> Iterator[tuple[str, dict[Any, Any], dict[Any, Any]]]:
    def table(query: str, keys: int) -> dict[Any, Any]:
        return {
            row[0] if keys == 1 else row[:keys]: row[keys] if len(row) == keys + 1 else row[keys:]
            for row in connection.execute(query.encode())
        }

    yield (
        "properties",
        table("SELECT run_id, key, value FROM state.properties", 2),
        m.properties,
    )
    yield "artifacts", table("SELECT run_id, attempt, path, sha256 FROM state.artifacts", 3), m.artifacts
    yield "numbers", table("SELECT experiment, run_id, number FROM state.enrollments", 2), m.numbers
    yield (
        "verdicts",
        table('SELECT partition, "offset", verdict FROM state.facts', 2),
        {place: verdict for place, (verdict, _) in m.decisions.items()},
    )
    yield (
        "tags",
        table("SELECT run_id, key, value FROM state.run_tags", 2),
        {
            (run, key): value[0]
            for kind, run, key in m.words
            if kind == "tag" and (value := oracle.visible(m, ("tag", run, key))) is not None
        },
    )
    yield (
        "statuses",
        table("SELECT run_id, status FROM state.run_status", 1),
        {run: oracle.status(m, run) for run in m.runs},
    )
    yield (
        "lanes",
        table(
            "SELECT aggregate_kind, aggregate_id, writer_id, stream, ranges FROM ("
            " SELECT aggregate_kind, aggregate_id, writer_id, stream, range_agg(r)::text AS ranges"
            " FROM state.lanes, unnest(seen) AS r GROUP BY 1, 2, 3, 4) AS lanes",
            4,
        ),
        {lane: _multirange(seen) for lane, seen in m.seen.items() if seen},
    )
    points = ((("run", *lane[1:]), message) for lane, messages in logged_points(connection) for message in messages)
    yield "points", logical_points(points), m.points


def _multirange(ordinals: set[int]) -> str:
    edges = sorted(ordinals)
    starts = [o for o in edges if o - 1 not in ordinals]
    ends = [o + 1 for o in edges if o + 1 not in ordinals]
    return "{" + ",".join(f"[{lower},{upper})" for lower, upper in zip(starts, ends, strict=True)) + "}"


def _log(stack: Stack) -> Iterator[tuple[int, int, Any]]:
    """All facts and telemetry of the workspace, as they lie on the broker."""
    from kafka import KafkaConsumer, TopicPartition

    settings = stack.settings()
    consumer = KafkaConsumer(bootstrap_servers=settings["kafka"], auto_offset_reset="earliest")
    try:
        for kind in ("facts", "telemetry"):
            topic = f"{settings['topic_prefix']}.{settings['workspace']}.{kind}"
            partitions = [TopicPartition(topic, p) for p in sorted(consumer.partitions_for_topic(topic) or ())]
            consumer.assign(partitions)
            consumer.seek_to_beginning()
            ends = consumer.end_offsets(partitions)
            while any(consumer.position(p) < ends[p] for p in partitions):
                for messages in consumer.poll(timeout_ms=500).values():
                    for message in messages:
                        yield message.partition, message.offset, codec.decode(message.value)
    finally:
        consumer.close()
