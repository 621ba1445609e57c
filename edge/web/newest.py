"""The newest value of another thread, for whoever awaits it: who is slow gets what is newest, never a queue."""

from __future__ import annotations

import asyncio
from contextlib import suppress
from typing import Generic, TypeVar

T = TypeVar("T")


class OverError(Exception):
    """There will be no more values."""


class Newest(Generic[T]):
    """One thread puts values, the coroutines of one event loop await them; nobody ever waits to put one."""

    def __init__(self) -> None:
        self._loop: asyncio.AbstractEventLoop | None = None
        self._turn = asyncio.Event()
        self._held: tuple[int, T | None] = (0, None)
        self._waking = self._over = False

    def attach(self, loop: asyncio.AbstractEventLoop) -> None:
        """The loop in which values are awaited."""
        self._loop = loop

    @property
    def value(self) -> T | None:
        """The newest value, None before the first one."""
        return self._held[1]

    def put(self, value: T) -> None:
        """Take the place of the value before, whoever has seen that one or not."""
        self._held = (self._held[0] + 1, value)
        self._wake()

    def finish(self) -> None:
        """No value will follow: who waits gets `OverError`."""
        self._over = True
        self._wake()

    async def after(self, seen: int) -> tuple[int, T]:
        """The newest value and its number, as soon as that is above `seen`. Raises OverError."""
        while True:
            number, value = self._held
            if value is not None and number > seen:
                return number, value
            if self._over:
                raise OverError
            await self._turn.wait()

    def _wake(self) -> None:
        if self._loop is None or self._waking:
            return
        self._waking = True
        with suppress(RuntimeError):  # the loop is closed
            self._loop.call_soon_threadsafe(self._next_turn)

    def _next_turn(self) -> None:
        # Before anything is looked at: what is put from now on wakes again.
        self._waking = False
        turn, self._turn = self._turn, asyncio.Event()
        turn.set()
