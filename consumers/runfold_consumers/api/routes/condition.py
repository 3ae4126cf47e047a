"""How a workspace's ledger is: projectors, dead letters, refusals, throughput, runs."""

from __future__ import annotations

from datetime import datetime, timedelta, timezone

from fastapi import APIRouter
from pydantic import BaseModel, Field

from runfold_consumers.api import answers
from runfold_consumers.api.as_of import positions_of, topic_kind
from runfold_consumers.api.errors import documented
from runfold_consumers.api.routes.workspaces import SILENT_SECONDS_MAX, base64_of
from runfold_consumers.api.services import Read

LATEST = 20
THROUGHPUT_SECONDS = 60
REFUSALS_SECONDS = 3600

routes = APIRouter(prefix="/v1/workspaces/{workspace}", tags=["workspaces"], responses=documented())


class LettersHealth(BaseModel):
    """Records that could not be folded."""

    poison: int
    parked: int
    open: int = Field(description="Of both, those that nobody sent again.")
    latest: list[answers.DeadLetter]


class RefusalHealth(BaseModel):
    """One key of a refused fact."""

    partition: int
    offset: int
    kind: str = Field(description="What the fact is about: run, experiment, model, ...")
    id: str
    run_id: str | None = Field(description="Of a run, its id.")
    rule: str
    key: str
    kept: str | None
    refused: str | None
    at: answers.Moment


class RefusalsHealth(BaseModel):
    """Facts that were refused."""

    last_hour: int
    latest: list[RefusalHealth]


class Throughput(BaseModel):
    """What comes in."""

    topic: str = Field(description="facts or telemetry.")
    per_s: float = Field(description="Records a second, over the last minute.")


class RunsHealth(BaseModel):
    """Runs."""

    running: int = Field(description="Begun and not ended.")
    not_responding: int
    last_hour: int = Field(description="Created within an hour, by their clocks.")


class HealthAnswer(answers.Answer):
    """How the ledger is."""

    projectors: list[answers.Lag]
    dead_letters: LettersHealth
    refusals: RefusalsHealth
    throughput: list[Throughput]
    runs: RunsHealth


@routes.get("/health", summary="How the ledger is")
async def health(read: Read) -> HealthAnswer:
    """At a glance; each part has a route of its own that tells all of it."""
    now = datetime.now(timezone.utc)
    async with read.snapshot() as snapshot:
        lag = await snapshot.rows("lag", {"silent_s": SILENT_SECONDS_MAX})
        counts = {row["kind"]: row for row in await snapshot.rows("health_dead_letters")}
        page = {"before_time": None, "before_topic": None, "before_partition": None, "before_offset": None}
        letters = await snapshot.rows("dead_letters", {**page, "limit": LATEST + 1, "bytes_max": 64 << 10})
        hour = await positions_of(snapshot, (now - timedelta(seconds=REFUSALS_SECONDS)).isoformat())
        minute = await positions_of(snapshot, (now - timedelta(seconds=THROUGHPUT_SECONDS)).isoformat())
        places = {
            (topic_kind(snapshot.workspace, row["topic"]), row["partition"]): row["next_offset"]
            for row in await snapshot.rows("standing")
        }
        facts = [partition for kind, partition in places if kind == "facts"]
        asked = {"partitions": facts, "offsets": [hour.get(("facts", partition), 0) for partition in facts]}
        refused = await snapshot.rows("health_refusals", {**asked, "limit": LATEST})
        (runs,) = await snapshot.rows("health_runs")
        watermark = await snapshot.watermark()
    came = {"facts": 0, "telemetry": 0}
    for (kind, partition), offset in places.items():
        came[kind] += offset - minute.get((kind, partition), 0)
    for row in letters:
        del row["more"]
        row["key"], row["value"] = base64_of(row["key"]), base64_of(row["value"])
    return HealthAnswer(
        projectors=[answers.Lag(**row) for row in lag],
        dead_letters=LettersHealth(
            **{kind: counts[kind]["letters"] if kind in counts else 0 for kind in ("poison", "parked")},
            open=sum(row["open"] for row in counts.values()),
            latest=[answers.DeadLetter(**row) for row in letters],
        ),
        refusals=RefusalsHealth(
            last_hour=refused[0]["of_all"] if refused else 0,
            latest=[
                RefusalHealth(
                    kind=row["aggregate_kind"], id=row["aggregate_id"],
                    run_id=row["aggregate_id"] if row["aggregate_kind"] == "run" else None,
                    **{name: row[name] for name in ("partition", "offset", "rule", "key", "kept", "refused", "at")},
                )
                for row in refused
            ],
        ),
        throughput=[Throughput(topic=kind, per_s=count / THROUGHPUT_SECONDS) for kind, count in came.items()],
        runs=RunsHealth(**runs),
        watermark=watermark,
    )  # fmt: skip
