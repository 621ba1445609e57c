"""Where uploads and results lie while they are needed: a folder that is gone with the service."""

from __future__ import annotations

import asyncio
import fcntl
import os
import shutil
import tempfile
import time
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager, suppress
from pathlib import Path
from typing import Final, Self

from fastapi import Request
from starlette.requests import ClientDisconnect

from configs.serving import Limits
from edge.service.kinds import ENOUGH, Kind, refusal_of
from edge.service.refusal import RefusedError, busy
from keypoints.errors import InputError

_PREFIX: Final = "repsight-serve-"
_LOCK: Final = "in-use"

#: Written at once.
_PIECE: Final = 2**18


class Folder:
    """A folder of this process alone. A context manager: at its end it is gone, with everything in it.

    One that a killed process left is removed when the next one begins.
    """

    def __init__(self, parent: str | None) -> None:
        """parent: None for the system's temporary folder. Raises InputError where nothing can be made."""
        place = Path(parent) if parent is not None else Path(tempfile.gettempdir())
        try:
            _tidy(place)
            self.path = Path(tempfile.mkdtemp(prefix=_PREFIX, dir=place))
        except OSError as error:
            raise InputError(f"nothing can be kept here: {error.strerror}", file=place, field="folder") from None
        self._lock = _locked(self.path / _LOCK)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        shutil.rmtree(self.path, ignore_errors=True)
        if self._lock is not None:
            os.close(self._lock)


def _locked(path: Path) -> int | None:
    """A handle that holds the lock until its process ends, None while another one does."""
    handle = os.open(path, os.O_RDWR | os.O_CREAT | os.O_NOFOLLOW, 0o600)
    try:
        fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError:
        os.close(handle)
        return None
    return handle


def _tidy(place: Path) -> None:
    """Remove what killed services of this user have left."""
    for left in place.glob(f"{_PREFIX}*"):
        with suppress(OSError):
            if left.is_symlink() or left.stat().st_uid != os.getuid() or not (left / _LOCK).is_file():
                continue
            handle = _locked(left / _LOCK)
            if handle is not None:
                shutil.rmtree(left, ignore_errors=True)
                os.close(handle)


class Uploads:
    """Takes the bodies of requests into files."""

    def __init__(self, folder: Path, limits: Limits, patience_s: float, kept: Callable[[], int]) -> None:
        """patience_s: for the next piece of a body. kept: how many bytes are kept of bodies that came before."""
        self._folder, self._limits, self._patience_s, self._kept = folder, limits, patience_s, kept
        self._number = self._coming = 0
        self._deadlines: set[asyncio.Timeout] = set()
        self.now = 0
        self.bytes = 0

    @asynccontextmanager
    async def take(self, request: Request, *wanted: Kind) -> AsyncIterator[Path]:
        """The body as a file, which is gone at the end unless it was moved. Its length is the guard's business.

        Raises RefusedError: for a body of another kind, as soon as that can be told; when it comes too slowly.
        """
        if request.headers.get("content-type", "").startswith("multipart/"):
            raise RefusedError(415, "send the file itself as the body, not a form: curl --data-binary @FILE")
        size = int(request.headers.get("content-length", 0))
        if self._kept() + self._coming + size > self._limits.disk_mb * 2**20:
            raise busy("no room for another upload at the moment", 30)
        self.now += 1
        self._number += 1
        self._coming += size
        path = self._folder / f"upload-{self._number}"
        try:
            await self._write(request, path, wanted)
            yield path
        finally:
            self.now -= 1
            self._coming -= size
            await asyncio.to_thread(path.unlink, missing_ok=True)

    def close(self) -> None:
        """Give up what is still coming."""
        for deadline in self._deadlines:
            deadline.reschedule(asyncio.get_running_loop().time())

    async def _write(self, request: Request, path: Path, wanted: tuple[Kind, ...]) -> None:
        try:
            with path.open("wb") as file:
                async with asyncio.timeout(self._limits.upload_s) as deadline, self._noted(deadline):
                    async for piece in self._pieces(request, wanted):
                        await asyncio.to_thread(file.write, piece)
                        self.bytes += len(piece)
        except TimeoutError:
            raise RefusedError(408, "the body comes too slowly") from None
        except ClientDisconnect:
            raise RefusedError(400, "the body ends early") from None
        except OSError as error:
            raise busy(f"the body can't be kept: {error.strerror}", 30) from None

    @asynccontextmanager
    async def _noted(self, deadline: asyncio.Timeout) -> AsyncIterator[None]:
        self._deadlines.add(deadline)
        try:
            yield
        finally:
            self._deadlines.discard(deadline)

    async def _pieces(self, request: Request, wanted: tuple[Kind, ...]) -> AsyncIterator[bytes]:
        """The body in pieces that are worth a write. Raises TimeoutError when it comes too slowly, RefusedError."""
        held, told, size, began_s = bytearray(), False, 0, time.monotonic()
        stream = request.stream()
        while True:
            piece = await asyncio.wait_for(anext(stream, None), self._patience_s)
            held += piece or b""
            size += len(piece or b"")
            if not told and (piece is None or len(held) >= ENOUGH):
                told = True
                if (refusal := refusal_of(bytes(held[:ENOUGH]), *wanted)) is not None:
                    raise RefusedError(*refusal)
            late_s = time.monotonic() - began_s - self._patience_s
            if late_s > 0 and piece is not None and size < late_s * self._limits.slowest_kb_s * 1024:
                raise TimeoutError
            if piece is None or len(held) >= _PIECE:
                yield bytes(held)
                held.clear()
            if piece is None:
                return
