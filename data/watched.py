"""Labelled keypoint sequences of rendered people, as the pose model sees them: its errors are its own, not a model of
them. What it makes of hips hidden behind shoulders, or of legs outside of the picture, no formula tells."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from functools import cache, partial

import cv2
import numpy as np
from numpy.typing import NDArray

from configs.schema import Synthesize
from data import camera, scenes
from data.body import BODIES, make_body
from data.posture import keypoints
from data.render import Renderer
from data.skin import Look
from data.synthetic import Scene, in_order, pose
from keypoints.extract import subject_of
from keypoints.types import Frame, KeypointSequence
from keypoints.yolo import YoloPose

#: Longer side of the picture, px: more than the pose model's input, so that a crop shows more than the whole does.
_SIDE = 400
#: Width by height of what people film with.
_ASPECTS = ((16, 9), (16, 9), (9, 16), (4, 3), (1, 1))
#: Frames a second, of the range that the pose model is run at on slow and fast machines.
_RATE_HZ = (8.0, 14.0)


@cache
def _estimator() -> YoloPose:
    """The pose model that comes with RepSight, once a process."""
    return YoloPose(threads=1)


def sequences(
    config: Synthesize | None = None, *, seed: int = 0, count: int = 100, workers: int = 1, first: int = 0
) -> Iterator[KeypointSequence]:
    """`count` labelled sequences, in order; sequence i depends on `seed`, `config` and i alone."""
    yield from in_order(partial(watch, seed=seed, config=config or Synthesize()), range(first, first + count), workers)


def watch(index: int, seed: int, config: Synthesize) -> KeypointSequence:
    """Sequence number `index` of `seed`: a scene, rendered, through stage 1 as it runs on the edge.

    The labels are the scene's own; frames in which the pose model finds nobody are all zeros.
    """
    rng = np.random.default_rng([seed, index, 5])
    body = make_body(int(rng.integers(BODIES)))
    script, begin, end = scenes.draw(rng, body, config.transitions, config.weights)
    rate = float(rng.uniform(*_RATE_HZ))
    seconds = min(end - begin, config.longest_s)
    scene = pose(body, script, begin, np.arange(max(4, int(seconds * rate))) / rate)
    wide, high = _ASPECTS[int(rng.integers(len(_ASPECTS)))]
    size = (_SIDE * wide // max(wide, high), _SIDE * high // max(wide, high))
    seen = subject_of(_film(rng, scene, size), _estimator())
    return replace(
        seen, action=scene.action, phase=scene.phase.astype(np.float32), reps_s=scene.reps_s, holds_s=scene.holds_s,
        subject=scene.body.subject, source=f"synthetic-watched-{seed}-{index:06d}",
    )  # fmt: skip


def _film(rng: np.random.Generator, scene: Scene, size: tuple[int, int]) -> Iterator[Frame]:
    """The scene from a random camera, good or bad, in random clothes and light; half of them are mirrored."""
    place = camera.place(rng, keypoints(scene.body, scene.solved), scene.time_s, scene.view, size)
    mirrored, wear = rng.random() < 0.5, Wear(rng)
    with Renderer(size, Look.random(rng), smooth=False, detail=0.2) as renderer:
        for number, time_s in enumerate(scene.time_s):
            image = wear(renderer.draw(scene.body, scene.solved, number, place))
            yield Frame(np.ascontiguousarray(image[:, ::-1]) if mirrored else image, float(time_s), number)


class Wear:
    """What cheap lenses, bad light and hard compression leave of a picture, drawn once for a whole film."""

    def __init__(self, rng: np.random.Generator) -> None:
        self._rng = rng
        self._blur = float(rng.choice([0.0, rng.uniform(0.3, 1.6)]))
        self._contrast, self._black = float(rng.choice([1.0, rng.uniform(0.25, 1.0)])), float(rng.uniform(0, 60))
        self._gamma = float(np.exp(rng.uniform(-0.7, 0.7)))
        self._noise = float(rng.choice([0.0, rng.uniform(2, 16)]))
        self._quality = 95 if rng.random() < 0.5 else int(rng.integers(8, 60))

    def __call__(self, image: NDArray[np.uint8]) -> NDArray[np.uint8]:
        """The worn copy of a BGR picture (height, width, 3)."""
        levels = self._black + self._contrast * (255 - self._black) * np.linspace(0, 1, 256) ** self._gamma
        worn = levels.astype(np.uint8)[image]
        if self._blur:
            worn = cv2.GaussianBlur(worn, (0, 0), self._blur)
        if self._noise:
            grain = self._rng.standard_normal(worn.shape[:2], np.float32)[..., None] * self._noise
            worn = np.clip(worn + grain, 0, 255).astype(np.uint8)
        _, packed = cv2.imencode(".jpg", worn, [cv2.IMWRITE_JPEG_QUALITY, self._quality])
        return np.asarray(cv2.imdecode(packed, cv2.IMREAD_COLOR), np.uint8)
