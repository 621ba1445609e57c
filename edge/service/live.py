"""Somebody before a webcam: pictures come over WebSocket, each is answered with a reading."""

from __future__ import annotations

import asyncio
import secrets
import time
from contextlib import suppress
from typing import TYPE_CHECKING, Final

from fastapi import APIRouter, Response, WebSocket
from starlette.websockets import WebSocketDisconnect

from edge.service.kinds import ENOUGH, refusal_of
from edge.service.refusal import RefusedError
from edge.service.wire import Message

if TYPE_CHECKING:
    from edge.service.service import Service

#: Close codes of RFC 6455, section 7.4.1.
_GOING_AWAY, _UNSUPPORTED, _BROKEN = 1001, 1003, 1011

_CONFLICT: Final = 409


def live_routes(service: Service) -> APIRouter:
    """`/api/live`."""
    router = APIRouter()

    @router.websocket("/api/live")
    async def live(socket: WebSocket) -> None:
        """Each picture (JPEG, PNG, WebP; a binary message) is answered with a reading, one after the other."""
        if service.live >= service.limits.live:
            headers = {"retry-after": "10"}
            await socket.send_denial_response(
                Response('{"detail":"too many at once"}', 503, headers, "application/json")
            )
            return
        service.live += 1
        try:
            await socket.accept()
            await _follow(socket, service)
        except WebSocketDisconnect:
            pass
        finally:
            service.live -= 1

    return router


async def _follow(socket: WebSocket, service: Service) -> None:
    who, worker = secrets.token_urlsafe(12), service.pool.choose()
    began_s, pictures = time.monotonic(), 0
    worker.load += 1
    try:
        while True:
            try:
                message = await asyncio.wait_for(socket.receive(), service.limits.live_idle_s)
            except TimeoutError:
                await socket.close(_GOING_AWAY, "no picture for a while")
                return
            if message["type"] == "websocket.disconnect":
                return
            picture = message.get("bytes")
            if picture is None:
                await socket.close(_UNSUPPORTED, "not a picture")
                return
            head = {"do": "live", "who": who, "begins": pictures == 0, "time_s": time.monotonic() - began_s}
            try:
                refusal = refusal_of(picture[:ENOUGH], "image")
                if refusal is not None:
                    raise RefusedError(*refusal)
                answer = await service.pool.ask(Message(head, picture), service.limits.answer_s, worker)
            except RefusedError as error:
                if error.status == _CONFLICT:
                    await socket.close(_BROKEN, str(error))
                    return
                await socket.send_json({"detail": str(error)})
            else:
                pictures += 1
                service.pictures += 1
                await socket.send_text(answer.body.decode().rstrip())
    finally:
        worker.load -= 1
        if pictures:
            with suppress(RefusedError):
                await worker.ask(Message({"do": "forget", "who": who}), service.limits.answer_s)
