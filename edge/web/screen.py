"""The screen `web`: shows readings to whoever has the page open, and never keeps the counting waiting."""

from __future__ import annotations

import asyncio
import sys
import time
from collections.abc import Callable
from importlib.util import find_spec
from typing import TYPE_CHECKING, Final, Self

import numpy as np
from numpy.typing import NDArray

from configs.schema import Run
from configs.web import Web
from edge.reading import Reading
from edge.scoreboard import Board
from edge.screens.base import Screen
from keypoints.errors import InputError, MissingExtraError, RepSightError

if TYPE_CHECKING:
    from edge.web.invite import Invitation
    from edge.web.message import Asked
    from edge.web.server import WebServer

#: How long what was said stays on the page.
NOTICE_S: Final = 20.0

#: For the viewers to be told that the session has ended.
_GOODBYE_S: Final = 1.0

_NEEDED: Final = ("fastapi", "uvicorn", "websockets", "segno")


class WebScreen(Screen):
    """Serves pages from a thread of its own."""

    watched = True

    def __init__(self, settings: Run) -> None:
        """Raises MissingExtraError without the extra `web`, InputError where the address can't be had."""
        check_extra()
        from edge.history.database import folder_of
        from edge.web.door import open_door
        from edge.web.live import Show
        from edge.web.picture import Encoder
        from edge.web.server import listen

        web = settings.web
        listener = listen(web)
        self._show = Show(web.viewers, encoder=Encoder(web) if web.video == "on" else None)
        folder = folder_of("auto" if settings.log == "none" else settings.log)
        door = open_door(settings, listener, self._show, folder, self._attach)
        self.invitation = door.invitation
        self._has_workout = settings.workout is not None
        self._private = web.video == "off"
        self._notice: tuple[str, float] | None = None
        self._image: NDArray[np.uint8] | None = None
        self._size = (0, 0)
        self._last_s, self._fps = 0.0, 0.0
        self._server: WebServer | None = door.server
        greet(door.invitation, door.trouble, super().say)
        if door.trouble is not None:
            self._notice = (f"warning: {door.trouble}", time.monotonic())

    @classmethod
    def open(cls, settings: Run) -> Self:
        """With all that the settings say."""
        return cls(settings)

    def wait(self, stopped: Callable[[], bool]) -> None:
        """Return when somebody has the page open."""
        if not self._show.came.is_set():
            super().say("It begins when the page is open.")
        while not stopped() and not self._show.came.wait(0.1):
            pass

    def look(self, image: NDArray[np.uint8] | None, size: tuple[int, int]) -> None:
        """Keep the frame for the reading that follows."""
        self._image, self._size = image, size

    def show(self, picture: NDArray[np.uint8] | None, board: Board, reading: Reading) -> bool:
        """Hand the reading over; nothing here waits for a viewer."""
        from edge.web.message import Told

        show = self._show
        while show.keys:
            self.on_key(show.keys.popleft())
        if show.encoder is not None and self._image is not None:
            show.encoder.offer(self._image, reading.pose)
        now_s = time.monotonic()
        interval_s, self._last_s = now_s - self._last_s, now_s
        self._fps += 0.1 * (1 / max(interval_s, 1e-3) - self._fps) if self._fps else 1 / max(interval_s, 1e-3)
        size = None if self._private else self._size
        show.told.put(Told(reading, board, size, self._fresh_notice(now_s), self._fps, self._can(board)))
        return True

    def say(self, line: str) -> None:
        """Show the line on the page for a while, and write it down."""
        super().say(line)
        self._notice = (line, time.monotonic())

    def close(self) -> None:
        """Tell the viewers that the session has ended, and stop serving."""
        if self._server is None:
            return
        super().say("The page is closed; `repsight history --web` shows the history.")
        self._show.told.finish()
        # Each is told why, but who takes nothing is not waited for.
        until_s = time.monotonic() + _GOODBYE_S
        while self._show.viewers and time.monotonic() < until_s:
            time.sleep(0.01)
        if self._show.encoder is not None:
            self._show.encoder.close()
        self._server.close()
        self._server = None

    def _attach(self, loop: asyncio.AbstractEventLoop) -> None:
        self._show.told.attach(loop)
        if self._show.encoder is not None:
            self._show.encoder.parts.attach(loop)

    def _can(self, board: Board) -> tuple[Asked, ...]:
        """What is of use to a viewer now."""
        resets = any(key == "r" for key, _ in board.keys or ())
        return (*(("skip",) if self._has_workout else ()), *(("reset",) if resets else ()))

    def _fresh_notice(self, now_s: float) -> str | None:
        return self._notice[0] if self._notice is not None and now_s - self._notice[1] < NOTICE_S else None


def greet(invitation: Invitation, trouble: str | None, say: Callable[[str], None], page: str = "") -> None:
    """Say where the page is. The token goes to a terminal alone: what is written elsewhere is kept, and read."""
    if invitation.there is None or sys.stderr.isatty():
        for line in in_words(invitation, page):
            say(line)
    else:
        say(f"Open {with_page(invitation.here, page).partition('?')[0]}")
        say("It asks for a token: `repsight invite` shows the address with it, and a QR code.")
    if trouble is not None:
        say(f"warning: {trouble}")


def with_page(address: str, page: str) -> str:
    """The address of one of the pages, where `address` is that of the first: `http://here/?token=T`."""
    return address.replace("/?", f"/{page}?") if "/?" in address else address + page


def in_words(invitation: Invitation, page: str = "") -> list[str]:
    """The lines that lead to a page, the last one a QR code of the first page for a dark or a light terminal."""
    from edge.web.invite import as_text

    code = invitation.code
    lines = [f"Open {with_page(invitation.here, page)}"]
    if code is not None:
        lines += [f"or on a phone in the same network {invitation.there}", as_text(code)]
    return lines


def invitation_of(settings: Web, here: bool = False) -> list[str]:
    """What leads to a web screen that runs, or will, with these settings. here: the address on this machine alone.

    Raises MissingExtraError without the extra `web`, InputError for a port that is not known before it runs.
    """
    check_extra()
    from edge.web.access import own_token
    from edge.web.invite import invite

    if settings.port == 0:
        raise InputError("is another one every time", field="web.port", found=0, hint="give it a number")
    token, trouble = own_token(settings.host)
    if trouble is not None:
        raise RepSightError(trouble)
    invitation = invite(settings, token)
    return [invitation.here] if here else in_words(invitation)


def check_extra(wanted_by: str = "--screen web") -> None:
    """Raise MissingExtraError where a package of the extra `web` is missing."""
    missing = [name for name in _NEEDED if find_spec(name) is None]
    if missing:
        raise MissingExtraError("needs packages that are not installed", field=wanted_by,
                                found=f"no {', '.join(missing)}", hint="pip install '.[web]'")  # fmt: skip
