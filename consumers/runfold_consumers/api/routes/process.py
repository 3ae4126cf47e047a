"""What the API's process tells of itself."""

from __future__ import annotations

from fastapi import APIRouter, Request, Response

from runfold_consumers.api.errors import documented

routes = APIRouter(tags=["health"], responses=documented())


@routes.get(
    "/metrics",
    summary="Process metrics",
    response_class=Response,
    responses={
        200: {
            "description": "The API's own process metrics in Prometheus' text format.",
            "content": {"text/plain": {"schema": {"type": "string"}}},
        }
    },
)
async def process_metrics(request: Request) -> Response:
    """What this process tells of itself, for Prometheus (`authorization: {credentials_file: ...}`)."""
    text, media_type = request.app.state.process_metrics.text()
    return Response(text, media_type=media_type)
