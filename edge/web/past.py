"""The pages of the web screen without a run: what was done before, until it is told to stop."""

from __future__ import annotations

import time
from collections.abc import Callable
from pathlib import Path

from configs.schema import Run
from edge.screens.base import Screen
from edge.web.screen import check_extra, greet

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
    from edge.web.door import open_door
    from edge.web.live import Show
    from edge.web.server import listen

    listener, show = listen(settings.web), Show(settings.web.viewers)
    door = open_door(settings, listener, show, folder, show.told.attach, running=False)
    try:
        greet(door.invitation, door.trouble, say or Screen().say, "history")
        while not stopped():
            time.sleep(_LOOK_S)
    finally:
        show.told.finish()
        door.server.close()
