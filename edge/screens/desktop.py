"""What OpenCV does not tell of the desktop: how large it is, and whether a window manager runs."""

from __future__ import annotations

import ctypes
from ctypes import POINTER, byref, c_char_p, c_int, c_ulong, c_void_p
from typing import Any, Final, NamedTuple

#: OpenCV's windows need it as well, under Wayland too.
LIBRARY = "libX11.so.6"
#: What its functions return, and what they take.
_FUNCTIONS: Final[dict[str, tuple[Any, ...]]] = {
    "XOpenDisplay": (c_void_p, c_char_p),
    "XCloseDisplay": (c_int, c_void_p),
    "XDefaultScreen": (c_int, c_void_p),
    "XDisplayWidth": (c_int, c_void_p, c_int),
    "XDisplayHeight": (c_int, c_void_p, c_int),
    "XInternAtom": (c_ulong, c_void_p, c_char_p, c_int),
    "XDefaultRootWindow": (c_ulong, c_void_p),
    "XListProperties": (POINTER(c_ulong), c_void_p, c_ulong, POINTER(c_int)),
    "XFree": (c_int, c_void_p),
}


class Desktop(NamedTuple):
    """size: width and height in px, of all monitors together. managed: a window manager runs that knows full-screen."""

    size: tuple[int, int]
    managed: bool


def desktop() -> Desktop | None:
    """The desktop of DISPLAY; None where it can't be asked: without X, as on macOS."""
    try:
        x11: Any = ctypes.CDLL(LIBRARY)
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
        # Its manager says so on the root window: Extended Window Manager Hints 1.5, "_NET_SUPPORTING_WM_CHECK".
        sign = x11.XInternAtom(display, b"_NET_SUPPORTING_WM_CHECK", False)
        count = c_int()
        properties = x11.XListProperties(display, x11.XDefaultRootWindow(display), byref(count))
        managed = bool(properties) and sign in properties[: count.value]
        if properties:
            x11.XFree(properties)
        return Desktop(size, managed)
    finally:
        x11.XCloseDisplay(display)
