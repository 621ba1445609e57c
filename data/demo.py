"""The clip that ships with the runner: one person stands, squats five times, does four push-ups and holds a plank."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
from numpy.typing import NDArray

from data import motion_floor, motion_legs, motion_stand
from data.body import Body, shape_body
from data.camera import Camera, look_at
from data.kinematics import Floats, vec
from data.render import Renderer
from data.script import Builder, Script
from data.skin import Look
from data.synthetic import Scene, pose
from data.tempo import even_set

FPS = 25
SIZE = (1280, 720)
SQUATS, PUSH_UPS, PLANK_S = 5, 4, 5.0

_SHAPE = {"gender": 0.05, "age": 0.68, "muscle": 0.65, "weight": 0.42, "height": 0.45, "proportions": 0.75}
#: Bare knees and a floor that is no colour of the person: what a pose network finds best.
_LOOK = Look(shirt=(0.16, 0.42, 0.72), trousers=(0.25, 0.27, 0.3), legs=0.15, floor=(0.35, 0.4, 0.45),
             wall=(0.93, 0.93, 0.91), sun=(0.4, -0.8, 2.0))  # fmt: skip
#: Styles, chosen by looking: arms raised to the front; hands under the shoulders; forearms on the floor.
_SEED = {"stand": 1, "squat": 3, "push_up": 3, "plank": 1}


def script(body: Body) -> Script:
    """What happens in the clip, about forty seconds."""
    builder = Builder(np.random.default_rng(11), body)

    def style(name: str) -> np.random.Generator:
        return np.random.default_rng(_SEED[name])

    builder.add(motion_stand.stand(style("stand"), body, quiet=True), 2.5)
    squats = even_set(SQUATS, there_s=1.1, back_s=1.0, turn_s=0.15, rest_s=0.35)
    builder.add(motion_legs.squat(style("squat"), body), squats.end_s, squats, way_s=0.6)
    builder.add(motion_stand.stand(style("stand"), body, quiet=True), 2.0, way_s=0.8)
    push_ups = even_set(PUSH_UPS, there_s=1.0, back_s=0.9, turn_s=0.1, rest_s=0.3)
    builder.add(motion_floor.push_up(style("push_up"), body), push_ups.end_s, push_ups, way_s=4.0)
    builder.add(motion_floor.plank(style("plank"), body), PLANK_S, way_s=1.4)
    return Script(tuple(builder.spans), "floor")


def camera(n: int, size: tuple[int, int] = SIZE) -> Camera:
    """A still camera at the height of the chest, between the side and the front (N frames)."""
    place = np.tile(_PLACE, (n, 1))
    focal = 1.36 * size[1]
    return Camera(place, look_at(place, np.tile(_TARGET, (n, 1))), focal, size, np.asarray(size) / 2)


_PLACE: Floats = vec(1.4, 2.95, 1.1)
_TARGET: Floats = vec(-0.1, -0.05, 0.78)


def scene() -> Scene:
    """The posed person with the truth about it."""
    body = shape_body(_SHAPE, "demo")
    what = script(body)
    return pose(body, what, 0.0, np.arange(int(what.end_s * FPS)) / FPS)


def frames(shown: Scene, size: tuple[int, int] = SIZE) -> Iterator[NDArray[np.uint8]]:
    """The pictures (H, W, 3) BGR of the clip, one after the other."""
    seen = camera(len(shown.time_s), size)
    with Renderer(size, _LOOK) as renderer:
        renderer.wall(3.4, float(np.arctan2(_PLACE[0], -_PLACE[1])))
        for i in range(len(shown.time_s)):
            yield renderer.draw(shown.body, shown.solved, i, seen)
