"""Probes: open, since whoever asks holds no access token."""

from __future__ import annotations

from fastapi import APIRouter, Response
from pydantic import BaseModel, Field

from runfold_consumers.api.errors import ErrorAnswer
from runfold_consumers.api.services import Served

routes = APIRouter(tags=["health"])


class Health(BaseModel):
    """The state of the process."""

    status: str = Field(examples=["ok"])


@routes.get("/livez", summary="Is the process alive?", response_model=Health)
async def livez() -> Health:
    """Answers as long as the process serves, whatever else is away."""
    return Health(status="ok")


@routes.get(
    "/readyz",
    summary="Can it answer?",
    response_model=Health,
    responses={503: {"model": ErrorAnswer, "description": "Postgres does not answer."}},
)
async def readyz(served_by: Served, response: Response) -> Health:
    """Asks Postgres. A missing schema counts as not ready: `runfold project state` makes it."""
    async with served_by.database.snapshot("") as snapshot:
        await snapshot.rows("positions")
    response.headers["Cache-Control"] = "no-store"
    return Health(status="ok")
