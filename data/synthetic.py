"""Labelled keypoint sequences of synthetic people, as many as wanted, each the same for the same seed and index."""

from __future__ import annotations

from collections.abc import Iterator
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass
from functools import partial
from multiprocessing import get_context

import numpy as np

from configs.schema import Synthesize
from data import camera, noise, occlusion, scenes
from data.body import BODIES, Body, make_body
from data.kinematics import Floats
from data.posture import Solved, keypoints, lifted, lowest, solve
from data.script import Script
from keypoints.geometry import mirrored
from keypoints.sequences import smoothed
from keypoints.types import KeypointSequence

#: Length of a clip of people who do no exercise, s.
REST_S = 20.0


@dataclass(frozen=True)
class Scene:
    """One clip before it is filmed: a body and its posed parts at N moments, with labels.

    time_s: (N,) from 0. action: one name a moment. phase: (N, 2). reps_s, holds_s: (k, 2). plates: (N, 2), see
    `Script.plates`.
    """

    body: Body
    solved: Solved
    time_s: Floats
    action: tuple[str, ...]
    phase: Floats
    reps_s: Floats
    holds_s: Floats
    view: str
    plates: Floats


def pose(body: Body, script: Script, begin_s: float, time_s: Floats) -> Scene:
    """Pose a script at moments `time_s` (N,), counted from `begin_s` of the script."""
    moments = begin_s + time_s
    postures, firm = script.postures(moments)
    solved = solve(body, postures)
    low = lowest(body, solved)
    # On the floor where it has to be; nowhere below it.
    solved = lifted(solved, np.where(firm > 0, -low * firm, 0.0) + np.maximum(-low * (1 - firm) - 0.02, 0.0))
    names, phase = script.labels(moments)
    end_s = float(moments[-1])
    return Scene(body, solved, time_s, tuple(names), phase, script.reps(begin_s, end_s) - begin_s,
                 script.holds(begin_s, end_s) - begin_s, script.view, script.plates(moments))  # fmt: skip


def moments(rng: np.random.Generator, seconds: float, config: Synthesize) -> Floats:
    """Times of the frames: a usual rate, sometimes with jitter and dropped frames."""
    low, high = config.rate_hz
    rate = float(rng.choice([10, 12.5, 15, 20, 24, 25, 25, 30, 30]) if rng.random() < 0.7 else rng.uniform(low, high))
    rate = float(np.clip(rate, low, high))
    time_s = np.arange(max(4, int(seconds * rate))) / rate
    if rng.random() < 0.25:
        time_s = time_s + rng.uniform(-0.3, 0.3, len(time_s)) * rng.uniform(0, 1) / rate
    if rng.random() < 0.2:
        kept = rng.random(len(time_s)) > rng.uniform(0.01, 0.12)
        kept[[0, 1, -2, -1]] = True
        time_s = time_s[kept]
    return np.asarray(time_s - time_s[0], np.float64)


def film(rng: np.random.Generator, scene: Scene, source: str) -> KeypointSequence:
    """The scene as a pose network would report it from a random camera."""
    points = keypoints(scene.body, scene.solved)
    cam = camera.place(rng, points, scene.time_s, scene.view, lens=True)
    pixels = cam.project(points)[..., :2]
    cover = occlusion.hidden(scene.body, scene.solved, points, cam.place)
    behind = occlusion.behind_plates(scene.solved, points, cam.place, scene.plates)
    facing = occlusion.facing(scene.solved, cam.place)
    seen = noise.observe(rng, pixels, cover, cam.size, scene.time_s, facing, behind)
    if rng.random() < 0.5:  # a mirrored camera, and no side is better trained than the other
        seen = mirrored(seen, cam.size[0])
    return KeypointSequence(
        keypoints=seen.astype(np.float32), time_s=scene.time_s, size=cam.size, action=scene.action,
        reps_s=scene.reps_s, holds_s=scene.holds_s, phase=scene.phase.astype(np.float32),
        subject=scene.body.subject, source=source,
    )  # fmt: skip


def make(index: int, seed: int, config: Synthesize) -> KeypointSequence:
    """Sequence number `index` of `seed`, as stage 1 gives it: gated and smoothed."""
    rng = np.random.default_rng([seed, index])
    body = make_body(int(rng.integers(BODIES)))
    script, begin, end = scenes.draw(rng, body, config.transitions, config.weights)
    time_s = moments(rng, min(end - begin, config.longest_s), config)
    return smoothed(film(rng, pose(body, script, begin, time_s), f"synthetic-{seed}-{index:06d}"))


def make_rest(index: int, seed: int, config: Synthesize, seconds: float = REST_S) -> KeypointSequence:
    """Sequence number `index` of people who do no exercise."""
    rng = np.random.default_rng([seed, index, 1])
    body = make_body(int(rng.integers(BODIES)))
    main = "stand" if rng.random() < 0.25 else "other"
    script, begin, end = scenes.rest(rng, body, seconds, main)
    shown = pose(body, script, begin, moments(rng, end - begin, config))
    return smoothed(film(rng, shown, f"rest-{seed}-{index:06d}"))


def sequences(
    config: Synthesize | None = None, *, seed: int = 0, count: int = 100, workers: int = 1, first: int = 0
) -> Iterator[KeypointSequence]:
    """`count` labelled sequences, in order; sequence i depends on `seed` and i alone, never on `workers`."""
    job = partial(make, seed=seed, config=config or Synthesize())
    yield from in_order(job, range(first, first + count), workers)


def non_exercise(
    minutes: float, seed: int = 0, config: Synthesize | None = None, workers: int = 1
) -> Iterator[KeypointSequence]:
    """People who do none of the exercises, `minutes` of them in clips of 20 s: every rep counted here is a ghost."""
    yield from rests(config, seed=seed, count=max(1, round(60 * minutes / REST_S)), workers=workers)


def rests(
    config: Synthesize | None = None, *, seed: int = 0, count: int = 100, workers: int = 1, first: int = 0
) -> Iterator[KeypointSequence]:
    """`count` clips of 20 s of people who do none of the exercises, in order."""
    job = partial(make_rest, seed=seed, config=config or Synthesize())
    yield from in_order(job, range(first, first + count), workers)


def in_order(job: partial[KeypointSequence], indices: range, workers: int) -> Iterator[KeypointSequence]:
    """What `job` makes of each index, in their order, by so many processes."""
    if workers <= 1:
        yield from map(job, indices)
        return
    # spawn: the parent may hold torch's threads, which a fork would break.
    with ProcessPoolExecutor(workers, mp_context=get_context("spawn"), initializer=_one_thread) as pool:
        yield from pool.map(job, indices, chunksize=8)


def _one_thread() -> None:
    import torch

    torch.set_num_threads(1)
