"""The chain as the edge runner runs it, over a source that never ends, with every stage timed."""

from __future__ import annotations

import tempfile
import time
from array import array
from collections.abc import Callable, Iterator, Mapping
from contextlib import ExitStack
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any, Self

import numpy as np

from configs.schema import Counting, Run
from edge.benchmark.watch import Watch
from edge.history.log import SessionLog
from edge.models import Models
from edge.outcome import Outcome
from edge.reading import STAGES, Reading
from edge.report import Report
from edge.run import Runner
from edge.screens import Screen
from edge.sources import Item, Lost, Source, open_source
from keypoints.errors import SourceError
from keypoints.resources import energy_j, joules, peak_mb

Tell = Callable[[int, int], None]

#: The stages that lie between a decoded frame and a drawn one.
CHAINED = tuple(stage for stage in STAGES if stage not in ("decode", "log", "chain"))


@dataclass(frozen=True, slots=True)
class Amount:
    """How much is measured: at least so many frames and so many seconds, after frames that do not count."""

    frames: int = 1024
    seconds: float = 30.0
    warm_up: int = 64

    @classmethod
    def quick(cls) -> Amount:
        """For a first look."""
        return cls(frames=128, seconds=3.0, warm_up=16)


class Endless:
    """A source that begins anew when it ends, with time that goes on. A camera or a stream is left as it is."""

    def __init__(self, text: str, settings: Run) -> None:
        """Raises SourceError when it can't be opened."""
        self._text, self._settings = text, settings
        self._source: Source = open_source(text, settings)
        self.name, self.live = self._source.name, self._source.live
        self.size, self.fps = self._source.size, self._source.fps

    @property
    def notice(self) -> str | None:
        """What turned out to be wrong with it."""
        return self._source.notice

    @property
    def decode_ms(self) -> float:
        """What the newest frame took to read and decode."""
        return self._source.decode_ms

    def __iter__(self) -> Iterator[Item]:
        """Raises SourceError when nothing comes any more."""
        began_s, index, step_s = 0.0, 0, 1 / (self.fps or 30.0)
        while True:
            time_s, frames = -step_s, 0
            for item in self._source:
                time_s = item.time_s
                yield _later(item, began_s, index)
                frames, index = frames + 1, index + 1
            if not frames or self.live:
                raise SourceError("ended before enough frames were measured", file=self.name)
            began_s += time_s + step_s
            self.close()
            self._source = open_source(self._text, self._settings)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        """Release what is open."""
        self._source.__exit__(None, None, None)


def _later(item: Item, by_s: float, index: int) -> Item:
    if isinstance(item, Lost):
        return replace(item, time_s=item.time_s + by_s)
    return replace(item, time_s=item.time_s + by_s, index=index)


class Drawn(Screen):
    """Nobody watches, and every frame is drawn: the chain ends in a picture."""

    needs_picture = True


class Recorder(Report):
    """A run's report that keeps the time of every stage, from the end of the warm-up on."""

    def __init__(self, source: str, amount: Amount, tell: Tell) -> None:
        super().__init__(source)
        self._amount, self._tell = amount, tell
        self.ms: dict[str, array[float]] = {stage: array("d") for stage in STAGES}
        self.looks: dict[str, array[float]] = {}
        self.read_at_s: float | None = None
        self.measured = 0
        self._seen = 0
        self._began_s = 0.0
        self._begin(0.0)

    def add(self, reading: Reading) -> None:
        """One reading; one without a frame (camera lost) is none to measure."""
        super().add(reading)
        if not reading.stage_ms:
            return
        self.read_at_s = self.read_at_s or time.monotonic()
        self._seen += 1
        if self._seen <= self._amount.warm_up:
            if self._seen == self._amount.warm_up:
                self._begin(reading.time_s)
            return
        self.measured += 1
        for stage, milliseconds in reading.stage_ms.items():
            self.ms.setdefault(stage, array("d")).append(milliseconds)
        look = reading.look
        if look is not None:
            self.looks.setdefault(look, array("d")).append(reading.stage_ms["chain"])
        self.seconds, self.video_s = time.perf_counter() - self._began_s, reading.time_s - self._began_at
        if self.measured % 16 == 0:
            self._tell(*self._done())

    def enough(self) -> bool:
        """Whether the run may end."""
        return self.measured >= self._amount.frames and self.seconds >= self._amount.seconds

    def _begin(self, time_s: float) -> None:
        """From here on it counts."""
        self._began_at, self.video_s, self.seconds = time_s, 0.0, 0.0
        self.watch, self.cpu_s, self.joules = Watch(), time.process_time(), joules()
        self._began_s = time.perf_counter()

    def _done(self) -> tuple[int, int]:
        share = min(self.measured / self._amount.frames, self.seconds / max(self._amount.seconds, 1e-9), 1.0)
        return round(1000 * share), 1000


