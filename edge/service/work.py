"""What a worker does: look at a picture, count in a film or a sequence, follow somebody before a webcam."""

from __future__ import annotations

import time
from collections.abc import Callable
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Any, Final

import numpy as np
from numpy.typing import NDArray

from configs.schema import Counting, Run
from configs.serving import Limits
from edge.models import Models
from edge.outcome import Outcome
from edge.pipeline import Pipeline
from edge.reading import Reading
from edge.report import Report
from edge.run import Runner
from edge.scoreboard import Board
from edge.screens.base import Screen
from edge.service.decode import check_pixels, open_any, open_image
from edge.service.message import poses_content, reading_line
from edge.service.refusal import RefusedError
from edge.sources import SequenceSource, never
from keypoints.types import Frame
from keypoints.video import Video

#: How often the service is told how far a job is.
_TELL_S: Final = 0.1

#: Is told how many frames are done, and the share of all of them, None where nobody knows.
Tell = Callable[[int, float | None, int], None]


@dataclass(slots=True)
class _Person:
    """Somebody before a webcam."""

    pipeline: Pipeline
    own: ExitStack
    frames: int = 0


class Work:
    """Everything that a worker can do, with models that are opened once."""

    def __init__(self, settings: Run, counting: Counting, limits: Limits, least_score: float) -> None:
        """Raises InputError for models that can't be opened."""
        self._settings, self._counting, self._limits = settings, counting, limits
        self._least_score = least_score
        self._models = Models.open(settings)
        self._people: dict[str, _Person] = {}
        self._warm_up()

    def image(self, path: Path) -> dict[str, Any]:
        """The people in a picture."""
        start = time.perf_counter()
        image = open_image(path.read_bytes(), self._limits)
        with ExitStack() as own:
            estimator = self._own_models(own).estimator
            assert estimator is not None
            poses = [pose for pose in estimator.estimate(image) if pose.score >= self._least_score]
        latency_ms = round(1000 * (time.perf_counter() - start), 1)
        return {
            "size": [image.shape[1], image.shape[0]], "poses": poses_content(poses), "latency_ms": latency_ms
        }  # fmt: skip

    def probe(self, path: Path) -> dict[str, Any]:
        """Whether a job can begin with this file: its size, and how many frames it promises."""
        with open_any(path, self._limits) as source:
            return {"size": list(source.size), "frames": _promised(source)}

    def count(
        self, path: Path, name: str, readings: IO[bytes] | None = None, tell: Tell | None = None,
        stopped: Callable[[], bool] = never,
    ) -> dict[str, Any]:  # fmt: skip
        """Count in a film or a keypoint sequence: the report, as `run --json` writes it, and what was wrong on the way.

        name: of the file, for people. readings: takes a line for each reading. tell: is told now and then.
        """
        with ExitStack() as parts:
            source = open_any(path, self._limits)
            parts.callback(source.close)
            source.name = name
            report = _Told(name, self._described(), self._limits, readings, tell, _promised(source))
            outcome = Outcome(report, say=lambda line: None)
            runner = Runner(source, self._pipeline(parts), _Watch(report), outcome)
            try:
                runner.run(stopped, fps=self._settings.fps)
            finally:
                report.flush()
        return {"report": report.content(), "trouble": runner.notice}

    def live(self, who: str, begins: bool, time_s: float, data: bytes) -> bytes:
        """One picture of a webcam; the reading that it ends in, a line. who: whose. begins: it is their first one."""
        image = open_image(data, self._limits)
        if who not in self._people:
            if not begins:
                raise RefusedError(409, "what was counted so far is lost; begin again")
            own = ExitStack()
            self._people[who] = _Person(self._pipeline(own), own)
        person = self._people[who]
        reading = person.pipeline.read(Frame(image, time_s, person.frames))
        person.frames += 1
        return reading_line(reading, (image.shape[1], image.shape[0]))

    def forget(self, who: str) -> None:
        """Somebody before a webcam has gone."""
        person = self._people.pop(who, None)
        if person is not None:
            person.own.close()

    def _pipeline(self, own: ExitStack) -> Pipeline:
        return self._own_models(own).pipeline(self._settings, self._counting)

    def _own_models(self, own: ExitStack) -> Models:
        """The models; an estimator that follows somebody on its own can't be shared, and is opened anew."""
        estimator = self._models.estimator
        if estimator is None or estimator.takes_regions:
            return self._models
        models = Models.open(self._settings)
        own.callback(models.close)
        return models

    def _described(self) -> dict[str, Any]:
        """The models, without the folders of this machine."""
        return {kind: {**about, "path": Path(about["path"]).name} for kind, about in self._models.described.items()}

    def _warm_up(self) -> None:
        """One picture through everything, so that the first client does not wait."""
        with ExitStack() as own:
            self._pipeline(own).read(Frame(np.zeros((64, 64, 3), np.uint8), 0.0, 0))


class _Told(Report):
    """A report that hands every reading on, and looks at the length."""

    def __init__(
        self, source: str, models: dict[str, Any], limits: Limits, readings: IO[bytes] | None, tell: Tell | None,
        promised: int | None,
    ) -> None:  # fmt: skip
        super().__init__(source, models)
        self.limits, self.size = limits, (0, 0)
        self._readings, self._tell, self._promised = readings, tell, promised
        self._told_s = 0.0

    def add(self, reading: Reading) -> None:
        super().add(reading)
        if reading.time_s > self.limits.video_s:
            raise RefusedError(413, f"the video is longer than {self.limits.video_s:g} s")
        if self._readings is not None:
            self._readings.write(reading_line(reading, self.size))
        now_s = time.monotonic()
        if now_s - self._told_s >= _TELL_S:
            self._told_s = now_s
            self.flush()

    def flush(self) -> None:
        """Tell how far it is, and let the readings be read."""
        if self._readings is not None:
            self._readings.flush()
        if self._tell is not None:
            share = None if self._promised is None else min(1.0, self.frames / self._promised)
            self._tell(self.frames, share, 0 if self._readings is None else self._readings.tell())


class _Watch(Screen):
    """Keeps the size of each frame for the reading that follows."""

    def __init__(self, report: _Told) -> None:
        self._report = report

    def look(self, image: NDArray[np.uint8] | None, size: tuple[int, int]) -> None:
        if image is not None:  # a film may grow on the way
            check_pixels(*size, self._report.limits)
        self._report.size = size

    def show(self, picture: NDArray[np.uint8] | None, board: Board, reading: Reading) -> bool:
        return True


def _promised(source: Video | SequenceSource) -> int | None:
    """The number of frames, as far as known."""
    return len(source.sequence) if isinstance(source, SequenceSource) else source.frame_count
