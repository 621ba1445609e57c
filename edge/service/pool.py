"""Worker processes: started warm, asked, and replaced when they die or take too long."""

from __future__ import annotations

import asyncio
import logging
import os
import sys
import time
from asyncio.subprocess import PIPE, Process
from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final

from edge.service.refusal import RefusedError, busy
from edge.service.wire import Message, packed, receive

log = logging.getLogger("repsight.service")

#: For a worker to be warm; between two that could not be, at first and at most.
START_S: Final = 60.0
_REST_S, _LONGEST_REST_S = 0.2, 30.0

#: Why processes end: a crash, too much time, too much memory, a job that can't be left off otherwise.
WHY: Final = ("died", "slow", "full", "stopped")

#: After it was told to stop, until it is made to.
GRACE_S: Final = 3.0

_ROOT: Final = Path(__file__).parents[2]


@dataclass(frozen=True, slots=True)
class Setting:
    """What every worker begins with. hello: its first message. environment: beside the service's own."""

    hello: dict[str, Any]
    environment: dict[str, str] = field(default_factory=dict)


class _DiedError(Exception):
    """The process ended before it had answered."""


class Worker:
    """One process after the other, of which each works until it dies."""

    def __init__(self, name: str, setting: Setting) -> None:
        """name: as a list of processes shows it."""
        self.name, self._setting = name, setting
        self._process: Process | None = None
        self._turn = asyncio.Lock()
        self._warm = asyncio.Event()
        self._keeper: asyncio.Task[None] | None = None
        self._closed = False
        #: Requests that it was given, to tell one from the next.
        self._given = 0
        self._why = "died"
        #: What it has to do now; why processes ended, and how often; why the newest could not be started.
        self.load = 0
        self.ended = dict.fromkeys(WHY, 0)
        self.trouble: str | None = None

    @property
    def warm(self) -> bool:
        """Whether it can work at once."""
        return self._warm.is_set()

    @property
    def pid(self) -> int | None:
        """Of the process, while there is one."""
        return self._process.pid if self._process is not None else None

    def begin(self) -> None:
        """Start the first process."""
        self._keeper = asyncio.create_task(self._keep())

    async def until_warm(self) -> None:
        """Return when it can work."""
        await self._warm.wait()

    async def close(self) -> None:
        """End the process."""
        self._closed = True
        if self._keeper is not None:
            self._keeper.cancel()
            await asyncio.gather(self._keeper, return_exceptions=True)

    async def ask(
        self, request: Message, seconds: float, progress: Callable[[dict[str, Any]], None] | None = None,
        weight: int = 1,
    ) -> Message:  # fmt: skip
        """What it answers. seconds: it may take, once it has begun. progress: is told of messages before the answer.

        Raises RefusedError: for what it refuses, when it dies of it, takes too long, or can't be started.
        """
        self.load += weight
        try:
            async with self._turn:
                try:
                    return await self._once(request, seconds, progress)
                except _DiedError:  # of something else, perhaps
                    return await self._once(request, seconds, progress)
        except _DiedError:
            raise RefusedError(400, "it can't be decoded: the decoder gave up on it") from None
        finally:
            self.load -= weight

    def stop(self) -> None:
        """Ask it to leave off what it does now; when that does not help it is ended."""
        process = self._process
        if process is None or process.stdin is None or not self._turn.locked():
            return
        process.stdin.write(packed(Message({"do": "stop"})))
        asyncio.get_running_loop().call_later(GRACE_S, self._end_if_still, process, self._given)

    async def _once(
        self, request: Message, seconds: float, progress: Callable[[dict[str, Any]], None] | None
    ) -> Message:
        """Raises _DiedError, RefusedError."""
        try:
            await asyncio.wait_for(self._warm.wait(), START_S)
        except TimeoutError:
            raise busy("the service is not ready", 10) from None
        process = self._process
        assert process is not None and process.stdin is not None and process.stdout is not None
        whole = False
        self._given += 1
        try:
            async with asyncio.timeout(seconds):
                process.stdin.write(packed(request))
                await process.stdin.drain()
                while True:
                    answer = await receive(process.stdout)
                    if answer.head.get("is") != "progress":
                        break
                    if progress is not None:
                        progress(answer.head)
            whole = not answer.head.get("last", False)
            self._why = self._why if whole else "full"
        except TimeoutError:
            self._why = "slow"
            raise RefusedError(413, f"it takes longer than the {seconds:g} s that it may") from None
        except (asyncio.IncompleteReadError, ConnectionError, ValueError):
            if self._closed or self._why == "stopped":
                raise busy("it was cancelled", 30) from None
            raise _DiedError from None
        finally:
            if not whole:  # what comes next from this process would be the answer to something else
                self._kill(process)
        if answer.head.get("is") == "refused":
            raise RefusedError(int(answer.head["status"]), str(answer.head["detail"])[:500], answer.head.get("retry_s"))
        return answer

    def _end_if_still(self, process: Process, given: int) -> None:
        if self._given == given and self._turn.locked():
            self._why = "stopped"
            self._kill(process)

    def _kill(self, process: Process) -> None:
        self._warm.clear()
        with suppress(ProcessLookupError):
            process.kill()

    async def _keep(self) -> None:
        """Start a process whenever there is none."""
        rest_s = _REST_S
        try:
            while True:
                began_s = time.monotonic()
                self._why = "died"
                if await self._start():
                    assert self._process is not None
                    rest_s = _REST_S
                    await self._process.wait()
                    self._warm.clear()
                    self.ended[self._why] += 1
                    log.warning("a worker has ended (%s, exit code %s)", self._why, self._process.returncode)
                if time.monotonic() - began_s < START_S:
                    await asyncio.sleep(rest_s)
                    rest_s = min(2 * rest_s, _LONGEST_REST_S)
        finally:
            self._warm.clear()
            if self._process is not None:
                self._kill(self._process)
                await self._process.wait()

    async def _start(self) -> bool:
        """A warm process, or False and `trouble`."""
        paths = os.pathsep.join(filter(None, [str(_ROOT), os.environ.get("PYTHONPATH")]))
        self._process = process = await asyncio.create_subprocess_exec(
            sys.executable, "-m", "edge.service.worker", self.name, stdin=PIPE, stdout=PIPE,
            start_new_session=True,  # Ctrl-C is the service's
            env={**os.environ, **self._setting.environment, "PYTHONPATH": paths},
        )  # fmt: skip
        assert process.stdin is not None and process.stdout is not None
        self.trouble = None
        try:
            async with asyncio.timeout(START_S):
                process.stdin.write(packed(Message(self._setting.hello)))
                await process.stdin.drain()
                ready = await receive(process.stdout)
            if ready.head.get("is") == "ready":
                self._warm.set()
                return True
            self.trouble = str(ready.head.get("detail"))
        except (TimeoutError, asyncio.IncompleteReadError, ConnectionError, ValueError):
            self.trouble = "a worker can't be started"
        self._kill(process)
        await process.wait()
        log.warning("%s", self.trouble)
        return False


class Pool:
    """Some workers that can do the same."""

    def __init__(self, name: str, count: int, setting: Setting, waiting: int) -> None:
        """waiting: requests that may wait for their turn."""
        self.workers: Sequence[Worker] = [Worker(f"{name}-{number}", setting) for number in range(count)]
        self._waiting = waiting
        self._pending = 0

    def begin(self) -> None:
        """Start every worker."""
        for worker in self.workers:
            worker.begin()

    async def close(self) -> None:
        """End every worker."""
        await asyncio.gather(*(worker.close() for worker in self.workers))

    @property
    def pending(self) -> int:
        """Requests that are being worked on, or wait for that."""
        return self._pending

    def choose(self) -> Worker:
        """The worker with the least to do."""
        return min(self.workers, key=lambda worker: (not worker.warm, worker.load))

    async def ask(self, request: Message, seconds: float, worker: Worker | None = None, weight: int = 1) -> Message:
        """What a worker answers. worker: this one, else any. Raises RefusedError, also when too many wait."""
        if self._pending >= len(self.workers) + self._waiting:
            raise busy("too much to do at the moment")
        self._pending += 1
        try:
            return await (worker or self.choose()).ask(request, seconds, weight=weight)
        finally:
            self._pending -= 1
