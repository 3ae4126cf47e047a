"""States what a request wishes, and waits for the decision: accepted, refused (409), or open (202) where it is not
folded in time. A request with an idempotency key is stated once: the same again gets the same decision.
"""

from __future__ import annotations

import asyncio
import hashlib
import json
import time
from collections.abc import Callable
from typing import Any, NamedTuple

import psycopg
from fastapi.responses import JSONResponse
from psycopg.rows import dict_row
from psycopg.types.json import Jsonb
from pydantic import BaseModel, Field

from runfold_consumers.api.answers import Refusal
from runfold_consumers.api.database import Row, statement
from runfold_consumers.api.errors import ApiError
from runfold_consumers.api.past import cut_of
from runfold_consumers.api.services import Services
from runfold_consumers.api.stating import Fact, Stated
from runfold_consumers.api.waiting import Want, folded

ACCEPTED, REFUSED, OPEN = "accepted", "refused", "open"


class StatedFact(BaseModel):
    """A fact that was stated, and how it was decided."""

    kind: str = Field(description="What it is about: run or experiment.")
    id: str
    event: str
    ordinal: int
    verdict: str = Field(description="accepted, refused, or open: not folded yet.")
    rule: str | None = None
    offset: int | None = None
    refusals: list[Refusal] = []


class StatedAnswer(BaseModel):
    """What was stated."""

    verdict: str = Field(description="accepted or open; where one is refused the answer is an error, 409.")
    run_id: str | None = Field(default=None, description="The run that it is about.")
    writer_id: str | None = Field(
        description="Who said it: the writer of this request; null: there was nothing to say."
    )
    facts: list[StatedFact]
    not_before: str | None = Field(
        default=None, description="`not_before` of a read that shall see it; and where it is open, what to wait for."
    )
    watermark: str | None = Field(default=None, description="What was folded when the decision was read.")


class Asking(NamedTuple):
    """Who asks for it, and how."""

    services: Services
    workspace: str
    principal: str
    wait_s: float
    key: str | None
    digest: str


def digest_of(*parts: Any) -> str:
    """Of a request: two with the same key must have the same."""
    return hashlib.sha256(json.dumps(parts, sort_keys=True).encode()).hexdigest()


async def decided(
    asking: Asking, make: Callable[[str], list[Fact]], prepared: str, *, run_id: bool = False, created: bool = False
) -> JSONResponse:
    """States the facts, waits, and answers.

    Args:
        make: the facts, by what was prepared.
        prepared: chosen before anything is said, such as a run id; of a repeated request, what the first one chose.
        run_id: whether what was prepared is the id of the run that it is about.
        created: answer 201 where all was accepted.

    Raises:
        ApiError: 409 `refused`, by which rule; 409 `key_taken`; 503 where nothing can be stated.
    """
    asking.services.speaker.ready()
    prepared, stated = await _once(asking, make, prepared)
    about = prepared if run_id else None
    if not stated.facts:
        return _answer(200, StatedAnswer(verdict=ACCEPTED, run_id=about, writer_id=None, facts=[]))
    watermark = stated.watermark()
    want = Want(watermark, time.monotonic() + asking.wait_s)
    told: StatedAnswer
    try:
        services = asking.services
        async with folded(services.database, services.wakers, asking.workspace, want) as snapshot:
            decisions = [await _decision(snapshot.rows, stated, fact) for fact in stated.facts]
            told = StatedAnswer(
                verdict=ACCEPTED, run_id=about, writer_id=stated.writer_id, facts=decisions,
                not_before=str(watermark), watermark=await snapshot.watermark(),
            )  # fmt: skip
    except ApiError as error:
        if error.code != "not_yet":
            raise
        return _answer(202, _open(stated, about))
    except psycopg.OperationalError:  # it is stated; only how it is decided cannot be read
        return _answer(202, _open(stated, about))
    _refuse(told)
    return _answer(201 if created else 200, told)


