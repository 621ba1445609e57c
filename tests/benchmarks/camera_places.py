"""Where should the camera stand for each exercise? Where people were counted well from, and what it sees there.

    repsight evaluate --data clips --out runs/clips
    python tests/benchmarks/camera_places.py seen runs/clips/report.json clips/manifest.csv --json seen.json
    python tests/benchmarks/camera_places.py draw seen.json docs/camera-places.png

`seen` reads how well each labelled clip was counted, and the column `view` of its manifest (front, 45, side, back): the
share of its reps that was counted, less those that were counted too much or as another exercise. `draw` shows one
person from the place that is recommended, as near as the whole body stays in the picture, and the room from above.
"""

from __future__ import annotations

import csv
import json
import sys
from collections import defaultdict
from pathlib import Path

import click
import cv2
import numpy as np
from PIL import Image as Picture

sys.path.insert(0, str(Path(__file__).parents[2]))

from data import motion_stand
from data.body import shape_body
from data.camera import Camera, look_at
from data.kinematics import Floats, vec
from data.posture import keypoints
from data.render import Renderer
from data.script import EXERCISES, Builder, Script
from data.skin import Look
from data.synthetic import Scene, pose
from data.tempo import even_set
from edge.look import GREEN, INK, ORANGE, SOFT, TRACK, WHITE
from edge.paint import BOLD, REGULAR, Image, draw_text, text_width
from edge.words import title_of
from keypoints import skeleton

#: Degrees around the person, 0 in front and 90 at the side, and metres above the floor: where clips are counted best,
#: and whence the screen beside the camera can be seen.
PLACES = {
    "squat": (75, 1.0), "lunge": (60, 1.0), "deadlift": (75, 1.0), "jumping_jack": (0, 1.0), "biceps_curl": (40, 1.1),
    "shoulder_press": (0, 1.1), "pull_up": (0, 1.2), "push_up": (90, 0.5), "plank": (90, 0.5), "sit_up": (50, 0.6),
}  # fmt: skip
#: The manifest's words, and degrees from which to which each of them is meant.
VIEWS = {"front": (0, 22), "45": (22, 67), "side": (67, 113), "back": (113, 180)}

FPS = 15
#: A usual webcam, and the Raspberry Pi's Camera Module 3: 66 degrees from left to right.
SIZE, VIEW_DEG = (1280, 720), 66.0
STANDING = ("squat", "lunge", "jumping_jack", "biceps_curl", "shoulder_press", "deadlift")
FILL = 0.86  # of the picture, by the body as it moves
#: Of the picture: pixels of one exercise, and how many are beside each other.
TILE, COLUMNS = (256, 324), 5
#: What is counted half or less; what was filmed by nobody is TRACK and a hair's breadth. Width says the same as colour.
_BAD = (70, 90, 215)
_SHOWN = {"gender": 0.05, "age": 0.68, "muscle": 0.65, "weight": 0.42, "height": 0.45, "proportions": 0.75}


@click.group()
def main() -> None:
    """Where the camera should stand."""


@main.command()
@click.argument("report", type=click.Path(exists=True, path_type=Path))
@click.argument("manifest", type=click.Path(exists=True, path_type=Path))
@click.option("--json", "out", type=click.Path(path_type=Path), required=True)
def seen(report: Path, manifest: Path, out: Path) -> None:
    """How well each exercise was counted, by the direction that it was filmed from."""
    with manifest.open(newline="", encoding="utf-8") as file:
        views = {Path(row["file"]).stem: row["view"] for row in csv.DictReader(file)}
    (result, *_) = json.loads(report.read_text(encoding="utf-8"))["results"]
    found: dict[str, dict[str, list[float]]] = defaultdict(lambda: defaultdict(list))
    for one in result["sequences"]:
        if one["true"] and views.get(one["name"]) in VIEWS:
            wrong = abs(one["counted"] - one["true"]) + one["ghosts"]
            found[one["action"]][views[one["name"]]].append(max(0.0, 1 - wrong / one["true"]))
    for action, by_view in found.items():
        shares = (f"{view} {np.mean(values):.2f} of {len(values)}" for view, values in by_view.items())
        click.echo(f"{action:15} {', '.join(shares)}")
    out.write_text(json.dumps(found, indent=1))


@main.command()
@click.argument("shares", metavar="SEEN", type=click.Path(exists=True, path_type=Path))
@click.argument("picture", type=click.Path(path_type=Path))
def draw(shares: Path, picture: Path) -> None:
    """Draw what the camera sees from the place that is recommended, and the room from above."""
    found = json.loads(shares.read_text())
    tiles = [_tile(action, found.get(action, {})) for action in PLACES]
    rows = [np.hstack(tiles[start : start + COLUMNS]) for start in range(0, len(tiles), COLUMNS)]
    sheet = np.vstack([*rows, _legend(rows[0].shape[1])])
    # A palette of 128 colours: a third of the bytes, and nobody sees it.
    Picture.fromarray(sheet[..., ::-1]).quantize(128, dither=Picture.Dither.NONE).save(picture, optimize=True)
    click.echo(f"wrote {picture}")


