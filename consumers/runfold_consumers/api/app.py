"""The application: gate, routes, errors, and /openapi.json, which is behind an access token like all else."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from importlib.metadata import version
from typing import Any

from fastapi import FastAPI, Security
from fastapi.security import HTTPBearer

from runfold_consumers.api import errors, page_files, protecting
from runfold_consumers.api.acting import Access
from runfold_consumers.api.admission import Admission
from runfold_consumers.api.code.reading import Zips
from runfold_consumers.api.database import Database
from runfold_consumers.api.gate import Doors, Gate
from runfold_consumers.api.limiting import Limits
from runfold_consumers.api.live import Hubs
from runfold_consumers.api.measuring import Measured, measure_connections
from runfold_consumers.api.routes import (
    access_tokens,
    artifacts,
    audit,
    condition,
    datastores,
    deadletters,
    export,
    health,
    history,
    live,
    logs,
    metrics,
    previews,
    process,
    registered,
    roles,
    runs,
    search,
    series,
    session,
    snapshots,
    sql,
    summaries,
    uploads,
    workspaces,
    writing,
)
from runfold_consumers.api.services import Services
from runfold_consumers.api.sql.asking import Analysts
from runfold_consumers.api.stating import Speaker
from runfold_consumers.api.waiting import Wakers
from runfold_consumers.artifacts.objects import Objects
from runfold_schemas.process_metrics import Registry
from runfold_schemas.settings import Settings

SPEAKER_SECONDS_MAX = 3.0  # to write down how far it has come
_ABOUT = """What Runfold's projectors folded from the log.

Every route but the probes, the page's files and those that sign in needs an access token:
`Authorization: Bearer rft_...`.
Every GET takes `not_before`, a watermark: it answers once that is folded, or 503 `not_yet` after `wait_s` seconds.
Errors are `{"error": {"code", "message"}}`."""


def create_app(settings: Settings | None = None) -> FastAPI:
    """The API that the settings describe; loads them when none are given.

    Raises:
        SettingsError: RUNFOLD_POSTGRES or one of RUNFOLD_S3_* is not set.
    """
    settings = settings or Settings.load()
    address, key, secret = (settings.need(name) for name in ("s3_address", "s3_key", "s3_secret"))
    return application(settings.need("postgres"), Objects(address, key, secret, settings.s3_bucket), settings)


def application(conninfo: str, objects: Objects, settings: Settings | None = None) -> FastAPI:
    """The API over a database and an object store. Neither needs to be there yet.

    Args:
        conninfo: libpq connection string or URL of the database that the projectors write.
        objects: signs addresses of the object store.
        settings: of sign-on, sessions, limits; None for their defaults.

    Raises:
        SettingsError: a setting that cannot be.
    """
    settings = settings or Settings.model_construct()
    database = Database(conninfo)
    access = Access.of(conninfo, settings)
    measured = Registry("api")
    measure_connections(database, measured)
    wakers = Wakers(conninfo)

    @asynccontextmanager
    async def lifespan(app: FastAPI) -> AsyncIterator[None]:
        await database.open()
        wakers.start()
        access.notes.start()
        yield
        await hubs.stop()
        await asyncio.to_thread(speaker.close, time.monotonic() + SPEAKER_SECONDS_MAX)
        await access.notes.stop()
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
    hubs, speaker = Hubs(database, wakers), Speaker(settings)
    app.state.services = Services(database, wakers, objects, hubs, speaker, Zips(objects))
    app.state.process_metrics = measured
    app.state.access = access
    admission = Admission(database, access.notes, access.lifetime.idle)
    app.state.admission = admission
    app.state.analysts = Analysts(conninfo, settings.sql_seconds_max)
    app.add_middleware(
        Gate,
        doors=Doors(admission, Limits(settings), access.notes, conninfo, access.secure, settings.audit_reads),
    )
    app.add_middleware(Measured, metrics=measured)
    protecting.protect(app, settings, stores=[objects.address], tls=access.secure)
    errors.install(app)
    app.include_router(health.routes)
    app.include_router(page_files.routes())
    app.include_router(session.routes)
    bearer = Security(
        HTTPBearer(auto_error=False, description="An access token, `rft_...`.")
    )  # for the document; Gate refuses
    for resource in (
        workspaces,
        runs,
        search,
        metrics,
        series,
        export,
        summaries,
        previews,
        logs,
        artifacts,
        uploads,
        registered,
        snapshots,
        datastores,
        history,
        live,
        process,
        sql,
        access_tokens,
        roles,
        audit,
        writing,
        condition,
        deadletters,
    ):
        app.include_router(resource.routes, dependencies=[bearer])
    app.include_router(session.closed, dependencies=[bearer])
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
