"""The application: gate, routes, errors, and /openapi.json, which is behind an access token like all else."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from importlib.metadata import version
from typing import Any

from fastapi import FastAPI, Security
from fastapi.security import HTTPBearer

from runfold_consumers.api import errors
from runfold_consumers.api.access import AccessTokens
from runfold_consumers.api.database import Database
from runfold_consumers.api.gate import Gate
from runfold_consumers.api.routes import (
    artifacts,
    datastores,
    health,
    history,
    logs,
    metrics,
    registered,
    runs,
    uploads,
    workspaces,
)
from runfold_consumers.api.services import Services
from runfold_consumers.api.waiting import Wakers
from runfold_consumers.artifacts.objects import Objects
from runfold_schemas.settings import Settings

_ABOUT = """What Runfold's projectors folded from the log.

Every route but /livez and /readyz needs an access token: `Authorization: Bearer rft_...`.
Every GET takes `not_before`, a watermark: it answers once that is folded, or 503 `not_yet` after `wait_s` seconds.
Errors are `{"error": {"code", "message"}}`."""


def create_app(settings: Settings | None = None) -> FastAPI:
    """The API that the settings describe; loads them when none are given.

    Raises:
        SettingsError: RUNFOLD_POSTGRES or one of RUNFOLD_S3_* is not set.
    """
    settings = settings or Settings.load()
    address, key, secret = (settings.need(name) for name in ("s3_address", "s3_key", "s3_secret"))
    return application(settings.need("postgres"), Objects(address, key, secret, settings.s3_bucket))


def application(conninfo: str, objects: Objects) -> FastAPI:
    """The API over a database and an object store. Neither needs to be there yet.

    Args:
        conninfo: libpq connection string or URL of the database that the projectors write.
        objects: signs addresses of the object store.
    """
    database = Database(conninfo)
    wakers = Wakers(conninfo)

    @asynccontextmanager
    async def lifespan(app: FastAPI) -> AsyncIterator[None]:
        await database.open()
        wakers.start()
        yield
        await wakers.stop()
        await database.close()

    app = FastAPI(
        title="Runfold query API",
        version=version("runfold"),
        description=_ABOUT,
        lifespan=lifespan,
        docs_url=None,  # their pages load scripts from elsewhere
        redoc_url=None,
        openapi_url="/openapi.json",
        redirect_slashes=False,
    )
    app.state.services = Services(database, wakers, objects)
    app.add_middleware(Gate, access_tokens=AccessTokens(database))
    errors.install(app)
    app.include_router(health.routes)
    bearer = Security(
        HTTPBearer(auto_error=False, description="An access token, `rft_...`.")
    )  # for the document; Gate refuses
    for resource in (workspaces, runs, metrics, logs, artifacts, uploads, registered, datastores, history):
        app.include_router(resource.routes, dependencies=[bearer])
    _drop_validation_answers(app)
    return app


def _drop_validation_answers(app: FastAPI) -> None:
    """Takes FastAPI's own 422 out of the document: here a wrong parameter is 400, in the shape of all errors."""
    made = app.openapi

    def openapi() -> dict[str, Any]:
        document = made()
        for operations in document["paths"].values():
            for operation in operations.values():
                operation["responses"].pop("422", None)
        for name in ("HTTPValidationError", "ValidationError"):
            document.get("components", {}).get("schemas", {}).pop(name, None)
        return document

    app.openapi = openapi  # type: ignore[method-assign]
