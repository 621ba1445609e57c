"""What the service counts of itself, as Prometheus reads it (text format 0.0.4)."""

from __future__ import annotations

import re
import time
from collections import Counter
from collections.abc import Iterable, Mapping
from typing import Final

from starlette.types import ASGIApp, Message, Receive, Scope, Send

CONTENT_TYPE: Final = "text/plain; version=0.0.4; charset=utf-8"

_BOUNDS_S: Final = (0.01, 0.03, 0.1, 0.3, 1.0, 3.0, 10.0, 30.0)

_METHODS: Final = frozenset({"GET", "HEAD", "POST", "DELETE", "OPTIONS"})

#: The part of a path that is another one every time.
_PART: Final = re.compile(r"^(/api/jobs/|/static/)[^/]+")

#: One line: labels and value.
Sample = tuple[Mapping[str, object], float]


class Traffic:
    """Requests that have been answered: how many, and how long that took."""

    def __init__(self) -> None:
        self.now = 0
        self._count: Counter[tuple[str, str, int]] = Counter()
        self._seconds: Counter[str] = Counter()
        self._within: Counter[tuple[str, float]] = Counter()
        self._all: Counter[str] = Counter()

    def add(self, method: str, route: str, status: int, seconds: float) -> None:
        """One request."""
        self._count[method, route, status] += 1
        self._seconds[route] += seconds  # type: ignore[assignment]
        self._all[route] += 1
        for bound in _BOUNDS_S:
            if seconds <= bound:
                self._within[route, bound] += 1

    def lines(self) -> Iterable[str]:
        """In the text format."""
        counts = [({"method": m, "route": r, "status": s}, n) for (m, r, s), n in sorted(self._count.items())]
        yield from family("repsight_requests_total", "counter", "requests by what came of them", counts)
        name = "repsight_request_seconds"
        yield from family(name, "histogram", "from the request to the end of the answer", ())
        for route, count in sorted(self._all.items()):
            for bound in _BOUNDS_S:
                yield _line(f"{name}_bucket", {"route": route, "le": bound}, self._within[route, bound])
            yield _line(f"{name}_bucket", {"route": route, "le": "+Inf"}, count)
            yield _line(f"{name}_sum", {"route": route}, self._seconds[route])
            yield _line(f"{name}_count", {"route": route}, count)
        yield from family("repsight_requests_now", "gauge", "requests that are being answered", [({}, self.now)])


class Measured:
    """An ASGI application around another one that counts its requests."""

    def __init__(self, app: ASGIApp, traffic: Traffic, routes: Iterable[str]) -> None:
        """routes: paths that are counted by their own names, `*` in place of a job's or a file's."""
        self._app, self._traffic, self._routes = app, traffic, frozenset(routes)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Let the application answer."""
        if scope["type"] not in ("http", "websocket"):
            await self._app(scope, receive, send)
            return
        status, start_s = 0, time.perf_counter()

        async def watched(message: Message) -> None:
            nonlocal status
            if message["type"] in ("http.response.start", "websocket.http.response.start"):
                status = int(message["status"])
            elif message["type"] == "websocket.accept":
                status = 101
            await send(message)

        self._traffic.now += 1
        try:
            await self._app(scope, receive, watched)
        finally:
            self._traffic.now -= 1
            method = scope["method"] if scope["type"] == "http" else "GET"
            known = method if method in _METHODS else "other"
            self._traffic.add(known, self._route(scope), status, time.perf_counter() - start_s)

    def _route(self, scope: Scope) -> str:
        path = _PART.sub(r"\1*", scope["path"])
        return path if path in self._routes else "other"


def family(name: str, kind: str, what: str, samples: Iterable[Sample]) -> Iterable[str]:
    """The lines of one metric."""
    yield f"# HELP {name} {what}"
    yield f"# TYPE {name} {kind}"
    for labels, value in samples:
        yield _line(name, labels, value)


def _line(name: str, labels: Mapping[str, object], value: float) -> str:
    inside = ",".join(f'{key}="{value}"' for key, value in labels.items())
    return f"{name}{{{inside}}} {value:g}" if inside else f"{name} {value:g}"
