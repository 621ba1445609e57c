"""How the service speaks with its workers: a head in JSON and bytes after it, over a pipe.

Nothing that comes from a worker is ever unpickled: it has handled the bytes of strangers.
"""

from __future__ import annotations

import asyncio
import io
import json
import struct
from typing import Any, Final, NamedTuple

#: Bytes of the head and of what follows.
_SIZES: Final = struct.Struct(">II")

#: More than these is no message of ours.
MOST_HEAD, MOST_BODY = 2**20, 2**28


class Message(NamedTuple):
    """head: JSON's types alone. body: any bytes."""

    head: dict[str, Any]
    body: bytes = b""


def packed(message: Message) -> bytes:
    """The bytes of a message. Raises ValueError for NaN and infinities, which are no JSON."""
    head = json.dumps(message.head, allow_nan=False, separators=(",", ":")).encode()
    return _SIZES.pack(len(head), len(message.body)) + head + message.body


def read(pipe: io.RawIOBase) -> Message | None:
    """The next message, None at the end of the pipe."""
    sizes = _exactly(pipe, _SIZES.size)
    if sizes is None:
        return None
    of_head, of_body = _SIZES.unpack(sizes)
    head, body = _exactly(pipe, of_head), _exactly(pipe, of_body)
    return None if head is None or body is None else Message(json.loads(head), body)


async def receive(stream: asyncio.StreamReader) -> Message:
    """The next message of a worker. Raises IncompleteReadError when it has died, ValueError for what is none."""
    of_head, of_body = _SIZES.unpack(await stream.readexactly(_SIZES.size))
    if of_head > MOST_HEAD or of_body > MOST_BODY:
        raise ValueError(f"no message: {of_head} and {of_body} bytes")
    head = json.loads(await stream.readexactly(of_head))
    if not isinstance(head, dict):
        raise ValueError("no message: not an object")
    return Message(head, await stream.readexactly(of_body))


def _exactly(pipe: io.RawIOBase, size: int) -> bytes | None:
    parts, left = [], size
    while left:
        part = pipe.read(min(left, 2**16))
        if not part:
            return None
        parts.append(part)
        left -= len(part)
    return b"".join(parts)
