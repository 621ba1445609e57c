"""What is happening now: readings over WebSocket, video as Motion JPEG."""

from __future__ import annotations

import asyncio
import json
import logging
import threading
import time
from collections import deque
from collections.abc import AsyncIterator, Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from typing import Final

from fastapi import APIRouter, HTTPException, Response, WebSocket
from fastapi.responses import StreamingResponse
from starlette.types import Receive, Scope, Send
from starlette.websockets import WebSocketDisconnect, WebSocketState

from edge.web.message import Now, Told
from edge.web.newest import Newest, OverError
from edge.web.picture import BOUNDARY, Encoder

log = logging.getLogger("repsight.web")

#: What a viewer may ask for, and the key of a window that does the same.
_KEYS: Final[Mapping[str, str]] = {"skip": "n", "reset": "r"}

#: More messages than these in a second are no person's.
_MOST_MESSAGES: Final = 10

#: Close codes of RFC 6455, section 7.4.1.
_GOING_AWAY, _UNSUPPORTED, _NOT_JSON, _AGAINST_THE_RULES = 1001, 1003, 1007, 1008


@dataclass(slots=True)
class Show:
    """What the runner and the viewers share. came: somebody watches, or has. keys: pressed by viewers, for the loop."""

    most_viewers: int
    told: Newest[Told] = field(default_factory=Newest)
    encoder: Encoder | None = None
    viewers: int = 0
    came: threading.Event = field(default_factory=threading.Event)
    keys: deque[str] = field(default_factory=lambda: deque(maxlen=4))


class _BadMessageError(Exception):
    """A message that is against the rules."""

    def __init__(self, code: int, reason: str) -> None:
        super().__init__(reason)
        self.code, self.reason = code, reason


def live_routes(show: Show) -> APIRouter:
    """`/api/live`, `/api/now` and `/api/video`."""
    router = APIRouter()

    @router.get("/api/now", response_model=Now, responses={204: {"description": "nothing was read yet"}}, tags=["live"])
    async def now() -> Response:
        """The newest reading."""
        told = show.told.value
        if told is None:
            return Response(status_code=204)
        return Response(told.text, media_type="application/json")

    @router.get(
        "/api/video",
        response_class=StreamingResponse,
        responses={
            200: {"content": {f"multipart/x-mixed-replace; boundary={BOUNDARY}": {}}, "description": "Motion JPEG"},
            404: {"description": "no picture is shown"},
            503: {"description": "too many watch"},
        },
        tags=["live"],
    )
    async def video() -> StreamingResponse:
        """The pictures, with the skeleton drawn in."""
        if show.encoder is None:
            raise HTTPException(404, "no picture is shown")
        if show.encoder.watchers >= show.most_viewers:
            raise HTTPException(503, "too many watch")
        return Film(show.encoder)

    @router.websocket("/api/live")
    async def live(socket: WebSocket) -> None:
        """Each reading as a `Now`, the newest alone for who is slow. A viewer may send {"do": WHAT}, one of `can`."""
        if show.viewers >= show.most_viewers:
            await socket.send_denial_response(Response("too many watch", 503))
            return
        show.viewers += 1
        try:
            await socket.accept()
            show.came.set()
            await _serve(socket, show)
        finally:
            show.viewers -= 1

    return router


class Film(StreamingResponse):
    """The stream of one viewer; while there is one, frames are encoded."""

    def __init__(self, encoder: Encoder) -> None:
        super().__init__(_parts(encoder.parts), media_type=f"multipart/x-mixed-replace; boundary={BOUNDARY}")
        self._encoder = encoder

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Stream until the session or the viewer has gone."""
        self._encoder.watchers += 1
        try:
            await super().__call__(scope, receive, send)
        finally:
            self._encoder.watchers -= 1


async def _parts(parts: Newest[bytes]) -> AsyncIterator[bytes]:
    yield f"--{BOUNDARY}\r\n".encode()
    number = 0
    with suppress(OverError):
        while True:
            number, part = await parts.after(number)
            yield part


async def _serve(socket: WebSocket, show: Show) -> None:
    """Tell and listen until one of them ends."""
    tasks = [asyncio.create_task(_tell(socket, show.told)), asyncio.create_task(_listen(socket, show.keys))]
    try:
        done, _ = await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
    finally:
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
    try:
        for task in done:
            task.result()
    except _BadMessageError as error:
        log.warning("refused: a message of %s: %d, %s", socket.client.host if socket.client else "?", error.code, error)
        await _close(socket, error.code, error.reason)
    except OverError:
        await _close(socket, _GOING_AWAY, "the session has ended")
    except WebSocketDisconnect:
        pass


async def _close(socket: WebSocket, code: int, reason: str) -> None:
    if socket.application_state is WebSocketState.CONNECTED:
        with suppress(WebSocketDisconnect, RuntimeError):  # gone meanwhile
            await socket.close(code, reason)


async def _tell(socket: WebSocket, told: Newest[Told]) -> None:
    number = 0
    while True:
        number, newest = await told.after(number)
        await socket.send_text(newest.text)


async def _listen(socket: WebSocket, keys: deque[str]) -> None:
    times: deque[float] = deque(maxlen=_MOST_MESSAGES)
    while True:
        message = await socket.receive()
        if message["type"] == "websocket.disconnect":
            raise WebSocketDisconnect(message.get("code", 1005))
        now_s = time.monotonic()
        if len(times) == _MOST_MESSAGES and now_s - times[0] < 1:
            raise _BadMessageError(_AGAINST_THE_RULES, "too many messages")
        times.append(now_s)
        keys.append(_key(message.get("text")))


def _key(text: str | None) -> str:
    """The key that a message asks for."""
    if text is None:
        raise _BadMessageError(_UNSUPPORTED, "not text")
    try:
        asked = json.loads(text)
    except (ValueError, RecursionError):
        raise _BadMessageError(_NOT_JSON, "not JSON") from None
    if not isinstance(asked, dict) or set(asked) != {"do"} or not isinstance(asked["do"], str):
        raise _BadMessageError(_AGAINST_THE_RULES, 'expected {"do": "skip"}')
    key = _KEYS.get(asked["do"])
    if key is None:
        raise _BadMessageError(_AGAINST_THE_RULES, f"expected one of {', '.join(_KEYS)}")
    return key
