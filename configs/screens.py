"""The screens that a run can have: a line each, and a further one needs no other."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final, Literal

#: By name: `module:class` of a `Screen`, imported when it is asked for.
SCREENS: Final = {
    "window": "edge.screens.window:WindowScreen",
    "web": "edge.web.screen:WebScreen",
    "terminal": "edge.screens.terminal:TerminalScreen",
    "none": "edge.screens.base:Screen",
}

#: What `screen` may be; `auto` is the best that the machine has.
CHOICES: Final = ("auto", *SCREENS)

if TYPE_CHECKING:
    ScreenName = str
else:
    ScreenName = Literal[CHOICES]
