"""The web screen's HTTP application: pages, live readings, history, behind the guard."""

from __future__ import annotations

from functools import partial
from pathlib import Path

from fastapi import APIRouter, FastAPI, Request, Response
from fastapi.responses import JSONResponse
from starlette.types import ASGIApp

from configs.web import Web
from edge.web.access import Access
from edge.web.guard import Guard
from edge.web.invite import Invitation, as_svg
from edge.web.live import Show, live_routes
from edge.web.pages import page_routes, refusal_page
from edge.web.records import record_routes
from edge.words import Words
from keypoints.errors import RepSightError


def make_app(
    settings: Web, show: Show, folder: Path, access: Access, invitation: Invitation, words: Words, running: bool = True
) -> ASGIApp:
    """Everything that a browser can ask for. folder: of the history. running: something is counted."""
    app = FastAPI(
        title="RepSight", version="1", summary="What the camera counts now, and what was done before.",
        openapi_url="/api/openapi.json", docs_url=None, redoc_url=None,  # their pages load scripts from elsewhere
    )  # fmt: skip
    # The token is in the QR code alone: no script of a page ever has it.
    told = {"video": settings.video, "running": running,
            "invitation": invitation.there and invitation.there.partition("?")[0]}  # fmt: skip
    app.include_router(page_routes(words, told))
    app.include_router(live_routes(show))
    app.include_router(record_routes(folder, words))
    app.include_router(_invitation_routes(invitation))
    app.add_exception_handler(RepSightError, _history_fails)
    return Guard(app, access, partial(refusal_page, words.language))


def _invitation_routes(invitation: Invitation) -> APIRouter:
    router = APIRouter(include_in_schema=False)

    @router.get("/api/invitation.svg")
    def code() -> Response:
        """The QR code with which a phone comes in."""
        modules = invitation.code
        if modules is None:
            return Response(status_code=404)
        return Response(as_svg(modules), media_type="image/svg+xml")

    return router


async def _history_fails(_: Request, error: Exception) -> Response:
    return JSONResponse({"detail": str(error)}, status_code=503)
