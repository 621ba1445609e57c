"""Parts of the tests of the service: one that runs with real workers, and a client that speaks plain HTTP."""

from __future__ import annotations

import http.client
import json
import os
import queue
import re
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import cv2
import pytest

from configs.loader import load_with_counting
from configs.serving import Serve
from edge.service.serve import serve
from edge.sources import open_source


@pytest.fixture(scope="module")
def person() -> bytes:
    """A JPEG with somebody in it."""
    with open_source("demo") as demo:
        frame = next(iter(demo))
    return bytes(cv2.imencode(".jpg", cv2.resize(frame.image, (640, 360)))[1].tobytes())  # type: ignore[attr-defined]


@dataclass
class Answer:
    status: int
    headers: dict[str, str]
    body: bytes

    @property
    def content(self) -> Any:
        return json.loads(self.body)


@dataclass
class Api:
    """A service that runs, and how to reach it."""

    port: int
    folder: Path
    others: frozenset[int] = frozenset()

    @property
    def live(self) -> str:
        return f"ws://127.0.0.1:{self.port}/api/live"

    @property
    def uploads(self) -> Path:
        """Where the service keeps what it is sent."""
        (place,) = self.folder.glob("repsight-serve-*")
        return place

    def metrics(self) -> dict[str, float]:
        lines = self.ask("/metrics").body.decode().splitlines()
        return {name: float(value) for name, _, value in (line.rpartition(" ") for line in lines if line[0] != "#")}

    def pid(self, worker: str) -> int:
        """Of the process of a worker, such as `answers-0`."""
        (found,) = (pid for pid, name in workers().items() if name == worker and pid not in self.others)
        return found

    def until_ready(self) -> None:
        until_s = time.monotonic() + 60
        while self.ask("/ready").status != 200:
            assert time.monotonic() < until_s
            time.sleep(0.1)

    def ask(self, path: str, method: str | None = None, body: bytes | None = None, **headers: str) -> Answer:
        """One request: POST with a body, GET without; `content_type="x"` is the header Content-Type."""
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=60)
        names = {name.replace("_", "-"): value for name, value in headers.items()}
        connection.request(method or ("GET" if body is None else "POST"), path, body, names)
        response = connection.getresponse()
        answer = Answer(response.status, {k.lower(): v for k, v in response.getheaders()}, response.read())
        connection.close()
        return answer

    def ended(self, number: str) -> dict[str, Any]:
        """A job when it is done or has failed."""
        until_s = time.monotonic() + 60
        while time.monotonic() < until_s:
            job: dict[str, Any] = self.ask(f"/api/jobs/{number}").content
            if job["state"] in ("done", "failed"):
                return job
            time.sleep(0.05)
        raise AssertionError(f"it does not end: {job}")


def workers() -> dict[int, str]:
    """The workers of every service in this process, by their process ids."""
    found = {}
    for place in Path("/proc").glob("[0-9]*"):
        with suppress(OSError):
            words = (place / "cmdline").read_bytes().split(b"\0")
            parent = int((place / "stat").read_text().rpartition(")")[2].split()[1])
            if parent == os.getpid() and b"edge.service.worker" in words:
                found[int(place.name)] = words[-2].decode()
    return found


@contextmanager
def serving(folder: Path, *overrides: str) -> Iterator[Api]:
    """A service with these settings, on a port of its own."""
    settings = load_with_counting(Serve, "serve.yaml", ["port=0", f"folder={folder}", *overrides])
    others = frozenset(workers())
    end, news = threading.Event(), queue.SimpleQueue[str | Exception]()

    def run() -> None:
        try:
            serve(settings, end.is_set, news.put)
        except Exception as error:  # noqa: BLE001 - for the test's own thread
            news.put(error)

    thread = threading.Thread(target=run)
    thread.start()
    try:
        said: list[str] = []
        while "ready" not in said:
            one = news.get(timeout=60)
            if isinstance(one, Exception):
                raise one
            said.append(one)
        found = re.search(r"127\.0\.0\.1:(\d+)", " ".join(said))
        assert found is not None
        yield Api(int(found[1]), folder, others)
    finally:
        end.set()
        thread.join(30)
        assert not thread.is_alive()


@pytest.fixture(scope="package")
def api(tmp_path_factory: pytest.TempPathFactory, tiny_head: Path) -> Iterator[Api]:
    """A service with small limits, for all tests here that leave it as it is."""
    limits = ["limits.image_mb=2", "limits.unpacked_mb=8", "limits.video_mb=4", "limits.video_s=60",
              "limits.memory_mb=256", "limits.megapixels=4", "limits.live=2", f"head={tiny_head}"]  # fmt: skip
    with serving(tmp_path_factory.mktemp("service"), *limits) as running:
        yield running
