"""The kiosk: Chromium as large as the display, on the web screen; it waits for the screen by itself."""

from __future__ import annotations

import os
import shutil
from collections.abc import Callable, Mapping
from importlib import resources
from pathlib import Path
from typing import NoReturn

from keypoints.errors import MissingExtraError

#: Debian calls it `chromium`, earlier releases of Raspberry Pi OS `chromium-browser`.
BROWSERS = ("chromium", "chromium-browser")

_FLAGS = (
    "--kiosk", "--incognito", "--no-first-run", "--noerrdialogs", "--disable-infobars", "--disable-translate",
    "--disable-component-update", "--disable-pinch", "--overscroll-history-navigation=0", "--password-store=basic",
    "--check-for-update-interval=31536000",
)  # fmt: skip


def command(url: str, environ: Mapping[str, str], which: Callable[[str], str | None] = shutil.which) -> tuple[str, ...]:
    """What shows `url` here: Chromium on the desktop that runs, or else in cage, a desktop for one window.

    Raises MissingExtraError, with the command that mends it, when one of them is not installed.
    """
    browser = next((path for name in BROWSERS if (path := which(name))), None)
    if browser is None:
        raise MissingExtraError("the kiosk needs a browser", hint="sudo apt-get install chromium")
    profile = Path(environ.get("XDG_RUNTIME_DIR") or environ.get("HOME") or "/run") / "repsight-chromium"
    page = resources.files("edge.pi") / "waiting.html"
    shown = (browser, *_FLAGS, f"--user-data-dir={profile}", f"file://{page}#{url}")
    if environ.get("WAYLAND_DISPLAY"):
        return (*shown[:1], "--ozone-platform=wayland", *shown[1:])
    if environ.get("DISPLAY"):
        return shown
    cage = which("cage")
    if cage is None:
        raise MissingExtraError("the kiosk needs cage where there is no desktop", hint="sudo apt-get install cage")
    return (cage, "-s", "--", browser, "--ozone-platform=wayland", *shown[1:])


def show(url: str) -> NoReturn:
    """Become the kiosk. Raises MissingExtraError."""
    words = command(url, os.environ)
    os.execv(words[0], words)
