"""Screens: a window, a web page, the terminal, or none. Each is imported when it is asked for."""

from __future__ import annotations

import sys
from collections.abc import Callable

from configs.schema import Run
from edge.screens.base import Screen
from edge.words import language_of, words_in
from keypoints.errors import InputError

__all__ = ["SCREENS", "Screen", "open_screen"]


def _window(settings: Run) -> Screen:
    from edge.screens.window import WindowScreen

    return WindowScreen(settings.full_screen, words_in(language_of(settings.language)))


def _terminal(settings: Run) -> Screen:
    from edge.screens.terminal import TerminalScreen

    return TerminalScreen(words=words_in(language_of(settings.language)))


def _web(settings: Run) -> Screen:
    from edge.web.screen import WebScreen

    return WebScreen(settings)


SCREENS: dict[str, Callable[[Run], Screen]] = {
    "window": _window, "web": _web, "terminal": _terminal, "none": lambda _: Screen(),
}  # fmt: skip


def open_screen(settings: Run) -> Screen:
    """The screen that `settings.screen` names; `auto` is a window where one can open, else the terminal if it is one.

    Raises InputError when it can't be shown here.
    """
    if settings.screen != "auto":
        return SCREENS[settings.screen](settings)
    try:
        return SCREENS["window"](settings)
    except InputError:
        return SCREENS["terminal" if sys.stdout.isatty() else "none"](settings)