def _answer(status: int, told: StatedAnswer) -> JSONResponse:
    return JSONResponse(told.model_dump(mode="json"), status)


def _open(stated: Stated, run_id: str | None) -> StatedAnswer:
    facts = [StatedFact(kind=k, id=i, event=e, ordinal=o, verdict=OPEN) for k, i, e, o in stated.facts]
    return StatedAnswer(
        verdict=OPEN, run_id=run_id, writer_id=stated.writer_id, facts=facts, not_before=str(stated.watermark())
    )


def _refuse(told: StatedAnswer) -> None:
    refused = [fact for fact in told.facts if fact.verdict != ACCEPTED]
    if not refused:
        return
    first = refused[0]
    details = first.refusals[0] if first.refusals else None
    said = f"; of {details.key!r}, {details.kept!r} stays and {details.refused!r} was refused" if details else ""
    raise ApiError(
        409, "refused", f"{first.event} was {first.verdict} by the rule {first.rule}{said}. It is on record as that",
        rule=first.rule, key=details and details.key, kept=details and details.kept,
        refused=details and details.refused, decision=told.model_dump(mode="json"),
    )  # fmt: skip


async def _decision(rows: Callable[..., Any], stated: Stated, fact: tuple[str, str, str, int]) -> StatedFact:
    kind, about, event, ordinal = fact
    asked = {
        "kind": kind, "id": about, "writer_id": stated.writer_id, "ordinal": ordinal, "key": None, "from_offset": 0,
        "limit": 1, **cut_of(None),
    }  # fmt: skip
    found: list[Row] = await rows("decisions", asked)
    of = found[0] if found else {"verdict": OPEN, "rule": None, "offset": None, "refusals": []}
    return StatedFact(
        kind=kind, id=about, event=event, ordinal=ordinal, verdict=of["verdict"], rule=of["rule"], offset=of["offset"],
        refusals=of["refusals"],
    )  # fmt: skip


async def _once(asking: Asking, make: Callable[[str], list[Fact]], prepared: str) -> tuple[str, Stated]:
    """What was prepared, and what was stated: now, or by the first request with this key."""
    speaker = asking.services.speaker

    async def state(chosen: str) -> Stated:
        facts = make(chosen)
        if not facts:
            return Stated("", [])
        return await asyncio.to_thread(speaker.state, asking.workspace, asking.principal, facts)

    if asking.key is None:
        return prepared, await state(prepared)
    of = {"workspace": asking.workspace, "principal": asking.principal, "key": asking.key}
    connection = await psycopg.AsyncConnection[Row].connect(
        asking.services.database.conninfo, autocommit=True, row_factory=dict_row, connect_timeout=3
    )
    async with connection:
        cursor = await connection.execute(
            statement("key_reserve"), {**of, "digest": asking.digest, "prepared": prepared}
        )
        reserved = await cursor.fetchone()
        if reserved is None:
            cursor = await connection.execute(statement("key_read"), of)
            return _earlier(asking, await cursor.fetchone())
        stated = await state(reserved["prepared"])
        await connection.execute(statement("key_write"), {**of, "stated": Jsonb(stated._asdict())})
        return reserved["prepared"], stated


def _earlier(asking: Asking, row: Row | None) -> tuple[str, Stated]:
    if row is None or row["digest"] != asking.digest:
        message = f"the idempotency key {asking.key!r} was used for another request; a new request needs a new key"
        raise ApiError(409, "key_taken", message)
    if row["stated"] is None:
        message = f"the first request with the idempotency key {asking.key!r} is being stated; ask again in a moment"
        raise ApiError(503, "busy", message, headers={"Retry-After": "1"})
    stated = row["stated"]
    return row["prepared"], Stated(
        stated["writer_id"], [(str(k), str(i), str(e), int(o)) for k, i, e, o in stated["facts"]]
    )
