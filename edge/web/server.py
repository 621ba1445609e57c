"""The server of every page: uvicorn in a thread of its own, and an end to connections that do not move."""

from __future__ import annotations

import asyncio
import logging
import socket
import threading
import time
from collections.abc import Callable, Iterable
from typing import Any, Final

import uvicorn
from starlette.types import ASGIApp

from configs.web import Listen
from edge.web.guard import Sparing
from keypoints.errors import InputError

log = logging.getLogger("repsight.web")

#: Bytes that the kernel keeps for one viewer, at most twice so many: what lies there is old when it arrives.
_SEND_BUFFER: Final = 64 * 1024
#: A request's head, and a viewer's message.
_MOST_HEAD, _MOST_MESSAGE = 16 * 1024, 1024
_GOODBYE_S: Final = 2
_LOGGERS: Final = ("repsight.web", "repsight.service", "uvicorn.error")


def listen(settings: Listen) -> socket.socket:
    """A socket that listens where the settings say. Raises InputError where that can't be."""
    host, port = settings.host, settings.port
    try:
        (family, _, _, _, address), *_ = socket.getaddrinfo(
            host, port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE
        )
    except OSError:
        raise InputError("no address of this machine", field=f"{settings.prefix}host", found=host,
                         hint="127.0.0.1 is this machine alone, 0.0.0.0 every network") from None  # fmt: skip
    listener = socket.socket(family, socket.SOCK_STREAM)
    try:
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, _SEND_BUFFER)  # each connection gets the same
        if family == socket.AF_INET6:
            listener.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 0)
        listener.bind(address)
        listener.listen(128)
    except OSError as error:
        listener.close()
        where = f"{settings.prefix}host {host}, {settings.prefix}port {port}"
        raise InputError(f"can't listen: {error.strerror}", field=where,
                         hint="--port takes another one, and 0 any that is free") from None  # fmt: skip
    return listener


class WebServer:
    """Serves an application until it is closed."""

    def __init__(
        self, app: ASGIApp, listener: socket.socket, patience_s: float, connections: int,
        attach: Callable[[asyncio.AbstractEventLoop], None], most_message: int = _MOST_MESSAGE,
    ) -> None:  # fmt: skip
        """patience_s: until a connection is broken off that does not move. connections: at the same time. attach: is
        told the event loop before anything is served. most_message: bytes, over WebSocket."""
        self._listener, self._patience_s, self._attach = listener, patience_s, attach
        self._sparing = Sparing()
        for name in _LOGGERS:
            logging.getLogger(name).addFilter(self._sparing)
        self._server = uvicorn.Server(
            uvicorn.Config(
                app, http="h11", ws="websockets-sansio", lifespan="off", log_config=None, access_log=False,
                proxy_headers=False, server_header=False, limit_concurrency=connections,
                timeout_graceful_shutdown=_GOODBYE_S, h11_max_incomplete_event_size=_MOST_HEAD,
                ws_max_size=most_message, ws_per_message_deflate=False, ws_ping_interval=patience_s,
                ws_ping_timeout=patience_s,
            )
        )  # fmt: skip
        self._thread = threading.Thread(target=self._run, name="web server", daemon=True)
        self._thread.start()

    def close(self) -> None:
        """Serve nobody any more."""
        self._server.should_exit = True
        self._thread.join(timeout=2 * _GOODBYE_S + 1)
        for name in _LOGGERS:
            logging.getLogger(name).removeFilter(self._sparing)

    def _run(self) -> None:
        asyncio.run(self._serve())

    async def _serve(self) -> None:
        self._attach(asyncio.get_running_loop())
        watch = asyncio.create_task(self._drop_stalled())
        try:
            await self._server.serve(sockets=[self._listener])
        finally:
            watch.cancel()

    async def _drop_stalled(self) -> None:
        """Break off connections that have not moved for `patience_s`: they hold memory, and a place."""
        patience = Patience(self._patience_s)
        while True:
            await asyncio.sleep(min(1.0, self._patience_s / 4))
            for connection in patience.lost(self._server.server_state.connections, time.monotonic()):
                peer = connection.transport.get_extra_info("peername")
                log.warning("dropped: %s takes nothing, or asks nothing", peer[0] if peer else "?")
                connection.transport.abort()


class Patience:
    """Tells which connections have not moved for too long."""

    def __init__(self, seconds: float) -> None:
        self._seconds = seconds
        self._stuck: dict[Any, tuple[float, int]] = {}

    def lost(self, connections: Iterable[Any], now_s: float) -> list[Any]:
        """The ones to break off. A connection is one of uvicorn's protocols."""
        stuck = {}
        for one in list(connections):
            unsent = one.transport.get_write_buffer_size()
            if not (unsent or _asks_nothing(one) or one.transport.is_closing()):
                continue
            since_s, before = self._stuck.get(one, (now_s, unsent))
            stuck[one] = (since_s if unsent == before else now_s, unsent)
        self._stuck = stuck
        return [one for one, (since_s, _) in stuck.items() if now_s - since_s >= self._seconds]


def _asks_nothing(connection: Any) -> bool:
    """Whether a request is being waited for, and uvicorn's own timeout for the next one is not running."""
    if not hasattr(connection, "cycle"):  # a WebSocket
        return False
    idle = connection.cycle is None or connection.cycle.response_complete
    return idle and connection.timeout_keep_alive_task is None
