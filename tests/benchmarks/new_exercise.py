"""How well a head learns an exercise that it has never seen, from ten recorded reps, and what it forgets.

    repsight train-head --data people --out base.onnx leave_out=[jumping_jack]
    python tests/benchmarks/new_exercise.py base.onnx CLIPS --data people --action jumping_jack

CLIPS is a labelled set that `repsight evaluate` reads. Each draw teaches with recordings of the action that together
show at most ten reps, counts on those that are left and on those of every other exercise, and compares the latter with
the base's counts. What is written is for measuring alone.
"""

from __future__ import annotations

import sys
import tempfile
import time
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import click
import numpy as np

sys.path.insert(0, str(Path(__file__).parents[2]))

from classifier.evaluation.play import ListeningHead, play
from classifier.teaching import teach
from configs.loader import load, load_actions
from configs.schema import Counting, TrainHead
from data.collect import collect
from data.sets import read
from keypoints.errors import RepSightError
from keypoints.labels import Labelled


def exact(head: Path, records: Sequence[Labelled]) -> float:
    """The share of the recordings whose reps the head counts exactly, the action predicted."""
    opened, actions, counting = ListeningHead(head), load_actions(), load(Counting, "counting.yaml")
    counted = (play(opened, record.sequence, actions, counting).totals for record in records)
    return float(np.mean([
        totals.get(actions.fold(record.exercise or ""), 0) == record.reps
        for record, totals in zip(records, counted, strict=True)
    ]))  # fmt: skip


def draw(records: Sequence[Labelled], most: int, seed: int) -> tuple[list[Labelled], list[Labelled]]:
    """Recordings to teach with, of at most so many reps together, and those that are left."""
    taken: list[Labelled] = []
    left: list[Labelled] = []
    for i in np.random.default_rng(seed).permutation(len(records)):
        fits = sum(r.reps or 0 for r in [*taken, records[i]]) <= most
        (taken if fits else left).append(records[i])
    return taken, left


@click.command()
@click.argument("base", type=click.Path(exists=True, dir_okay=False, path_type=Path))
@click.argument("clips", type=click.Path(exists=True, path_type=Path))
@click.argument("overrides", metavar="[KEY=VALUE]...", nargs=-1)
@click.option(
    "--data", type=click.Path(path_type=Path), multiple=True, required=True, help="What the base learnt from."
)
@click.option("--action", default="jumping_jack", show_default=True)
@click.option("--reps", default=10, show_default=True, help="Recorded reps, at most.")
@click.option("--draws", default=5, show_default=True)
def main(
    base: Path, clips: Path, overrides: tuple[str, ...], data: tuple[Path, ...], action: str, reps: int, draws: int
) -> None:
    """Teach BASE the action from CLIPS, several times, and print what it counts."""
    actions = load_actions()
    config = load(TrainHead, "train_head.yaml", overrides)
    counted = [r for r in read(clips, actions) if r.reps and actions.fold(r.exercise or "") != "other"]
    mine = [r for r in counted if actions.fold(r.exercise or "") == action]
    rest = [r for r in counted if actions.fold(r.exercise or "") != action]
    others, trained_on = collect(data, actions, config.seed)
    others = others[: config.teach.sequences]
    before = exact(base, rest)
    click.echo(f"before: exact {before:.3f} of {len(rest)} recordings of other exercises")
    new, old = [], []
    with tempfile.TemporaryDirectory() as folder:
        out = Path(folder) / "taught.onnx"
        for number in range(draws):
            taken, left = draw(mine, reps, number)
            lessons = [replace(r.sequence, reps_s=None, phase=None, source=r.name) for r in taken]
            began = time.perf_counter()
            teach(base, action, lessons, others, actions, config, out, trained_on=trained_on, command="a benchmark")
            seconds = time.perf_counter() - began
            new.append(exact(out, left))
            old.append(exact(out, rest))
            shown = f"{sum(r.reps or 0 for r in taken)} reps of {len(taken)} recordings, {seconds:.0f} s"
            found = f"exact {new[-1]:.3f} of {len(left)} left, {old[-1]:.3f} of the others"
            click.echo(f"draw {number}: {shown}: {found}")
    click.echo(f"mean: exact {np.mean(new):.3f} of {action}; the others lose {before - np.mean(old):.3f}")


if __name__ == "__main__":
    try:
        main()
    except RepSightError as error:
        raise SystemExit(f"error: {error}") from None
