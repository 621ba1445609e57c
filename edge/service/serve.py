"""`repsight serve`: the service from its start to its end."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Final

from configs.schema import Counting, Run
from configs.serving import Serve
from edge.local import Bars, local_models, quietly
from edge.models import Models
from edge.screens.base import Screen
from edge.web.screen import check_extra, greet
from edge.words import language_of, words_in
from keypoints.errors import RepSightError

#: How often it looks whether it is to stop.
_LOOK_S: Final = 0.1

#: Connections for each request that may be answered at a time: those that are turned away need one as well.
_CONNECTIONS: Final = 4


def serve(
    settings: Serve, stopped: Callable[[], bool], say: Callable[[str], None] | None = None, fetching: Bars = quietly
) -> None:
    """Serve until `stopped` says so; then no process, no job and no file of it is left.

    say: is told where it is, and that it is ready. fetching: makes the progress bar of a model from a bucket.
    Raises MissingExtraError without the extra `web`, InputError for models or an address that do not fit.
    """
    check_extra("serve")
    from edge.service.app import make_app
    from edge.service.files import Folder
    from edge.service.service import Service
    from edge.web.access import Access, own_token
    from edge.web.invite import invite
    from edge.web.server import WebServer, listen

    say = say or Screen().say
    assert isinstance(settings.counting, Counting)
    run, notices = local_models(settings.run, fetching)
    kinds = _look_at(run)
    for notice in notices:
        say(f"warning: {notice}")
    with listen(settings) as listener, Folder(settings.folder) as folder:
        token, trouble = own_token(settings.host)
        invitation = invite(settings, token, listener.getsockname()[1])
        service = Service(settings, run, settings.counting, folder.path)
        app = make_app(service, Access.of(settings, token), words_in(language_of(settings.language)), kinds)
        connections = _CONNECTIONS * settings.limits.requests
        most_message = int(settings.limits.frame_mb * 2**20)
        server = WebServer(app, listener, settings.patience_s, connections, service.attach, most_message)
        try:
            greet(invitation, trouble, say)
            while not service.ready and not stopped():
                if service.trouble is not None:
                    raise RepSightError(f"no worker can be started: {service.trouble}")
                time.sleep(_LOOK_S)
            if not stopped():
                say("ready")
            while not stopped():
                time.sleep(_LOOK_S)
        finally:
            try:
                service.close()
            finally:
                server.close()


def _look_at(run: Run) -> dict[str, str]:
    """The kinds of the head's actions. What is wrong with a model is said before anything is served."""
    models = Models.open(run)
    try:
        return {action.name: action.kind for action in models.head.card.actions}
    finally:
        models.close()
