"""Labelled keypoint sequences of rendered people, as the pose model sees them: its errors are its own, not a model of
them. What it makes of hips hidden behind shoulders, or of legs outside of the picture, no formula tells."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from functools import cache, partial

import numpy as np

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

#: Longer side of the picture, px: the pose model scales to 320 anyway.
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
    script, begin, end = scenes.draw(rng, body, config.transitions)
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
    """The scene from a random camera, in random clothes and light; half of the cameras are mirrored."""
    place = camera.place(rng, keypoints(scene.body, scene.solved), scene.time_s, scene.view, size)
    mirrored = rng.random() < 0.5
    with Renderer(size, Look.random(rng), smooth=False) as renderer:
        for number, time_s in enumerate(scene.time_s):
            image = renderer.draw(scene.body, scene.solved, number, place)
            yield Frame(np.ascontiguousarray(image[:, ::-1]) if mirrored else image, float(time_s), number)
