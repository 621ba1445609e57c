"""The window: OpenCV's, full-screen with the key f, closed with q, Esc or the mouse."""

from __future__ import annotations

import os
import re
import socket
import sys
from typing import Final, Self

import cv2
import numpy as np
from numpy.typing import NDArray

from configs.schema import Run
from edge.reading import Reading
from edge.scoreboard import Board
from edge.screens.base import Screen
from edge.screens.desktop import desktop
from edge.words import Words, language_of, words_in
from keypoints.errors import InputError

TITLE: Final = "RepSight"
_QUIT_KEYS: Final = frozenset({ord("q"), ord("Q"), 27})
_NO_KEY: Final = 255
#: px; nothing can be read in less, and the little there is to see may be out of shape.
_LEAST_SIDE: Final = 120
#: Of each side of the screen, at most, for a new window: the rest is for its frame and the desktop's bars.
_SHARE: Final = 0.9
_OTHERWISE: Final = "use --screen terminal, or --screen none"


class WindowScreen(Screen):
    """Shows the drawn picture in a window that may have any size and shape."""

    needs_picture = True
    watched = True

    def __init__(self, full_screen: bool = False, words: Words | None = None) -> None:
        """words: of the language; English without them.

        Raises InputError when there is no display, or this OpenCV has no windows.
        """
        _check_display()
        words = words or words_in()
        self.keys = (("q", words.screen.quit), ("f", words.screen.full_screen))
        self._full_screen = full_screen
        self._open = False
        try:
            # The picture fills it: with KEEPRATIO OpenCV adds bars and tells the size without them, so that no picture
            # would ever be drawn in the window's shape. GUI_NORMAL: the Qt build's without tool bar and status bar.
            cv2.namedWindow(TITLE, cv2.WINDOW_NORMAL | cv2.WINDOW_FREERATIO | cv2.WINDOW_GUI_NORMAL)
        except cv2.error:
            raise InputError("this OpenCV can't open windows", field="--screen window", found="opencv-python-headless?",
                             hint=f"`repsight doctor` tells how to mend it; or {_OTHERWISE}") from None  # fmt: skip
        self._first_size: tuple[int, int] | None = None
        self._open = True

    @classmethod
    def open(cls, settings: Run) -> Self:
        """In the language of the settings, and full-screen if they say so."""
        return cls(settings.full_screen, words_in(language_of(settings.language)))

    def show(self, picture: NDArray[np.uint8] | None, board: Board, reading: Reading) -> bool:
        """Show the picture and look at the keyboard."""
        assert picture is not None
        if self._first_size is None:
            self._first_size = _on_screen(picture.shape[1], picture.shape[0])
            cv2.resizeWindow(TITLE, *self._first_size)
            self._apply_full_screen()
        cv2.imshow(TITLE, picture)
        key = cv2.waitKey(1) & 0xFF
        if key in _QUIT_KEYS or not _is_visible():
            return False
        if key in (ord("f"), ord("F")):
            self._full_screen = not self._full_screen
            self._apply_full_screen()
        elif key != _NO_KEY:
            self.on_key(chr(key))
        self.size = _size()
        return True

    def close(self) -> None:
        """Close the window, if the user has not."""
        if self._open and _is_visible():
            cv2.destroyAllWindows()
            cv2.waitKey(1)  # the window goes away in the event loop
        self._open = False

    def _apply_full_screen(self) -> None:
        there = desktop()
        if there is None or there.managed:
            mode = cv2.WINDOW_FULLSCREEN if self._full_screen else cv2.WINDOW_NORMAL
            cv2.setWindowProperty(TITLE, cv2.WND_PROP_FULLSCREEN, mode)
        elif self._first_size is not None:  # full-screen is what a window manager makes of it: do it ourselves
            cv2.resizeWindow(TITLE, *(there.size if self._full_screen else self._first_size))
            cv2.moveWindow(TITLE, 0, 0)


def _on_screen(width: int, height: int) -> tuple[int, int]:
    """The size of a new window, px: the picture's, as far as the screen has room."""
    there = desktop()
    if there is None:
        return width, height
    return min(width, round(_SHARE * there.size[0])), min(height, round(_SHARE * there.size[1]))


def _is_visible() -> bool:
    """Whether the user has left the window open; the Qt build raises when its last window was closed."""
    try:
        return cv2.getWindowProperty(TITLE, cv2.WND_PROP_VISIBLE) >= 1
    except cv2.error:
        return False


def _size() -> tuple[int, int] | None:
    """Width and height of the window's inside, px, and no less than can be drawn in; None where it is not known."""
    _, _, width, height = cv2.getWindowImageRect(TITLE)
    return (max(width, _LEAST_SIDE), max(height, _LEAST_SIDE)) if min(width, height) > 0 else None


def _check_display() -> None:
    """Qt ends the whole process when it can't reach the display, so look before."""
    if not sys.platform.startswith("linux") or os.environ.get("QT_QPA_PLATFORM"):
        return
    name = os.environ.get("DISPLAY", "")
    if not name:
        raise InputError("no display here", field="--screen window", expected="DISPLAY to be set",
                         hint=f"run it on the desktop, or {_OTHERWISE}")  # fmt: skip
    if not _answers(name):
        raise InputError("the display does not answer", field="DISPLAY", found=name, hint=_OTHERWISE)


def _answers(name: str) -> bool:
    """Whether an X server listens at `[host]:number[.screen]`: X(7), "Display names"."""
    match = re.fullmatch(r"(?:(?P<host>[^/]*)/?)?:(?P<number>\d+)(?:\.\d+)?", name)
    if match is None:
        return False
    number = int(match["number"])
    if match["host"] not in ("", "unix"):
        return _connects(socket.AF_INET, (match["host"], 6000 + number))
    path = f"/tmp/.X11-unix/X{number}"
    return _connects(socket.AF_UNIX, path) or _connects(socket.AF_UNIX, f"\0{path}")


def _connects(family: socket.AddressFamily, address: str | tuple[str, int]) -> bool:
    with socket.socket(family, socket.SOCK_STREAM) as client:
        client.settimeout(2.0)
        try:
            client.connect(address)
        except OSError:
            return False
        return True
