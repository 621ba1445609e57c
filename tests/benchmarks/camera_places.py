"""Where should the camera stand for each exercise? Measured with synthetic people, and drawn.

    python tests/benchmarks/camera_places.py measure --json places.json    # every exercise from every place
    python tests/benchmarks/camera_places.py draw places.json docs/camera.png

Each of `--people` persons does five even reps (or holds for five seconds), filmed from seven directions at two heights,
each time from as near as the whole body fits into the picture; the pose model's errors are those of
data/keypoint_errors.yaml. A place is as good as the share of the reps (or of the hold) that is counted from there; what
is counted too much goes off it. The picture shows the best place, and how good the other directions are.
"""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Any

import click
import cv2
import numpy as np

sys.path.insert(0, str(Path(__file__).parents[2]))

from classifier.evaluation.play import ListeningHead, play
from classifier.head import SHIPPED
from configs.loader import load, load_actions
from configs.schema import Counting
from data import motion_stand, noise, occlusion
from data.body import make_body, shape_body
from data.camera import Camera, look_at
from data.kinematics import Floats, vec
from data.posture import keypoints
from data.render import Renderer
from data.script import EXERCISES, Builder, Script
from data.skin import Look
from data.synthetic import Scene, pose
from data.tempo import even_set
from edge.draw import INK, ORANGE, SOFT, WHITE
from edge.paint import BOLD, REGULAR, draw_text, text_width
from edge.words import title_of
from keypoints.sequences import smoothed
from keypoints.types import KeypointSequence

REPS, HOLD_S, FPS = 5, 5.0, 15
#: Degrees around the person, 0 in front, and metres above the floor. The left side is as good as the right one.
DIRECTIONS, HEIGHTS = (0, 30, 60, 90, 120, 150, 180), (0.5, 1.1)
#: A usual webcam, and the Raspberry Pi's Camera Module 3: 66 degrees from left to right.
SIZE, VIEW_DEG = (1280, 720), 66.0
FILL = 0.86  # of the picture, by the body as it moves


def scene(action: str, seed: int, body_seed: int | None = None) -> Scene:
    """One person who stands, and then does the exercise."""
    rng = np.random.default_rng([91, seed])
    body = make_body(seed) if body_seed is None else shape_body(_SHOWN, "shown")
    builder = Builder(rng, body)
    upright = action not in ("plank", "push_up", "sit_up", "pull_up")
    if upright:
        builder.add(motion_stand.stand(rng, body, quiet=True), 1.5)
    move = EXERCISES[action](rng, body)
    if action == "plank":
        builder.add(move, HOLD_S)
    else:
        track = even_set(REPS, there_s=1.2, back_s=1.2, turn_s=0.1, rest_s=0.3)
        builder.add(move, track.end_s, track)
    script = Script(tuple(builder.spans), move.view)
    return pose(body, script, 0.0, np.arange(int(script.end_s * FPS)) / FPS)


_SHOWN = {"gender": 0.05, "age": 0.68, "muscle": 0.65, "weight": 0.42, "height": 0.45, "proportions": 0.75}


def placed(points: Floats, degrees: float, height: float) -> tuple[Camera, float]:
    """A camera in that direction, as near as everything of `points` (N, 17, 3) fits; and how far off it is, m."""
    low, high = points.min((0, 1)) - [0.1, 0.1, 0.05], points.max((0, 1)) + [0.1, 0.1, 0.12]
    middle = (low + high) / 2
    yaw = np.deg2rad(degrees)
    focal = SIZE[0] / 2 / np.tan(np.deg2rad(VIEW_DEG) / 2)
    corners = np.array(np.meshgrid(*zip(low, high, strict=True))).reshape(3, -1).T
    for distance in np.arange(1.0, 6.0, 0.1):
        place = middle + vec(np.cos(yaw), np.sin(yaw), 0) * distance
        place[2] = height
        camera = Camera(place[None], look_at(place[None], middle[None]), focal, SIZE, np.asarray(SIZE) / 2)
        pixels = camera.project(corners[None])[0, :, :2]
        if (np.abs(pixels - camera.centre) * 2 <= FILL * np.asarray(SIZE)).all():
            break
    return camera, float(distance)


def counted(shown: Scene, camera: Camera, seed: int, action: str, head: ListeningHead) -> float:
    """How much of what was done is counted from there, 0 to 1; what is counted too much, or as another, goes off it."""
    points = keypoints(shown.body, shown.solved)
    n = len(points)
    cam = Camera(camera.place.repeat(n, 0), camera.turn.repeat(n, 0), camera.focal, camera.size, camera.centre)
    cover = occlusion.hidden(shown.body, shown.solved, points, cam.place)
    behind = occlusion.behind_plates(shown.solved, points, cam.place, shown.plates)
    facing = occlusion.facing(shown.solved, cam.place)
    rng = np.random.default_rng([17, seed])
    seen = noise.observe(rng, cam.project(points)[..., :2], cover, cam.size, shown.time_s, facing, behind)
    sequence = smoothed(KeypointSequence(seen.astype(np.float32), shown.time_s, cam.size))
    played = play(head, sequence, load_actions(), load(Counting, "counting.yaml", ()))
    done, wrong = float(played.totals.get(action, 0)), sum(n for name, n in played.totals.items() if name != action)
    truth = float(len(shown.reps_s))
    if action == "plank":
        truth = HOLD_S
        done = sum(s.end_s - s.start_s for s in played.segments if s.action == "plank")
    return max(0.0, 1 - (abs(done - truth) + wrong) / truth)


@click.group()
def main() -> None:
    """Where the camera should stand."""


@main.command()
@click.option("--people", default=8, show_default=True)
@click.option("--json", "out", type=click.Path(path_type=Path), required=True)
def measure(people: int, out: Path) -> None:
    """Count every exercise from every place."""
    head = ListeningHead(SHIPPED)
    places: dict[str, list[dict[str, Any]]] = {}
    for action in EXERCISES:
        scenes = [scene(action, seed) for seed in range(people)]
        for height in HEIGHTS:
            for degrees in DIRECTIONS:
                right, distances = 0.0, []
                for seed, shown in enumerate(scenes):
                    camera, distance = placed(keypoints(shown.body, shown.solved), degrees, height)
                    right += counted(shown, camera, seed, action, head)
                    distances.append(distance)
                places.setdefault(action, []).append(
                    {"degrees": degrees, "height": height, "right": right / people,
                     "distance": round(float(np.median(distances)), 1)}
                )  # fmt: skip
        lines = [[place["right"] for place in places[action] if place["height"] == height] for height in HEIGHTS]
        click.echo(f"{action:15}" + "   ".join(" ".join(f"{share:4.2f}" for share in line) for line in lines))
        out.write_text(json.dumps(places, indent=1))


if __name__ == "__main__":
    main()