def scene(action: str, seed: int) -> Scene:
    """One person who does the exercise three times, in the style of that number."""
    rng = np.random.default_rng([91, seed])
    body = shape_body(_SHOWN, "shown")
    builder = Builder(rng, body)
    if action in STANDING:
        builder.add(motion_stand.stand(rng, body, quiet=True), 1.0)
    move = EXERCISES[action](rng, body)
    if action == "plank":
        builder.add(move, 2.0)
    else:
        track = even_set(3, there_s=1.2, back_s=1.2, turn_s=0.1, rest_s=0.3)
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


def _tile(action: str, shares: dict[str, list[float]]) -> Image:
    degrees, height_m = PLACES[action]
    shown = _demonstrated(action)
    camera, distance = placed(keypoints(shown.body, shown.solved), degrees, height_m)
    frame = len(shown.time_s) - 1 if action == "plank" else int(np.argmin(shown.phase[:, 0]))
    one = Camera(camera.place.repeat(frame + 1, 0), camera.turn.repeat(frame + 1, 0), camera.focal, SIZE, camera.centre)
    with Renderer(SIZE, Look(legs=0.15, trousers=(0.25, 0.27, 0.3), wall=(0.9, 0.9, 0.88))) as renderer:
        renderer.wall(3.0, float(np.deg2rad(degrees) + np.pi / 2))
        seen = renderer.draw(shown.body, shown.solved, frame, one)
    tile = np.full((TILE[1], TILE[0], 3), INK, np.uint8)
    draw_text(tile, title_of(action), (8, 25), 21, WHITE, BOLD)
    text = f"{distance:.1f} m"
    draw_text(tile, text, (TILE[0] - 8 - text_width(text, 18), 25), 18, SOFT, REGULAR)
    height = round((TILE[0] - 8) * SIZE[1] / SIZE[0])
    tile[36 : 36 + height, 4:-4] = cv2.resize(seen, (TILE[0] - 8, height), interpolation=cv2.INTER_AREA)
    _plan(tile, (TILE[0] // 2, 36 + height + 66), shares, degrees)
    return tile


def _demonstrated(action: str) -> Scene:
    """The exercise as the picture shows it: in the first style that needs no chair."""
    for seed in range(3, 30):
        shown = scene(action, seed)
        hips = keypoints(shown.body, shown.solved)[-1, [skeleton.L_HIP, skeleton.R_HIP], 2].mean()
        if action not in STANDING or hips > 0.7:
            break
    return shown


def _plan(tile: Image, middle: tuple[int, int], shares: dict[str, list[float]], degrees: float) -> None:
    """The room from above; the person in the middle looks down the page."""
    for view, (low, high) in VIEWS.items():
        color: tuple[int, ...] = TRACK
        thick = 1
        if view in shares:
            share = float(np.clip((np.mean(shares[view]) - 0.5) / 0.5, 0, 1))
            color = tuple(int(a + (b - a) * share) for a, b in zip(_BAD, GREEN, strict=True))
            thick = round(3 + 8 * share)
        for side in (1, -1):
            ends = sorted((90 - side * (low + 2), 90 - side * (high - 2)))
            cv2.ellipse(tile, middle, (44, 44), 0, ends[0], ends[1], color, thick, cv2.LINE_AA)
    cv2.ellipse(tile, middle, (13, 7), 0, 0, 360, WHITE, -1, cv2.LINE_AA)  # shoulders
    cv2.arrowedLine(tile, middle, (middle[0], middle[1] + 24), WHITE, 2, cv2.LINE_AA, tipLength=0.35)
    angle = np.deg2rad(degrees)
    at = np.asarray(middle) + 58 * np.array([np.sin(angle), np.cos(angle)])
    ahead = (np.asarray(middle) - at) / 58
    across = np.array([-ahead[1], ahead[0]])
    body = [at - 9 * across, at + 9 * across, at + 9 * across - 13 * ahead, at - 9 * across - 13 * ahead]
    lens = [at, at + 9 * ahead - 6 * across, at + 9 * ahead + 6 * across]
    for shape in (body, lens):
        cv2.fillPoly(tile, [np.round(shape).astype(np.int32)], ORANGE, cv2.LINE_AA)


def _legend(width: int) -> Image:
    strip = np.full((40, width, 3), INK, np.uint8)
    text = "below: the room from above, the arrow is where you face; thick and green: counts well, thin and red: badly"
    draw_text(strip, text, ((width - text_width(text, 18, REGULAR)) // 2, 24), 18, SOFT, REGULAR)
    return strip


if __name__ == "__main__":
    main()
