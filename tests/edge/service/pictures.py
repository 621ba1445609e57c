"""The pictures of the service's page in docs/, made with a real browser and the demo clip, as a file and as a camera.

python tests/edge/service/pictures.py docs
"""

from __future__ import annotations

import re
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

sys.path.insert(0, str(Path(__file__).parents[3]))

from tests.edge.browsing import PHONE, chromium, eventually
from tests.edge.service.film import write_camera

if TYPE_CHECKING:
    from playwright.sync_api import Page

ROOT = Path(__file__).parents[3]
DESK = {"width": 1280, "height": 800}

#: Moments of the demo clip: low in the third push-up, and in the fourth squat.
THIRD_PUSH_UP_S, FOURTH_SQUAT_S = 28.6, 12.2


@contextmanager
def served() -> Iterator[str]:
    """The address of a service that runs with its own settings."""
    command = [sys.executable, str(ROOT / "cli.py"), "serve", "--port", "0", "language=en"]
    with subprocess.Popen(command, stderr=subprocess.PIPE, text=True) as service:
        assert service.stderr is not None
        said = ""
        while "ready" not in said:
            line = service.stderr.readline()
            assert line, f"the service did not start: {said}"
            said += line
        found = re.search(r"http://\S+/", said)
        assert found is not None
        try:
            yield found[0]
        finally:
            service.terminate()


def shoot(folder: Path) -> list[Path]:
    """Give the demo clip to the page, and stand before its camera; returns the pictures' paths."""
    made = [folder / f"serve-{name}.jpg" for name in ("desktop", "phone", "webcam")]
    with tempfile.TemporaryDirectory() as scratch, served() as address:
        camera = write_camera(Path(scratch) / "squats.mjpeg", 2.0, 17.5)
        flags = ("--use-fake-device-for-media-stream", f"--use-file-for-fake-video-capture={camera}")
        with chromium(*flags) as browser:

            def visit(size: dict[str, int]) -> Page:
                page = browser.new_context(viewport=size, permissions=["camera"]).new_page()  # type: ignore[arg-type]
                page.goto(address)
                return page

            for path, size, time_s in ((made[0], DESK, THIRD_PUSH_UP_S), (made[1], PHONE, FOURTH_SQUAT_S)):
                page = visit(size)
                page.click("#example")
                _until(lambda page=page: page.is_visible("#json"))
                page.evaluate("time_s => { video.pause(); video.currentTime = time_s }", time_s)
                _until(lambda page=page: not page.evaluate("video.seeking"))
                page.wait_for_timeout(500)
                _shoot(page, path)
                page.close()
            page = visit(DESK)
            page.click("#camera")
            _until(lambda: page.inner_text("#number") == "3" and page.evaluate("parseFloat(fill.style.width) > 30"))
            _shoot(page, made[2])
    return made


def _shoot(page: Page, path: Path) -> None:
    page.screenshot(path=path, type="jpeg", quality=88)


def _until(true: Callable[[], object]) -> None:
    if not eventually(true, 300):
        raise TimeoutError


if __name__ == "__main__":
    for path in shoot(Path(sys.argv[1])):
        sys.stdout.write(f"wrote {path} ({path.stat().st_size // 1024} KB)\n")
