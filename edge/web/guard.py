"""The door of a server: every request is looked at before anything answers it, and every answer is sealed."""

from __future__ import annotations

import asyncio
import json
import logging
import time
from collections.abc import Callable, Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from typing import Final
from urllib.parse import parse_qs

from starlette.types import ASGIApp, Message, Receive, Scope, Send

from edge.web.access import Access

log = logging.getLogger("repsight.web")

COOKIE: Final = "repsight"
_COOKIE_AGE_S: Final = 365 * 86_400

#: Of a request that needs no body; a client that sends one all the same may.
MOST_BODY: Final = 16 * 1024

#: What is still taken of a body that is refused, so that a client who sends before it listens gets to hear why.
_LINGER_BYTES, _LINGER_S = 64 * 2**20, 1.5

NO_TOKEN: Final = "no token"
WRONG_TOKEN: Final = "a wrong token"

_STATIC: Final = "/static/"

#: No script, style, picture or frame of anybody else, and none that is written into a page.
_POLICY: Final = (
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; font-src 'self'; manifest-src 'self'; "
    "{media}connect-src 'self' ws://{host} wss://{host}; base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
)
_SEALS: Final = (
    (b"x-content-type-options", b"nosniff"),
    (b"x-frame-options", b"DENY"),
    (b"referrer-policy", b"no-referrer"),
    (b"cross-origin-opener-policy", b"same-origin"),
    (b"cache-control", b"no-store"),
)

#: Not on refusals, which tell nothing: a kiosk's own page may see by one that the server is there.
_OURS_ALONE: Final = (b"cross-origin-resource-policy", b"same-origin")

#: Where programs ask, who get a refusal as JSON.
_DATA: Final = ("/api/", "/metrics")


@dataclass(frozen=True, slots=True)
class Rules:
    """In what the servers differ. bodies: bytes that the body of a request to a path may have, where that is more than
    MOST_BODY. open: what may be had without the token, by how it begins: it says nothing of anybody. camera: whether
    its pages may use the viewer's camera, and play what the viewer has chosen. names: the setting with its names."""

    bodies: Mapping[str, int] = field(default_factory=dict)
    open: tuple[str, ...] = (_STATIC,)
    camera: bool = False
    names: str = "`web.names` of run.yaml"


@dataclass(frozen=True, slots=True)
class Refusal:
    """status: of HTTP. reason: for the user, one line. headers: that go with it."""

    status: int
    reason: str
    headers: tuple[tuple[bytes, bytes], ...] = ()


