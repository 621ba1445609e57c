"""The HTTP application of the service: its routes, its words for errors, behind the guard."""

from __future__ import annotations

import json
from collections.abc import Mapping
from functools import partial
from typing import Final

from fastapi import APIRouter, FastAPI, Request, Response
from fastapi.exceptions import RequestValidationError
from fastapi.responses import JSONResponse
from starlette.types import ASGIApp, Receive, Scope, Send

from edge.service.live import live_routes
from edge.service.metrics import CONTENT_TYPE, Measured
from edge.service.pages import page_routes
from edge.service.refusal import RefusedError
from edge.service.routes import job_routes, work_routes
from edge.service.schemas import Health, problems
from edge.service.service import Service
from edge.web.access import Access
from edge.web.guard import Guard, Rules
from edge.web.pages import refusal_page
from edge.words import Words

#: What a machine asks that watches over this one.
_OPEN: Final = ("/static/", "/health", "/ready")

#: What requests are counted by.
_ROUTES: Final = (
    "/", "/static/*", "/health", "/ready", "/metrics", "/api/openapi.json", "/api/image", "/api/sequence",
    "/api/jobs", "/api/jobs/*", "/api/jobs/*/readings", "/api/jobs/*/result", "/api/live",
)  # fmt: skip


def make_app(service: Service, access: Access, words: Words, kinds: Mapping[str, str]) -> ASGIApp:
    """Everything that can be asked for. kinds: of the head's actions."""
    app = FastAPI(
        title="RepSight", version="1", summary="Pictures, videos and keypoints in; keypoints, actions and reps out.",
        openapi_url="/api/openapi.json", docs_url=None, redoc_url=None,  # their pages load scripts from elsewhere
    )  # fmt: skip
    limits = service.limits
    app.include_router(work_routes(service))
    app.include_router(job_routes(service))
    app.include_router(live_routes(service))
    app.include_router(_watch_routes(service))
    told = {"file_bytes": _bytes(limits.video_mb), "video_s": limits.video_s, "image_bytes": _bytes(limits.image_mb)}
    app.include_router(page_routes(words, kinds, told))
    app.add_exception_handler(RefusedError, _refused)
    app.add_exception_handler(RequestValidationError, _out_of_range)
    rules = Rules(
        {"/api/image": _bytes(limits.image_mb), "/api/sequence": _bytes(limits.sequence_mb),
         "/api/jobs": _bytes(limits.video_mb)},
        open=_OPEN, camera=True, names="`names` of serve.yaml",
    )  # fmt: skip
    guarded = Guard(_Room(app, service), access, partial(refusal_page, words.language), rules)
    return Measured(guarded, service.traffic, _ROUTES)


class _Room:
    """Sends away who comes when there are too many."""

    def __init__(self, app: ASGIApp, service: Service) -> None:
        self._app, self._service = app, service

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        full = self._service.traffic.now > self._service.limits.requests
        if full and scope["type"] == "http" and not scope["path"].startswith(_OPEN):
            await _busy("too many requests at the moment", 2)(scope, receive, send)
        else:
            await self._app(scope, receive, send)


def _watch_routes(service: Service) -> APIRouter:
    router = APIRouter(tags=["watch"])

    @router.get("/health")
    async def health() -> Health:
        """Whether the service lives."""
        return Health(status="ok")

    @router.get("/ready", responses={503: {"model": Health, "description": "no worker is ready"}})
    async def ready(response: Response) -> Health:
        """Whether it could begin to work at once."""
        if not service.ready:
            response.status_code, response.headers["retry-after"] = 503, "2"
            return Health(status="starting")
        return Health(status="ready")

    @router.get(
        "/metrics", response_class=Response,
        responses=problems(401) | {200: {"content": {"text/plain": {}}, "description": "as Prometheus reads it"}},
    )  # fmt: skip
    async def metrics() -> Response:
        """What the service counts of itself."""
        return Response(service.metrics(), media_type=CONTENT_TYPE)

    return router


def _bytes(megabytes: float) -> int:
    return int(megabytes * 2**20)


async def _refused(_: Request, error: Exception) -> Response:
    assert isinstance(error, RefusedError)
    if error.status == 503:
        return _busy(str(error), error.retry_s or 2)
    # A body that is still on its way would be taken for the next request's.
    headers = {"connection": "close"} if error.status == 408 else None
    return JSONResponse({"detail": str(error)}, error.status, headers)


async def _out_of_range(_: Request, error: Exception) -> Response:
    assert isinstance(error, RequestValidationError)
    first = error.errors()[0]
    said = "a character that may not be in it" if first["type"] == "string_pattern_mismatch" else first["msg"]
    return JSONResponse({"detail": f"{'.'.join(map(str, first['loc']))}: {said}"}, 422)


def _busy(detail: str, retry_s: int) -> Response:
    return Response(json.dumps({"detail": detail}), 503, {"retry-after": str(retry_s)}, "application/json")