@dataclass(frozen=True, slots=True)
class Measured:
    """What the chain took. stages: quantiles and mean by stage, ms. video_s: of the source, that passed meanwhile.
    accounted: the stages' sum as a share of the whole; None where frames wait between stages that overlap. drift: the
    last quarter's median over the first's. looks: the chain of the frames in which the pose model was shown the whole
    picture, a crop, or a tile."""

    source: str
    size: tuple[int, int]
    models: dict[str, Any]
    frames: int
    seconds: float
    video_s: float
    stages: dict[str, dict[str, float]]
    accounted: float | None
    drift: float
    rss_mb: float
    cpu_s: float
    energy_j: float
    energy_measured: bool
    others_cores: float | None = None
    steal: float | None = None
    read_at_s: float | None = None
    looks: dict[str, dict[str, float]] = field(default_factory=dict)
    warnings: list[str] = field(default_factory=list)


def measure(settings: Run, counting: Counting, amount: Amount, tell: Tell = lambda done, total: None) -> Measured:
    """Run the chain as `run` does (every frame drawn, the session logged) until there is enough.

    Raises InputError when source or models do not fit.
    """
    with ExitStack() as parts:
        folder = parts.enter_context(tempfile.TemporaryDirectory())
        log = parts.enter_context(SessionLog(Path(folder)))
        models = Models.open(settings, with_estimator=not settings.source.lower().endswith(".npz"))
        parts.callback(models.close)
        source = parts.enter_context(Endless(settings.source, settings))
        recorder = Recorder(source.name, amount, tell)
        pipeline = models.pipeline(settings, counting)
        runner = Runner(source, pipeline, Drawn(), Outcome(recorder), log=log, workers=models.workers)
        runner.run(recorder.enough)
        tell(1000, 1000)
        cpu_s, busy = time.process_time() - recorder.cpu_s, recorder.watch.busy()
        energy, energy_measured = energy_j(recorder.joules, joules(), cpu_s)
        means = {stage: sum(values) for stage, values in recorder.ms.items()}
        chain = np.array(recorder.ms["chain"])
        quarter = max(1, len(chain) // 4)
        notes = [note for note in (busy and busy.warning(), source.notice) if note]
        return Measured(
            source=source.name, size=source.size, models=models.described, frames=recorder.measured,
            seconds=recorder.seconds, video_s=recorder.video_s,
            stages={stage: quantiles(values, recorder.measured) for stage, values in recorder.ms.items() if values},
            accounted=None if models.workers else sum(means.get(stage, 0.0) for stage in CHAINED) / means["chain"],
            drift=float(np.median(chain[-quarter:]) / np.median(chain[:quarter])),
            rss_mb=peak_mb(), cpu_s=cpu_s, energy_j=energy, energy_measured=energy_measured,
            others_cores=busy.others_cores if busy else None, steal=busy.steal if busy else None,
            read_at_s=recorder.read_at_s, warnings=notes,
            looks={look: {"frames": len(values), **quantiles(values, len(values))}
                   for look, values in recorder.looks.items()},
        )  # fmt: skip


def quantiles(values: array[float], frames: int) -> dict[str, float]:
    """p50, p90 and p99 of the frames that had the stage, and the mean over all of them, ms, so that means add up."""
    p50, p90, p99 = np.percentile(np.array(values), (50, 90, 99))
    found: Mapping[str, float] = {"p50": p50, "p90": p90, "p99": p99, "mean": sum(values) / max(1, frames)}
    return {name: round(float(value), 4) for name, value in found.items()}
