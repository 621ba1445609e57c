"""The kiosk finds the browser, waits for the web screen, and then shows it."""

from __future__ import annotations

import shutil
import subprocess
import threading
from collections.abc import Mapping
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import ClassVar

import pytest

from edge.pi.kiosk import command
from keypoints.errors import MissingExtraError

URL = "http://127.0.0.1:8000/"


@pytest.mark.parametrize(
    ("environ", "first"),
    [
        ({}, ["/usr/bin/cage", "-s", "--", "/usr/bin/chromium", "--ozone-platform=wayland"]),
        ({"WAYLAND_DISPLAY": "wayland-0"}, ["/usr/bin/chromium", "--ozone-platform=wayland", "--kiosk"]),
        ({"DISPLAY": ":0"}, ["/usr/bin/chromium", "--kiosk"]),
    ],
)
def test_chromium_is_shown_on_the_desktop_that_runs_or_in_cage(environ: Mapping[str, str], first: list[str]) -> None:
    words = command(URL, environ, lambda name: f"/usr/bin/{name}")
    assert list(words[: len(first)]) == first
    assert words[-1].startswith("file:///") and words[-1].endswith(f"waiting.html#{URL}")


@pytest.mark.parametrize(("here", "mend"), [((), "install chromium"), (("chromium-browser",), "install cage")])
def test_what_is_not_installed_is_said_with_the_command_that_mends_it(here: tuple[str, ...], mend: str) -> None:
    with pytest.raises(MissingExtraError, match=mend):
        command(URL, {}, lambda name: f"/usr/bin/{name}" if name in here else None)


class Answering(BaseHTTPRequestHandler):
    """A web screen as far as the waiting page can tell: it remembers how it was asked."""

    modes: ClassVar[list[str | None]] = []

    def do_GET(self) -> None:
        self.modes.append(self.headers["Sec-Fetch-Mode"])
        self.send_response(200)
        self.end_headers()
        self.wfile.write(b"<title>Counting</title>")

    def log_message(self, format: str, *args: object) -> None:
        pass


@pytest.mark.slow
def test_the_page_that_waits_goes_to_the_screen_when_there_is_one(tmp_path: Path) -> None:
    browser = shutil.which("chromium")
    if browser is None:
        pytest.skip("no Chromium here: apt-get install chromium")

    def seen(url: str) -> str:
        page = command(url, {"DISPLAY": ":0"}, lambda name: browser)[-1]
        flags = ["--headless", "--no-sandbox", "--disable-gpu", f"--user-data-dir={tmp_path}", "--dump-dom"]
        done = subprocess.run([browser, *flags, "--virtual-time-budget=4000", page],
                              capture_output=True, text=True, check=True, timeout=120)  # fmt: skip
        return done.stdout

    with ThreadingHTTPServer(("127.0.0.1", 0), Answering) as server:
        url = f"http://127.0.0.1:{server.server_port}/"
        server.server_close()
        assert "Starting" in seen(url)
    with ThreadingHTTPServer(("127.0.0.1", 0), Answering) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        seen(f"http://127.0.0.1:{server.server_port}/")
        server.shutdown()
    assert Answering.modes[:2] == ["no-cors", "navigate"]
