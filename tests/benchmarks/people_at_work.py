"""A set of labelled videos to try `train-baseline` on: rendered people, a folder for each exercise, split by person.

    python tests/benchmarks/people_at_work.py OUT --train 20 --validation 4 --test 10

OUT gets train/, validation/ and test/, each with CLASS/PERSON.mp4: every person does every exercise once, in clothes,
light and view of its own, and is in one part alone. The same arguments give the same people.
"""

from __future__ import annotations

import sys
from collections.abc import Iterator
from pathlib import Path

import click
import numpy as np
from numpy.typing import NDArray

sys.path.insert(0, str(Path(__file__).parents[2]))

from data import camera
from data.body import BODIES, make_body
from data.posture import keypoints
from data.render import Renderer
from data.script import EXERCISES, Builder, Script
from data.skin import Look
from data.synthetic import pose
from data.video import write_video

CLASSES = ("biceps_curl", "jumping_jack", "lunge", "plank", "push_up", "squat")
FPS, SECONDS, SIDE = 12.0, 3.5, 160


def frames(person: int, action: str, seed: int) -> Iterator[NDArray[np.uint8]]:
    """BGR pictures (SIDE, SIDE, 3) of somebody in the midst of a set."""
    rng = np.random.default_rng([seed, person, CLASSES.index(action)])
    body = make_body(person)
    builder = Builder(rng, body)
    move = EXERCISES[action](rng, body)
    builder.exercise(move, SECONDS + 5.0)
    script = Script(tuple(builder.spans), move.view)
    begin = float(rng.uniform(0, max(0.0, script.end_s - SECONDS)))
    shown = pose(body, script, begin, np.arange(int(FPS * SECONDS)) / FPS)
    size = (SIDE, SIDE)
    seen = camera.place(rng, keypoints(body, shown.solved), shown.time_s, shown.view, size)
    with Renderer(size, Look.random(rng), smooth=False, detail=0.2) as renderer:
        for number in range(len(shown.time_s)):
            yield renderer.draw(body, shown.solved, number, seen)


@click.command()
@click.argument("out", type=click.Path(file_okay=False, path_type=Path))
@click.option("--train", default=20, show_default=True, help="People in each part.")
@click.option("--validation", default=4, show_default=True)
@click.option("--test", default=10, show_default=True)
@click.option("--seed", default=0, show_default=True)
def main(out: Path, train: int, validation: int, test: int, seed: int) -> None:
    """Render the videos into OUT; those that are there are kept."""
    people = [int(number) for number in np.random.default_rng(seed).permutation(BODIES)]
    parts = [*["train"] * train, *["validation"] * validation, *["test"] * test]
    for part, person in zip(parts, people, strict=False):
        for action in CLASSES:
            path = out / part / action / f"{person:03d}.mp4"
            if not path.exists():
                path.parent.mkdir(parents=True, exist_ok=True)
                write_video(path, frames(person, action, seed), FPS, (SIDE, SIDE), crf=23)
        click.echo(f"{part}: person {person}")


if __name__ == "__main__":
    main()
