"""A real browser for tests: Debian's Chromium, without a display, driven by Playwright."""

from __future__ import annotations

import shutil
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

import pytest

if TYPE_CHECKING:
    from playwright.sync_api import Browser, BrowserContext, ConsoleMessage, Page

PHONE = {"width": 390, "height": 844}

#: What the browser itself writes of every answer that is a refusal.
_REFUSED = "Failed to load resource: the server responded with a status of 4"


def eventually(true: Callable[[], Any], seconds: float = 20.0) -> bool:
    """Whether it becomes true in a while."""
    until_s = time.monotonic() + seconds
    while not true():
        if time.monotonic() > until_s:
            return False
        time.sleep(0.02)
    return True


@contextmanager
def chromium(*flags: str) -> Iterator[Browser]:
    """One Chromium, started with these flags; the test skips where there is none."""
    sync_api = pytest.importorskip("playwright.sync_api", reason="needs the package playwright")
    found = shutil.which("chromium") or shutil.which("chromium-browser")
    if found is None:
        pytest.skip("no Chromium here: sudo apt-get install chromium")
    with sync_api.sync_playwright() as playwright:
        opened = playwright.chromium.launch(executable_path=found, args=["--no-sandbox", *flags])
        yield opened
        opened.close()


@contextmanager
def visiting(context: BrowserContext, *, silent: bool = False) -> Iterator[Callable[..., Page]]:
    """Opens pages that may not fail, nor ask anybody else, nor break their own policy.

    silent: they write no error into the console either, but what the browser says of a refusal.
    """
    troubles: list[str] = []

    def listen(line: ConsoleMessage) -> None:
        if "Content Security" in line.text or (silent and line.type == "error" and not line.text.startswith(_REFUSED)):
            troubles.append(line.text)

    def go(address: str, size: dict[str, Any] | None = None) -> Page:
        page = context.new_page()
        if size is not None:
            page.set_viewport_size(size)  # type: ignore[arg-type]
        origin = "/".join(address.split("/")[:3])
        own = (origin, f"blob:{origin}")
        page.on("pageerror", lambda error: troubles.append(str(error)))
        page.on("console", listen)
        page.on("request", lambda request: None if request.url.startswith(own) else troubles.append(request.url))
        page.goto(address)
        return page

    yield go
    context.close()
    assert troubles == []
