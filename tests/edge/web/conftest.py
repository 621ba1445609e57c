"""Parts of the tests of the web screen: a screen that serves, and clients that speak plain HTTP."""

from __future__ import annotations

import http.client
import socket
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest

from configs.schema import Run
from edge.reading import Reading
from edge.scoreboard import Scoreboard
from edge.web.screen import WebScreen
from keypoints.types import Pose
from tests.edge.browsing import PHONE as PHONE
from tests.edge.browsing import chromium, visiting
from tests.edge.browsing import eventually as eventually

if TYPE_CHECKING:
    from playwright.sync_api import Browser, Page

PICTURE = np.full((72, 128, 3), 90, np.uint8)


def reading(time_s: float = 1.0, **fields: Any) -> Reading:
    keypoints = np.column_stack([np.linspace(20, 100, 17), np.linspace(5, 70, 17), np.full(17, 0.9)]).astype(np.float32)
    pose = Pose(keypoints, np.array([10, 5, 110, 70], np.float32), 0.9)
    content = {"pose": pose, "action": "squat", "confidence": 0.9, "state": "counting", "phase": 2.0,
               "reps": {"squat": 12, "push_up": 4}, "holds_s": {"plank": 5.2}}  # fmt: skip
    return Reading(time_s=time_s, **{**content, **fields})


@dataclass
class Answer:
    status: int
    headers: dict[str, str]
    body: bytes


@dataclass
class Site:
    """A web screen that serves, and how to reach it."""

    screen: WebScreen
    port: int
    token: str | None

    def __post_init__(self) -> None:
        self._board = Scoreboard()

    def tell(self, one: Reading | None = None, picture: bool = True) -> None:
        """Show a reading, as the loop does."""
        one = one or reading()
        self.screen.look(PICTURE if picture else None, (128, 72))
        assert self.screen.show(None, self._board.update(one), one)

    def ask(self, path: str, method: str = "GET", body: bytes | None = None, **headers: str) -> Answer:
        """One request; `sec_fetch_site="x"` is the header Sec-Fetch-Site. The path goes out as it is."""
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=20)
        connection.putrequest(method, path, skip_host="host" in headers, skip_accept_encoding=True)
        for name, value in headers.items():
            connection.putheader(name.replace("_", "-"), value)
        if body is not None and "content_length" not in headers:
            connection.putheader("Content-Length", str(len(body)))
        connection.endheaders(body)
        response = connection.getresponse()
        answer = Answer(response.status, {k.lower(): v for k, v in response.getheaders()}, response.read())
        connection.close()
        return answer

    def raw(self, request: bytes, receive: int = 65_536) -> socket.socket:
        """A connection that has sent these bytes, with a receive buffer of so many."""
        client = socket.socket()
        client.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, receive)
        client.settimeout(20)
        client.connect(("127.0.0.1", self.port))
        client.sendall(request.replace(b"HOST", f"127.0.0.1:{self.port}".encode()))
        return client

    @property
    def live(self) -> str:
        return f"ws://127.0.0.1:{self.port}/api/live"


Serve = Callable[..., Site]


@contextmanager
def serving(log: Path) -> Iterator[Serve]:
    """Makes web screens with settings of `web`, each on a port of its own; their history is in `log`."""
    with ExitStack() as screens:

        def make(**web: Any) -> Site:
            content = {"screen": "web", "log": str(log), "language": "en", "web": {"port": 0, **web}}
            screen = screens.enter_context(WebScreen(Run.model_validate(content)))
            host, _, token = screen.invitation.here.partition("/?token=")
            return Site(screen, int(host.rstrip("/").rpartition(":")[2]), token or None)

        yield make


@pytest.fixture
def serve(tmp_path: Path) -> Iterator[Serve]:
    """Makes a web screen with settings of `web`; its history is in tmp_path/log."""
    with serving(tmp_path / "log") as make:
        yield make


@pytest.fixture
def site(serve: Serve) -> Site:
    """One for this machine alone."""
    return serve()


@pytest.fixture
def guarded(serve: Serve) -> Site:
    """One for the network, behind a token."""
    return serve(host="0.0.0.0")


@pytest.fixture(scope="module")
def shared_serve(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Serve]:
    """Makes web screens for a whole module, for tests that leave no trace."""
    with serving(tmp_path_factory.mktemp("web") / "log") as make:
        yield make


@pytest.fixture(scope="module")
def shared_site(shared_serve: Serve) -> Site:
    """The same as `site`, for all of them."""
    return shared_serve()


@pytest.fixture(scope="module")
def shared_guarded(shared_serve: Serve) -> Site:
    """The same as `guarded`, for all of them."""
    return shared_serve(host="0.0.0.0")


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    """One Chromium for all of them."""
    with chromium() as opened:
        yield opened


@pytest.fixture
def visit(browser: Browser) -> Iterator[Callable[..., Page]]:
    """Opens a page that may not fail, nor ask anybody else."""
    with visiting(browser.new_context(viewport={"width": 1280, "height": 720}, accept_downloads=True)) as go:
        yield go


def address(site: Site, path: str = "/") -> str:
    return f"http://127.0.0.1:{site.port}{path}"


def text(page: Page, name: str) -> str:
    return str(page.evaluate(f"document.getElementById('{name}').textContent"))
