"""The queue of videos: each is counted in its turn, watched from outside, and forgotten after a while."""

from __future__ import annotations

import asyncio
import json
import secrets
import shutil
import time
from collections import deque
from collections.abc import AsyncIterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final, Literal

from configs.serving import Limits
from edge.service.pool import Pool, Worker
from edge.service.refusal import RefusedError, busy
from edge.service.wire import Message

State = Literal["queued", "running", "done", "failed"]

_PIECE: Final = 2**16
_TIDY_S: Final = 5.0


@dataclass(eq=False)
class Job:
    """A video, from its upload to its result. name: of the client's, None without one. size: bytes of the video."""

    id: str
    folder: Path
    name: str | None
    size: int
    state: State = "queued"
    progress: float | None = None
    frames: int = 0
    written: int = 0
    error: str | None = None
    has_result: bool = False
    ended_s: float | None = None
    worker: Worker | None = None
    cancelled: bool = False
    changed: asyncio.Event = field(default_factory=asyncio.Event)

    @property
    def video(self) -> Path:
        return self.folder / "video"

    @property
    def readings(self) -> Path:
        return self.folder / "readings.ndjson"

    @property
    def result(self) -> Path:
        return self.folder / "result.json"

    @property
    def ended(self) -> bool:
        return self.ended_s is not None

    def tell(self) -> None:
        """Wake who waits for news."""
        changed, self.changed = self.changed, asyncio.Event()
        changed.set()


class Jobs:
    """All jobs of the service."""

    def __init__(self, folder: Path, pool: Pool, limits: Limits) -> None:
        self._folder, self._pool, self._limits = folder, pool, limits
        self._jobs: dict[str, Job] = {}
        self._queue: deque[Job] = deque()
        self._more = asyncio.Event()
        self._tasks: list[asyncio.Task[None]] = []
        self.ends: dict[str, int] = {"done": 0, "failed": 0, "cancelled": 0}

    def begin(self) -> None:
        """Work on what comes."""
        self._tasks = [asyncio.create_task(self._work(worker)) for worker in self._pool.workers]
        self._tasks.append(asyncio.create_task(self._tidy()))

    async def close(self) -> None:
        """Leave everything off."""
        for job in list(self._jobs.values()):
            self._end(job, "failed", "the service has ended")
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)

    def check_room(self) -> None:
        """Raises RefusedError when no job can be added."""
        if len(self._queue) >= self._limits.queued:
            raise busy("too many jobs wait already", 30)

    @property
    def kept_bytes(self) -> int:
        """Of videos that are kept."""
        return sum(job.size for job in self._jobs.values() if not job.ended)

    def add(self, upload: Path, name: str | None) -> Job:
        """Add a job; its file moves. Raises RefusedError when too many wait."""
        self.check_room()
        number = secrets.token_urlsafe(12)
        job = Job(number, self._folder / number, name, upload.stat().st_size)
        self._jobs[job.id] = job
        self._queue.append(job)
        job.folder.mkdir()
        upload.rename(job.video)
        self._more.set()
        return job

    def find(self, number: str) -> Job:
        """Raises RefusedError where there is no such job, or no more."""
        job = self._jobs.get(number)
        if job is None:
            raise RefusedError(404, "no such job (any more)")
        return job

    def position(self, job: Job) -> int | None:
        """1 is next; None when it does not wait."""
        return self._queue.index(job) + 1 if job in self._queue else None

    def count(self, state: State) -> int:
        """How many there are."""
        return sum(job.state == state for job in self._jobs.values())

    async def remove(self, job: Job) -> None:
        """Forget a job; one that runs is left off."""
        self._jobs.pop(job.id, None)
        if job in self._queue:
            self._queue.remove(job)
        if not job.ended:
            job.cancelled = True
            self._end(job, "failed", "it was deleted")
        if job.worker is not None:
            job.worker.stop()
        else:
            await asyncio.to_thread(shutil.rmtree, job.folder, ignore_errors=True)

    async def lines(self, job: Job) -> AsyncIterator[bytes]:
        """The readings from the first one on, whole lines, until the job has ended; each reader at its own speed."""
        sent = 0
        while not job.readings.is_file():
            if job.ended:
                return
            await job.changed.wait()
        with job.readings.open("rb") as file:
            while True:
                changed = job.changed
                while sent < job.written:
                    piece = await asyncio.to_thread(file.read, min(_PIECE, job.written - sent))
                    if not piece:
                        return
                    sent += len(piece)
                    yield piece
                if job.ended:
                    return
                await changed.wait()

    async def _work(self, worker: Worker) -> None:
        """One job after the other."""
        while True:
            await worker.until_warm()
            if not self._queue:
                self._more.clear()
                await self._more.wait()
                continue
            job = self._queue.popleft()
            job.state, job.worker = "running", worker
            for other in (job, *self._queue):
                other.tell()
            try:
                await self._run(job, worker)
            finally:
                job.worker = None
                await asyncio.to_thread(self._leave, job)

    async def _run(self, job: Job, worker: Worker) -> None:
        request = {"do": "job", "path": str(job.video), "name": job.name or "upload", "readings": str(job.readings)}

        def progress(head: dict[str, Any]) -> None:
            job.frames, job.written = int(head["frames"]), int(head["written"])
            job.progress = head["progress"]
            job.tell()

        try:
            answer = await worker.ask(Message(request), self._limits.job_s, progress)
            if job.cancelled:
                return
            await asyncio.to_thread(job.result.write_text, json.dumps(answer.head["report"]), encoding="utf-8")
        except RefusedError as error:
            self._end(job, "failed", str(error))
        except OSError as error:
            self._end(job, "failed", f"its result can't be kept: {error.strerror}")
        else:
            job.has_result = True
            trouble = answer.head["trouble"]
            job.progress = 1.0 if trouble is None else job.progress
            self._end(job, "done" if trouble is None else "failed", trouble)

    def _end(self, job: Job, state: State, error: str | None) -> None:
        if job.ended:
            return
        job.state, job.error, job.ended_s = state, error, time.monotonic()
        self.ends["cancelled" if job.cancelled else state] += 1
        job.tell()

    def _leave(self, job: Job) -> None:
        """Remove what is needed no more."""
        job.video.unlink(missing_ok=True)
        if job.cancelled:
            shutil.rmtree(job.folder, ignore_errors=True)

    async def _tidy(self) -> None:
        """Forget the oldest jobs."""
        while True:
            await asyncio.sleep(min(_TIDY_S, self._limits.kept_s))
            now_s = time.monotonic()
            ended = sorted(
                (job for job in self._jobs.values() if job.ended_s is not None), key=lambda j: j.ended_s or 0
            )
            old = [job for job in ended if now_s - (job.ended_s or 0) > self._limits.kept_s]
            for job in {*old, *ended[: -self._limits.kept]}:
                await self.remove(job)
