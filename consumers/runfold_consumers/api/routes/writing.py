"""Changes, all of them events: what is asked for is stated as the principal's word, and decided like everyone's."""

from __future__ import annotations

import uuid
from typing import Annotated, Any

from fastapi import APIRouter, Depends, Header, Path, Query, Request
from fastapi.responses import JSONResponse

from runfold_consumers.api import wishes
from runfold_consumers.api.deciding import Asking, StatedAnswer, decided, digest_of
from runfold_consumers.api.errors import documented, not_found
from runfold_consumers.api.services import Read, Reading, RunId
from runfold_schemas.limits import WAIT_SECONDS_MAX

_ANSWERS: dict[int | str, dict[str, Any]] = {
    202: {"model": StatedAnswer, "description": "Stated, and not decided yet: `not_before` is what to wait for."},
    **documented(404, 408, 409, 413),
}
routes = APIRouter(prefix="/v1/workspaces/{workspace}", tags=["changes"], responses=_ANSWERS)

Key = Annotated[
    str | None,
    Header(
        alias="Idempotency-Key", min_length=1, max_length=256, description="The same request with it is stated once."
    ),
]
Wait = Annotated[
    float, Query(alias="decide_s", ge=0, le=WAIT_SECONDS_MAX, allow_inf_nan=False, description="Seconds to wait.")
]
Experiment = Annotated[str, Path(max_length=1024, description="Name of the experiment.")]


class _Asks:
    """Dependency: what all changes have in common."""

    def __init__(self, request: Request, read: Read, key: Key = None, decide_s: Wait = 10.0) -> None:
        self.request, self.read, self.key, self.decide_s = request, read, key, decide_s

    def asking(self, body: Any) -> Asking:
        digest = digest_of(self.request.method, self.request.url.path, body)
        principal = self.request.state.principal.name
        return Asking(self.read.services, self.read.workspace, principal, self.decide_s, self.key, digest)


Asks = Annotated[_Asks, Depends(_Asks)]


async def _attempt(read: Reading, run_id: str) -> int:
    """The run's latest attempt. Raises ApiError 404."""
    read.services.speaker.ready()
    async with read.snapshot() as snapshot:
        rows = await snapshot.rows("run_attempt", {"run_id": run_id})
    if not rows:
        raise not_found("run", run_id, f"workspace {read.workspace}")
    return int(rows[0]["attempt"])


@routes.post("/runs", summary="Begin a run", status_code=201, response_model=StatedAnswer)
async def begin(asks: Asks, wanted: wishes.RunWanted) -> JSONResponse:
    """A run of the experiment. With a run id of your own, or an idempotency key, it may be repeated."""
    run_id = wanted.run_id or str(uuid.uuid4())
    return await decided(asks.asking(wanted.model_dump()), wanted.facts, run_id, run_id=True, created=True)


@routes.post("/runs/{run_id}/status", summary="Say a run's status", response_model=StatedAnswer)
async def status(asks: Asks, run_id: RunId, wanted: wishes.StatusWanted) -> JSONResponse:
    """Of its latest attempt. A terminal one is final; a step back is refused."""
    attempt = await _attempt(asks.read, run_id)
    asking = asks.asking(wanted.model_dump())
    return await decided(asking, lambda about: wanted.facts(about, attempt), run_id, run_id=True)


@routes.post("/runs/{run_id}/cancel", summary="Ask that a run ends", response_model=StatedAnswer)
async def cancel(asks: Asks, run_id: RunId, wanted: wishes.CancelWanted | None = None) -> JSONResponse:
    """Whoever runs it obeys and answers with Canceled."""
    attempt = await _attempt(asks.read, run_id)
    wish = wanted or wishes.CancelWanted()
    return await decided(asks.asking(wish.model_dump()), lambda about: wish.facts(about, attempt), run_id, run_id=True)


@routes.patch("/runs/{run_id}", summary="Change what is shown of a run", response_model=StatedAnswer)
async def change(asks: Asks, run_id: RunId, wanted: wishes.RunChange) -> JSONResponse:
    """Display name, description, tags: the last word of all wins."""
    await _attempt(asks.read, run_id)
    return await decided(asks.asking(wanted.model_dump(exclude_unset=True)), wanted.facts, run_id, run_id=True)


@routes.post("/runs/{run_id}/properties", summary="Add properties to a run", response_model=StatedAnswer)
async def add_properties(asks: Asks, run_id: RunId, wanted: wishes.Properties) -> JSONResponse:
    """All of them or none: the first value of a property stays for ever."""
    await _attempt(asks.read, run_id)
    return await decided(asks.asking(wanted), lambda about: wishes.properties_added(about, wanted), run_id, run_id=True)


@routes.post("/runs/{run_id}/corrections", summary="Correct a property", response_model=StatedAnswer)
async def correct(asks: Asks, run_id: RunId, wanted: wishes.CorrectionWanted) -> JSONResponse:
    """An annotation with a reason. The property stays as it is."""
    await _attempt(asks.read, run_id)
    return await decided(asks.asking(wanted.model_dump()), wanted.facts, run_id, run_id=True)


@routes.patch("/experiments/{experiment}", summary="Change what is shown of an experiment", response_model=StatedAnswer)
async def change_experiment(asks: Asks, experiment: Experiment, wanted: wishes.ExperimentChange) -> JSONResponse:
    """Archived, description, tags: the last word of all wins."""
    asks.read.services.speaker.ready()
    async with asks.read.snapshot() as snapshot:
        if not await snapshot.rows("experiment_exists", {"experiment": experiment}):
            raise not_found("experiment", experiment, f"workspace {asks.read.workspace}")
    return await decided(asks.asking(wanted.model_dump(exclude_unset=True)), wanted.facts, experiment)
