"""Where should the camera stand for each exercise? Measured with synthetic people, and drawn.

    python tests/benchmarks/camera_places.py measure --json places.json    # every exercise from every place
    python tests/benchmarks/camera_places.py draw places.json docs/camera-places.png

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
from PIL import Image as Picture

sys.path.insert(0, str(Path(__file__).parents[2]))

from classifier.evaluation.play import ListeningHead, play
from classifier.head import SHIPPED
from configs.loader import load, load_actions
from configs.schema import Counting
from data import motion_stand, noise, occlusion
from data.body import Body, make_body, shape_body
from data.camera import Camera, look_at
from data.kinematics import Floats, vec
from data.posture import keypoints
from data.render import Renderer
from data.script import EXERCISES, Builder, Script
from data.skin import Look
from data.synthetic import Scene, pose
from data.tempo import even_set
from edge.draw import GREEN, INK, ORANGE, SOFT, TRACK, WHITE
from edge.paint import BOLD, REGULAR, Image, draw_text, text_width
from edge.words import title_of
from keypoints import skeleton
from keypoints.sequences import smoothed
from keypoints.types import KeypointSequence

REPS, HOLD_S, FPS = 5, 5.0, 15
#: Degrees around the person, 0 in front, and metres above the floor. The left side is as good as the right one.
DIRECTIONS, HEIGHTS = (0, 30, 60, 90, 120, 150, 180), (0.5, 1.1)
#: A usual webcam, and the Raspberry Pi's Camera Module 3: 66 degrees from left to right.
SIZE, VIEW_DEG = (1280, 720), 66.0
STANDING = ("squat", "lunge", "jumping_jack", "biceps_curl", "shoulder_press", "deadlift")
FILL = 0.86  # of the picture, by the body as it moves
#: Of the picture: pixels of one exercise, and how many are beside each other.
TILE, COLUMNS = (256, 324), 5
_SHOWN = {"gender": 0.05, "age": 0.68, "muscle": 0.65, "weight": 0.42, "height": 0.45, "proportions": 0.75}


def scene(action: str, seed: int, body: Body | None = None) -> Scene:
    """One person, number `seed` without another body, who stands and then does the exercise."""
    rng = np.random.default_rng([91, seed])
    body = body or make_body(seed)
    builder = Builder(rng, body)
    if action in STANDING:
        builder.add(motion_stand.stand(rng, body, quiet=True), 1.5)
    move = EXERCISES[action](rng, body)
    if action == "plank":
        builder.add(move, HOLD_S)
    else:
        track = even_set(REPS, there_s=1.2, back_s=1.2, turn_s=0.1, rest_s=0.3)
        builder.add(move, track.end_s, track)
    script = Script(tuple(builder.spans), move.view)
    return pose(body, script, 0.0, np.arange(int(script.end_s * FPS)) / FPS)


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
    """Count every exercise from every place; one that is in the file already is kept."""
    head = ListeningHead(SHIPPED)
    places: dict[str, list[dict[str, Any]]] = json.loads(out.read_text()) if out.exists() else {}
    for action in (name for name in EXERCISES if name not in places):
        measured: list[dict[str, Any]] = []
        scenes = [scene(action, seed) for seed in range(people)]
        for height in HEIGHTS:
            for degrees in DIRECTIONS:
                right, distances = 0.0, []
                for seed, shown in enumerate(scenes):
                    camera, distance = placed(keypoints(shown.body, shown.solved), degrees, height)
                    right += counted(shown, camera, seed, action, head)
                    distances.append(distance)
                measured.append(
                    {"degrees": degrees, "height": height, "right": right / people,
                     "distance": round(float(np.median(distances)), 1)}
                )  # fmt: skip
        places[action] = measured
        lines = [[place["right"] for place in measured if place["height"] == height] for height in HEIGHTS]
        click.echo(f"{action:15}" + "   ".join(" ".join(f"{share:4.2f}" for share in line) for line in lines))
        out.write_text(json.dumps(places, indent=1))


@main.command()
@click.argument("places", type=click.Path(exists=True, path_type=Path))
@click.argument("picture", type=click.Path(path_type=Path))
def draw(places: Path, picture: Path) -> None:
    """Draw what `measure` has found: what the camera sees from the best place, and the place from above."""
    found = json.loads(places.read_text())
    tiles = [_tile(action, found[action]) for action in found]
    rows = [np.hstack(tiles[start : start + COLUMNS]) for start in range(0, len(tiles), COLUMNS)]
    sheet = np.vstack([*rows, _legend(rows[0].shape[1])])
    # A palette of 128 colours: a third of the bytes, and nobody sees it.
    Picture.fromarray(sheet[..., ::-1]).quantize(128, dither=Picture.Dither.NONE).save(picture, optimize=True)
    click.echo(f"wrote {picture}")


def best(places: list[dict[str, Any]]) -> dict[str, Any]:
    """The place whose neighbours are good as well: nobody places a camera to the degree."""
    right = {(place["degrees"], place["height"]): place["right"] for place in places}

    def worth(place: dict[str, Any]) -> float:
        degrees, height = place["degrees"], place["height"]
        beside = [right.get((degrees + step, height), place["right"]) for step in (-30, 30)]
        return float(2 * place["right"] + sum(beside))

    return max(places, key=worth)


def _tile(action: str, places: list[dict[str, Any]]) -> Image:
    place = best(places)
    shown = _demonstrated(action)
    camera, distance = placed(keypoints(shown.body, shown.solved), place["degrees"], place["height"])
    frame = len(shown.time_s) - 1 if action == "plank" else int(np.argmin(shown.phase[:, 0]))
    one = Camera(camera.place.repeat(frame + 1, 0), camera.turn.repeat(frame + 1, 0), camera.focal, SIZE, camera.centre)
    with Renderer(SIZE, Look(legs=0.15, trousers=(0.25, 0.27, 0.3), wall=(0.9, 0.9, 0.88))) as renderer:
        renderer.wall(3.0, float(np.deg2rad(place["degrees"]) + np.pi / 2))
        seen = renderer.draw(shown.body, shown.solved, frame, one)
    tile = np.full((TILE[1], TILE[0], 3), INK, np.uint8)
    draw_text(tile, title_of(action), (8, 25), 21, WHITE, BOLD)
    text = f"{distance:.1f} m"
    draw_text(tile, text, (TILE[0] - 8 - text_width(text, 18), 25), 18, SOFT, REGULAR)
    height = round((TILE[0] - 8) * SIZE[1] / SIZE[0])
    tile[36 : 36 + height, 4:-4] = cv2.resize(seen, (TILE[0] - 8, height), interpolation=cv2.INTER_AREA)
    _plan(tile, (TILE[0] // 2, 36 + height + 66), places, place)
    return tile


def _demonstrated(action: str) -> Scene:
    """The exercise as the picture shows it: in the first style that needs no chair."""
    body = shape_body(_SHOWN, "shown")
    for seed in range(3, 30):
        shown = scene(action, seed, body=body)
        hips = keypoints(body, shown.solved)[-1, [skeleton.L_HIP, skeleton.R_HIP], 2].mean()
        if action not in STANDING or hips > 0.7:
            break
    return shown


def _plan(tile: Image, middle: tuple[int, int], places: list[dict[str, Any]], place: dict[str, Any]) -> None:
    """The room from above; the person in the middle looks down the page."""
    for each in places:
        if each["height"] != place["height"]:
            continue
        share = float(np.clip((each["right"] - 0.5) / 0.5, 0, 1))
        color = tuple(int(low + (high - low) * share) for low, high in zip(TRACK, GREEN, strict=True))
        for side in (1, -1):
            angle = 90 - side * each["degrees"]
            cv2.ellipse(tile, middle, (44, 44), 0, angle - 13, angle + 13, color, 9, cv2.LINE_AA)
    cv2.ellipse(tile, middle, (13, 7), 0, 0, 360, WHITE, -1, cv2.LINE_AA)  # shoulders
    cv2.arrowedLine(tile, middle, (middle[0], middle[1] + 24), WHITE, 2, cv2.LINE_AA, tipLength=0.35)
    angle = np.deg2rad(place["degrees"])
    at = np.asarray(middle) + 58 * np.array([np.sin(angle), np.cos(angle)])
    ahead = (np.asarray(middle) - at) / 58
    across = np.array([-ahead[1], ahead[0]])
    body = [at - 9 * across, at + 9 * across, at + 9 * across - 13 * ahead, at - 9 * across - 13 * ahead]
    lens = [at, at + 9 * ahead - 6 * across, at + 9 * ahead + 6 * across]
    for shape in (body, lens):
        cv2.fillPoly(tile, [np.round(shape).astype(np.int32)], ORANGE, cv2.LINE_AA)


def _legend(width: int) -> Image:
    strip = np.full((40, width, 3), INK, np.uint8)
    text = (
        "what the camera sees, and the room from above: the arrow is where you face; the greener, the better it counts"
    )
    draw_text(strip, text, ((width - text_width(text, 18, REGULAR)) // 2, 24), 18, SOFT, REGULAR)
    return strip


if __name__ == "__main__":
    main()
