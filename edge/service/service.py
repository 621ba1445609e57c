"""The parts of the service, begun and ended together."""

from __future__ import annotations

import asyncio
import os
from collections.abc import Iterable
from pathlib import Path

from configs.schema import Counting, Run
from configs.serving import Serve
from edge.service.decode import environment
from edge.service.files import Uploads
from edge.service.jobs import Jobs
from edge.service.metrics import Traffic, family
from edge.service.pool import WHY, Pool, Setting
from keypoints.resources import resident_bytes
from keypoints.session import usable_cores

#: Bytes of one second of readings at the highest rate that a film may have, generously.
_READINGS_A_SECOND = 480 * 1024


class Service:
    """Workers, uploads and jobs, and what is known of them. Everything happens in one event loop."""

    def __init__(self, settings: Serve, run: Run, counting: Counting, folder: Path) -> None:
        """run: with models that lie on this disk. folder: for uploads and results."""
        self.limits = limits = settings.limits
        cores = usable_cores()
        hello = {
            "run": run.model_dump(mode="json"),
            "counting": counting.model_dump(mode="json"),
            "limits": limits.model_dump(mode="json"),
            "least_score": settings.least_score,
            "most_file": int(limits.video_s * _READINGS_A_SECOND),
        }
        setting = Setting(hello, environment(limits) | _ONE_THREAD)
        self.pool = Pool("answers", settings.workers or max(2, cores // 2), setting, limits.waiting)
        self.job_pool = Pool("jobs", settings.job_workers or max(1, cores // 2), setting, 0)
        self.jobs = Jobs(folder, self.job_pool, limits)
        self.uploads = Uploads(folder, limits, settings.patience_s, lambda: self.jobs.kept_bytes)
        self.traffic = Traffic()
        self.live = 0
        self.pictures = 0
        self._loop: asyncio.AbstractEventLoop | None = None
        self._closing = False

    def attach(self, loop: asyncio.AbstractEventLoop) -> None:
        """Begin, in this loop."""
        self._loop = loop
        self.pool.begin()
        self.job_pool.begin()
        self.jobs.begin()

    def close(self, seconds: float = 10.0) -> None:
        """End everything; called from another thread than the loop's."""
        if self._loop is None or self._loop.is_closed():
            return
        self._closing = True
        asyncio.run_coroutine_threadsafe(self._close(), self._loop).result(seconds)

    async def _close(self) -> None:
        self.uploads.close()
        await self.jobs.close()
        await asyncio.gather(self.pool.close(), self.job_pool.close())

    @property
    def ready(self) -> bool:
        """Whether a picture and a job could be begun at once."""
        pools = (self.pool, self.job_pool)
        return not self._closing and all(any(worker.warm for worker in pool.workers) for pool in pools)

    @property
    def trouble(self) -> str | None:
        """Why no worker can be started, None when one can."""
        workers = [*self.pool.workers, *self.job_pool.workers]
        return next((worker.trouble for worker in workers if worker.trouble is not None), None)

    def metrics(self) -> str:
        """Everything that is counted."""
        return "\n".join([*self.traffic.lines(), *self._lines()]) + "\n"

    def _lines(self) -> Iterable[str]:
        pools = {"answers": self.pool, "jobs": self.job_pool}
        warm = [({"pool": name}, sum(worker.warm for worker in pool.workers)) for name, pool in pools.items()]
        yield from family("repsight_workers_ready", "gauge", "processes that can work", warm)
        ends = [({"pool": name, "why": why}, sum(w.ended[why] for w in pool.workers))
                for name, pool in pools.items() for why in WHY]  # fmt: skip
        yield from family("repsight_worker_ends_total", "counter", "processes that ended and were replaced", ends)
        yield from family("repsight_work_pending", "gauge", "requests at a worker, or before one",
                          [({}, self.pool.pending)])  # fmt: skip
        memory = [({"process": "service"}, resident_bytes(os.getpid()))]
        for pool in pools.values():
            memory += [({"process": worker.name}, resident_bytes(worker.pid)) for worker in pool.workers]
        yield from family("repsight_resident_bytes", "gauge", "memory of the processes",
                          [(labels, value) for labels, value in memory if value is not None])  # fmt: skip
        yield from family("repsight_jobs", "gauge", "jobs that are kept", [
            ({"state": state}, self.jobs.count(state)) for state in ("queued", "running", "done", "failed")
        ])  # fmt: skip
        yield from family("repsight_jobs_total", "counter", "jobs that ended",
                          [({"end": end}, count) for end, count in self.jobs.ends.items()])  # fmt: skip
        yield from family("repsight_uploads_now", "gauge", "bodies that are coming in", [({}, self.uploads.now)])
        yield from family("repsight_uploaded_bytes_total", "counter", "of bodies", [({}, self.uploads.bytes)])
        yield from family("repsight_live_now", "gauge", "people before a webcam", [({}, self.live)])
        yield from family("repsight_live_pictures_total", "counter", "pictures of webcams", [({}, self.pictures)])


_ONE_THREAD = {
    **dict.fromkeys(("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS"), "1"),
    "MALLOC_ARENA_MAX": "2",
}
