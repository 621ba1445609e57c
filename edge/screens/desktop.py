"""What the window system knows and OpenCV does not tell: how large the screen is, and whether anybody manages windows."""

from __future__ import annotations

import ctypes
from ctypes import c_char_p, c_int, c_ulong, c_void_p
from typing import Any, Final, NamedTuple

#: Of libX11, which OpenCV's windows need as well, under Wayland too: what a function returns, and what it takes.
_FUNCTIONS: Final[dict[str, tuple[Any, ...]]] = {
    "XOpenDisplay": (c_void_p, c_char_p),
    "XCloseDisplay": (c_int, c_void_p),
    "XDefaultScreen": (c_int, c_void_p),
    "XDisplayWidth": (c_int, c_void_p, c_int),
    "XDisplayHeight": (c_int, c_void_p, c_int),
    "XInternAtom": (c_ulong, c_void_p, c_char_p, c_int),
    "XGetSelectionOwner": (c_ulong, c_void_p, c_ulong),
}


class Desktop(NamedTuple):
    """size: width and height in px, of all monitors together. managed: a window manager runs."""

    size: tuple[int, int]
    managed: bool


def desktop() -> Desktop | None:
    """The desktop of DISPLAY; None where it can't be asked: without X, as on macOS."""
    try:
        x11: Any = ctypes.CDLL("libX11.so.6")
    except OSError:
        return None
    for name, (result, *arguments) in _FUNCTIONS.items():
        function = getattr(x11, name)
        function.restype, function.argtypes = result, arguments
    display = x11.XOpenDisplay(None)
    if not display:
        return None
    try:
        screen = x11.XDefaultScreen(display)
        size = x11.XDisplayWidth(display, screen), x11.XDisplayHeight(display, screen)
        # A manager owns this selection: ICCCM 2.0, section 4.3, "Communication with the Window Manager by Means of
        # Selections".
        manager = x11.XInternAtom(display, f"WM_S{screen}".encode(), False)
        return Desktop(size, bool(x11.XGetSelectionOwner(display, manager)))
    finally:
        x11.XCloseDisplay(display)
