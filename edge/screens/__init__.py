"""Screens: a window, a web page, the terminal, or none. Each is imported when it is asked for."""

from __future__ import annotations

import sys
from importlib import import_module

from configs.schema import Run
from configs.screens import SCREENS
from edge.screens.base import Screen
from keypoints.errors import InputError

__all__ = ["Screen", "open_screen"]


def open_screen(settings: Run) -> Screen:
    """The screen that `settings.screen` names; `auto` is a window where one can open, else the terminal if it is one.

    Raises InputError when it can't be shown here.
    """
    if settings.screen != "auto":
        return _open(settings.screen, settings)
    try:
        return _open("window", settings)
    except InputError:
        return _open("terminal" if sys.stdout.isatty() else "none", settings)


def _open(name: str, settings: Run) -> Screen:
    module, _, kind = SCREENS[name].partition(":")
    screen: Screen = getattr(import_module(module), kind).open(settings)
    return screen
