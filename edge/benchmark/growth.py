"""What more of it costs: more people in the picture, larger pictures, more cameras in one process."""

from __future__ import annotations

import gc
from array import array
from collections.abc import Callable, Mapping, Sequence
from contextlib import ExitStack
from dataclasses import dataclass, field
from itertools import islice

import cv2
import numpy as np
from numpy.typing import NDArray

from configs.schema import Counting, Run
from edge.benchmark.chain import CHAINED, Endless, Tell, quantiles
from edge.benchmark.contenders import Chain
from edge.models import Models
from keypoints.errors import SourceError
from keypoints.types import Frame

Image = NDArray[np.uint8]

#: (width, height) px, from 480p to 4K.
SIZES = ((854, 480), (1280, 720), (1920, 1080), (2560, 1440), (3840, 2160))
PEOPLE, CAMERAS = 8, 4

#: Of the first seconds of the source so many frames are taken, over and over.
KEPT = 16

#: Of 720p, a place for each of eight people: columns, rows.
_GRID = (4, 2)
_CANVAS = (1280, 720)

#: A stage grows faster than its input when it does so by this factor, and by this much, ms: less is noise.
MORE, MORE_MS = 1.15, 0.05


@dataclass(slots=True)
class Point:
    """The chain with so much of something. input: how much. chains: that run, one after the other, in a round."""

    label: str
    input: float
    chains: Sequence[Chain]
    make: Callable[[Image], Image]
    rows: list[dict[str, float]] = field(default_factory=list)

    def run(self, frame: Frame) -> None:
        """One round."""
        picture = Frame(self.make(frame.image), frame.time_s, frame.index)
        total: dict[str, float] = {}
        for chain in self.chains:
            for stage, taken in chain.run(picture).items():
                total[stage] = total.get(stage, 0.0) + taken
        self.rows.append(total)

    def stages(self) -> dict[str, dict[str, float]]:
        """Quantiles and means, ms a round."""
        names = dict.fromkeys(stage for row in self.rows for stage in row)
        return {n: quantiles(array("d", [r[n] for r in self.rows if n in r]), len(self.rows)) for n in names}


def growth(
    settings: Run, counting: Counting, rounds: int, warm_up: int = 4, tell: Tell = lambda done, total: None
) -> dict[str, list[Point]]:
    """By kind (people, pixels, cameras) the chain with more and more of it, a round of each in turn.

    People are copies of the source's person, all of one size; their tracks are the tracker's work as well. Raises
    SourceError when the source has no pictures or shows nobody.
    """
    with ExitStack() as parts:
        source = parts.enter_context(Endless(settings.source, settings))
        frames = [item for item in islice(source, KEPT) if isinstance(item, Frame)]
        if not frames:
            raise SourceError("has no pictures", file=source.name)
        shared = Models.open(settings)
        crop = _person(shared, frames, source.name)

        def chain(models: Models) -> Chain:
            return Chain("chain", settings, counting, models)  # its own tracker, window and counter

        cameras = [shared, *(Models.open(settings) for _ in range(1, CAMERAS))]
        for models in cameras:
            parts.callback(models.close)
        points = {
            "people": [Point("1 person" if n == 1 else f"{n} people", n, [chain(shared)], _crowd(crop, n))
                       for n in range(1, PEOPLE + 1)],
            "pixels": [Point(f"{w}x{h}", w * h, [chain(shared)], _resized(w, h)) for w, h in SIZES],
            "cameras": [Point("1 camera" if n == 1 else f"{n} cameras", n, [chain(m) for m in cameras[:n]], _same)
                        for n in range(1, CAMERAS + 1)],
        }  # fmt: skip
        every = [point for several in points.values() for point in several]
        step_s = frames[-1].time_s / max(1, len(frames) - 1) or 1 / 30
        gc.disable()
        try:
            for number in range(-warm_up, rounds):
                frame = frames[number % len(frames)]
                for point in every:
                    point.run(Frame(frame.image, (number + warm_up) * step_s, number + warm_up))
                if number < 0:
                    for point in every:
                        point.rows.clear()
                tell(max(number + 1, 0), rounds)
        finally:
            gc.enable()
    return points


def faster_than_input(points: Sequence[tuple[float, Mapping[str, Mapping[str, float]]]]) -> list[str]:
    """The stages whose mean grows by a larger factor than the input does, from the first point to the last. (Not the
    median: the head is asked at its own rate, so in most frames it takes no time.)

    points: the input and the stages of each, as `Point` has them.
    """
    (little, first), (much, last) = points[0], points[-1]
    return [
        stage
        for stage in CHAINED
        if stage in first and stage in last
        and last[stage]["mean"] > MORE * first[stage]["mean"] * much / little
        and last[stage]["mean"] - first[stage]["mean"] * much / little > MORE_MS
    ]  # fmt: skip


def _person(models: Models, frames: Sequence[Frame], name: str) -> tuple[slice, slice]:
    """Rows and columns of the frames that show the person of the first frames, in the shape of a place in the grid."""
    assert models.estimator is not None
    for frame in frames:
        people = models.estimator.estimate(frame.image)
        if people:
            break
    else:
        raise SourceError("shows nobody in its first frames", file=name)
    height, width = frame.image.shape[:2]
    x1, y1, x2, y2 = people[0].box
    aspect = _CANVAS[0] / _GRID[0] / (_CANVAS[1] / _GRID[1])
    tall = min(height, 1.3 * max(y2 - y1, (x2 - x1) / aspect))
    wide = min(width, tall * aspect)
    top = int(np.clip((y1 + y2 - tall) / 2, 0, height - tall))
    left = int(np.clip((x1 + x2 - wide) / 2, 0, width - wide))
    return slice(top, top + int(tall)), slice(left, left + int(wide))


def _crowd(crop: tuple[slice, slice], people: int) -> Callable[[Image], Image]:
    """Makes 720p pictures with so many copies of the person, from the middle outwards."""
    columns, rows = _GRID
    width, height = _CANVAS[0] // columns, _CANVAS[1] // rows
    middle = (columns - 1) / 2
    places = sorted(((c, r) for r in range(rows) for c in range(columns)), key=lambda place: abs(place[0] - middle))

    def make(image: Image) -> Image:
        canvas = np.full((_CANVAS[1], _CANVAS[0], 3), 114, np.uint8)
        person = cv2.resize(image[crop], (width, height), interpolation=cv2.INTER_AREA)
        for column, row in places[:people]:
            canvas[row * height : (row + 1) * height, column * width : (column + 1) * width] = person
        return canvas

    return make


def _resized(width: int, height: int) -> Callable[[Image], Image]:
    return lambda image: np.asarray(cv2.resize(image, (width, height), interpolation=cv2.INTER_LINEAR), np.uint8)


def _same(image: Image) -> Image:
    return image
