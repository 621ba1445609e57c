"""The pages of the web screen without a run: what was done before, until it is told to stop."""

from __future__ import annotations

import time
from collections.abc import Callable
from pathlib import Path

from configs.schema import Run
from edge.screens.base import Screen
from edge.web.screen import check_extra, greet
from edge.words import language_of, words_in

#: How often it looks whether it is to stop.
_LOOK_S = 0.2


def serve_history(
    settings: Run, folder: Path, stopped: Callable[[], bool], say: Callable[[str], None] | None = None
) -> None:
    """Serve the history in `folder` where the settings of `web` say, behind the same door, until `stopped` says so.

    say: is told where the pages are. Raises MissingExtraError without the extra `web`, InputError where the address
    can't be had.
    """
    check_extra()
    from edge.web.access import Access, own_token
    from edge.web.app import make_app
    from edge.web.invite import invite
    from edge.web.live import Show
    from edge.web.server import WebServer, listen

    say = say or Screen().say
    web = settings.web
    listener = listen(web)
    token, trouble = own_token(web.host)
    invitation = invite(web, token, listener.getsockname()[1])
    show = Show(web.viewers)
    words = words_in(language_of(settings.language))
    app = make_app(web, show, folder, Access.of(web, token), invitation, words, running=False)
    server = WebServer(app, listener, web, show.told.attach)
    try:
        greet(invitation, trouble, say, "history")
        while not stopped():
            time.sleep(_LOOK_S)
    finally:
        show.told.finish()
        server.close()