class Guard:
    """An ASGI application around another one."""

    def __init__(
        self, app: ASGIApp, access: Access, page: Callable[[Refusal], str], rules: Rules | None = None
    ) -> None:
        """page: a refusal as HTML, for people."""
        self._app, self._access, self._page, self._rules = app, access, page, rules or Rules()
        camera = "self" if self._rules.camera else ""
        allowed = f"camera=({camera}), microphone=(), geolocation=()"
        self._seals = (*_SEALS, (b"permissions-policy", allowed.encode()))
        self._media = "media-src 'self' blob:; " if self._rules.camera else ""

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer with a refusal, or let the application answer."""
        if scope["type"] not in ("http", "websocket"):
            await self._app(scope, receive, send)
            return
        headers = {name.decode("latin-1"): value.decode("latin-1") for name, value in scope["headers"]}
        given = _query_token(scope)
        refusal = self._judge(scope, headers, given)
        if refusal is not None:
            who = scope["client"][0] if scope.get("client") else "?"
            what = f"{scope.get('method', 'WebSocket')} {scope['path'][:80]!r}"
            log.warning("refused: %s from %s: %d, %s", what, who, refusal.status, refusal.reason)
            await self._refuse(refusal, scope, headers, receive, send)
            return
        policy = _POLICY.format(host=headers["host"], media=self._media)
        extra = [*self._seals, _OURS_ALONE, (b"content-security-policy", policy.encode())]
        if self._access.token is not None and given is not None:
            cookie = f"{COOKIE}={given}; Path=/; Max-Age={_COOKIE_AGE_S}; HttpOnly; SameSite=Strict"
            # Only a proxy that speaks TLS says so; somebody who lies about it keeps the cookie from themselves.
            if headers.get("x-forwarded-proto") == "https":
                cookie += "; Secure"
            extra.append((b"set-cookie", cookie.encode()))
        await self._app(scope, receive, _sealing(send, extra))

    def _judge(self, scope: Scope, headers: Mapping[str, str], given: str | None) -> Refusal | None:
        """What is wrong with a request, None for a good one."""
        host = headers.get("host", "")
        if not self._access.serves(host):
            return Refusal(421, f"this machine is not called that; its names are {self._rules.names}")
        changes = scope["type"] == "websocket" or scope["method"] not in ("GET", "HEAD", "OPTIONS")
        origin = headers.get("origin")
        if (
            origin is not None
            and changes
            and origin.lower() not in (f"http://{host.lower()}", f"https://{host.lower()}")
        ):
            return Refusal(403, "a page of another origin asks")
        if headers.get("sec-fetch-site") in ("cross-site", "same-site"):
            followed = headers.get("sec-fetch-mode") == "navigate" and not changes
            if not followed:  # a link to a page may be anywhere
                return Refusal(403, "a page of another origin asks")
        if "transfer-encoding" in headers:
            return Refusal(411, "a body without its length")
        most = self._rules.bodies.get(scope["path"], MOST_BODY) if changes else MOST_BODY
        if _length(headers) > most:
            return Refusal(413, f"a body of more than {most} bytes", ((b"connection", b"close"),))
        if scope["path"].startswith(self._rules.open):
            return None
        token = given or _bearer(headers.get("authorization", "")) or _cookie(headers.get("cookie", ""))
        if not self._access.admits(token):
            what = NO_TOKEN if token is None else WRONG_TOKEN
            return Refusal(401, what, ((b"www-authenticate", b"Bearer"),))
        return None

    async def _refuse(
        self, refusal: Refusal, scope: Scope, headers: Mapping[str, str], receive: Receive, send: Send
    ) -> None:
        as_page = scope["type"] == "http" and not scope["path"].startswith((*_DATA, *self._rules.open))
        text = self._page(refusal) if as_page else json.dumps({"detail": refusal.reason})
        body, kind = text.encode(), "text/html" if as_page else "application/json"
        # The header may be anything here, so it is not repeated.
        seals = [*self._seals, (b"content-security-policy", b"default-src 'none'; style-src 'self'; font-src 'self'")]
        about = [(b"content-type", f"{kind}; charset=utf-8".encode()), (b"content-length", str(len(body)).encode())]
        prefix = "websocket.http" if scope["type"] == "websocket" else "http"
        start = {"status": refusal.status, "headers": [*about, *refusal.headers, *seals]}
        await send({"type": f"{prefix}.response.start", **start})
        lingers = scope["type"] == "http" and _length(headers) > MOST_BODY
        await send({"type": f"{prefix}.response.body", "body": body, "more_body": lingers})
        if lingers:
            await _let_go(receive)
            await send({"type": f"{prefix}.response.body"})


async def _let_go(receive: Receive) -> None:
    """Take a part of a body that nobody wants."""
    left = _LINGER_BYTES
    with suppress(TimeoutError):
        async with asyncio.timeout(_LINGER_S):
            while left > 0:
                message = await receive()
                left -= len(message.get("body", b""))
                if not message.get("more_body"):
                    return


def _length(headers: Mapping[str, str]) -> int:
    return int(headers.get("content-length") or 0)


def _sealing(send: Send, extra: list[tuple[bytes, bytes]]) -> Send:
    async def sealed(message: Message) -> None:
        if message["type"] == "http.response.start":
            message = {**message, "headers": [*message.get("headers", ()), *extra]}
        await send(message)

    return sealed


def _query_token(scope: Scope) -> str | None:
    values = parse_qs(scope["query_string"].decode("latin-1")).get("token")
    return values[0] if values else None


def _bearer(header: str) -> str | None:
    scheme, _, token = header.partition(" ")
    return token.strip() or None if scheme.lower() == "bearer" else None


def _cookie(header: str) -> str | None:
    for part in header.split(";"):
        name, _, value = part.strip().partition("=")
        if name == COOKIE:
            return value
    return None


class Sparing(logging.Filter):
    """Lets a few lines through in a while, and counts the others: who knocks on the door all day fills no disk."""

    def __init__(self, lines: int = 5, every_s: float = 10.0, clock: Callable[[], float] = time.monotonic) -> None:
        super().__init__()
        self._lines, self._every_s, self._clock = lines, every_s, clock
        self._since_s, self._said, self._kept = -every_s, 0, 0

    def filter(self, record: logging.LogRecord) -> bool:
        """Whether the line is written; the first one after silence tells how many were not."""
        now_s = self._clock()
        if now_s - self._since_s >= self._every_s:
            if self._kept:
                record.msg = f"{record.msg} (and {self._kept} more before)"
            self._since_s, self._said, self._kept = now_s, 0, 0
        self._said += 1
        self._kept += self._said > self._lines
        return self._said <= self._lines
