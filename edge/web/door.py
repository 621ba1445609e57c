"""The way in to the pages: where they are served, for whom, and how somebody is invited."""

from __future__ import annotations

import asyncio
import socket
from collections.abc import Callable
from pathlib import Path
from typing import Final, NamedTuple

from configs.schema import Run
from edge.web.access import Access, own_token
from edge.web.app import make_app
from edge.web.invite import Invitation, invite
from edge.web.live import Show
from edge.web.server import WebServer
from edge.words import language_of, words_in

#: Connections beside those of viewers, each of which has two or three.
_SPARE: Final = 20


class Door(NamedTuple):
    """What is open: its server, who is invited, and what to say of the token, if anything."""

    server: WebServer
    invitation: Invitation
    trouble: str | None


def open_door(
    settings: Run, listener: socket.socket, show: Show, folder: Path,
    attach: Callable[[asyncio.AbstractEventLoop], None], running: bool = True,
) -> Door:  # fmt: skip
    """Serve the pages at `listener`, for whom the settings of `web` say. folder: of the history. attach: as in
    `WebServer`. running: something is counted."""
    web = settings.web
    token, trouble = own_token(web.host)
    invitation = invite(web, token, listener.getsockname()[1])
    words = words_in(language_of(settings.language))
    app = make_app(web, show, folder, Access.of(web, token), invitation, words, running)
    return Door(WebServer(app, listener, web.patience_s, 3 * web.viewers + _SPARE, attach), invitation, trouble)
