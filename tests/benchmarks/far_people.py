"""Are people counted from afar as well as from near, and does a crop show the joints where the whole picture does?

    python tests/benchmarks/far_people.py make CLIPS FAR               # the clips, shrunk into a larger picture
    python tests/benchmarks/far_people.py make CLIPS FAR --aside       # and each anywhere in it, not in its middle
    python tests/benchmarks/far_people.py make CLIPS FAR --alone       # as small, but in no larger picture
    python tests/benchmarks/far_people.py count CLIPS FAR              # near and far, found once and followed
    python tests/benchmarks/far_people.py count CLIPS FAR --whole      # the same, always at the whole picture
    python tests/benchmarks/far_people.py agree CLIPS --large fp32-640.onnx --small fp32-320.onnx

CLIPS is a labelled set with a `manifest.csv`. FAR gets one as well, so that `repsight evaluate` reads it too. In it the
person is an eighth of the picture's height: taken as the longer side of the box as the pose model sees it in the clip,
so that it is the person, not the clip, that is small. What is written loses nothing by compression, which would make it
worse than small. `agree` takes two exports of the same weights, one with twice the
input of the other: the larger one sees the whole picture, the smaller one a quarter of it around the person.
"""

from __future__ import annotations

import csv
import sys
from collections.abc import Iterator
from pathlib import Path
from random import Random

import click
import cv2
import numpy as np
from numpy.typing import NDArray

sys.path.insert(0, str(Path(__file__).parents[2]))

from classifier.evaluation.play import ListeningHead, play
from classifier.head import SHIPPED as SHIPPED_HEAD
from configs.loader import load, load_actions
from configs.schema import Counting, Follow
from data.formats.clips import manifest, rows
from data.formats.job import Job, Options
from keypoints.errors import RepSightError
from keypoints.extract import extract
from keypoints.region import around
from keypoints.types import Frame
from keypoints.video import Video
from keypoints.yolo import SHIPPED, YoloPose

CANVAS = (1280, 720)
FAR = 1 / 8
EXISTING = click.Path(exists=True, path_type=Path)


def sizes(frames: list[Frame], model: YoloPose) -> float:
    """The longer side of the person in a clip, px: the median over some frames; the clip's height without anybody."""
    picked = frames[:: max(1, len(frames) // 8)]
    found = [poses[0].box for frame in picked if (poses := model.estimate(frame.image)) and poses[0].score > 0.4]
    if not found:
        return float(frames[0].image.shape[0])
    return float(np.median([max(box[2:] - box[:2]) for box in found]))


def shrunk(image: NDArray[np.uint8], ratio: float, place: tuple[float, float]) -> NDArray[np.uint8]:
    """A picture of CANVAS with a small copy of `image` in it, and its borders, drawn out, around it.

    place: 0-1 across and down, of the room that there is; (0.5, 0.5) is the middle.
    """
    small = cv2.resize(image, None, fx=ratio, fy=ratio, interpolation=cv2.INTER_AREA)
    height, width = small.shape[:2]
    left, top = int(place[0] * (CANVAS[0] - width)), int(place[1] * (CANVAS[1] - height))
    right, bottom = CANVAS[0] - width - left, CANVAS[1] - height - top
    return np.asarray(cv2.copyMakeBorder(small, top, bottom, left, right, cv2.BORDER_REPLICATE), np.uint8)


def chosen(clips: Path, only: str | None, job: Job) -> Iterator[Path]:
    """The videos of a manifest whose names contain one of the words of `only`, parted by commas."""
    words = (only or "").split(",")
    return (row.file for row in rows(clips, job) if any(word in row.file.name for word in words))


@click.group()
def main() -> None:
    """Near against far, and whole against crop."""


@main.command()
@click.argument("clips", type=EXISTING)
@click.argument("far", type=click.Path(path_type=Path))
@click.option("--only", help="Of clips with one of these words in their names, parted by commas.")
@click.option("--aside", is_flag=True, help="Each at a place of its own, always the same, instead of the middle.")
@click.option("--alone", is_flag=True, help="In no larger picture: nobody has to be found.")
def make(clips: Path, far: Path, only: str | None, aside: bool, alone: bool) -> None:
    """Shrink CLIPS into FAR."""
    far.mkdir(parents=True, exist_ok=True)
    model = YoloPose(SHIPPED, threads=1)
    files = {path.name for path in chosen(clips, only, Job(load_actions(), Options()))}
    with manifest(clips).open(encoding="utf-8", newline="") as text:
        table = csv.DictReader(text)
        lines = [line for line in table if line["file"] in files]
        fields = list(table.fieldnames or ())
    for line in lines:
        name = Path(line["file"])
        with Video(clips / line["file"]) as video:
            frames, fps = list(video), video.fps
        height, width = frames[0].image.shape[:2]
        ratio = min(FAR * CANVAS[1] / sizes(frames, model), CANVAS[0] / width, CANVAS[1] / height)
        drawn = Random(name.name)
        place = (drawn.random(), drawn.random()) if aside else (0.5, 0.5)
        line["file"] = name.with_suffix(".mkv").name
        size = CANVAS
        if alone:
            size = round(width * ratio) // 2 * 2, round(height * ratio) // 2 * 2
        writer = cv2.VideoWriter(str(far / line["file"]), cv2.CAP_FFMPEG, cv2.VideoWriter.fourcc(*"FFV1"), fps, size)
        for frame in frames:
            writer.write(
                cv2.resize(frame.image, size, interpolation=cv2.INTER_AREA)
                if alone
                else shrunk(frame.image, ratio, place)
            )
        writer.release()
        line.update({key: str(v) for key, v in (("width", size[0]), ("height", size[1])) if key in fields})
        click.echo(f"{line['file']}: {ratio:.2f}")
    with (far / "manifest.csv").open("w", encoding="utf-8", newline="") as text:
        out = csv.DictWriter(text, fields)
        out.writeheader()
        out.writerows(lines)


@main.command()
@click.argument("sets", type=EXISTING, nargs=-1, required=True)
@click.option("--pose", type=EXISTING, default=SHIPPED, help="Pose model instead of the shipped one.")
@click.option("--head", type=EXISTING, default=SHIPPED_HEAD, help="Head instead of the shipped one.")
@click.option("--whole", is_flag=True, help="Always look at the whole picture.")
@click.option("--only", help="Clips with one of these words in their names, parted by commas.")
@click.option("--cache", type=click.Path(path_type=Path), help="Folder that keeps the keypoints.")
def count(sets: tuple[Path, ...], pose: Path, head: Path, whole: bool, only: str | None, cache: Path | None) -> None:
    """Count each of SETS as the runner does; the share of clips whose count is exact, within one, and frames seen."""
    model, opened = YoloPose(pose, threads=1), ListeningHead(head)
    actions, counting = load_actions(), load(Counting, "counting.yaml")
    for clips in sets:
        job = Job(actions, Options())
        exact, near, seen = [], [], []
        files = set(chosen(clips, only, job))
        for row in rows(clips, job):
            action = actions.fold(row.exercise)
            if row.file not in files or row.reps is None or actions.actions[action].kind != "reps":
                continue
            sequence = extract(row.file, model, cache, follow=Follow(enabled=not whole))
            counted = play(opened, sequence, actions, counting).totals.get(action, 0)
            exact.append(counted == row.reps)
            near.append(abs(counted - row.reps) <= 1)
            seen.append(float(sequence.keypoints[..., 2].any(1).mean()))
            click.echo(f"{row.file.name}: {counted} of {row.reps}, seen in {seen[-1]:.0%} of the frames")
        click.echo(f"{clips}: exact {np.mean(exact):.3f}, within one {np.mean(near):.3f} of {len(exact)}; "
                   f"seen {np.mean(seen):.0%}")  # fmt: skip


@main.command()
@click.argument("clips", type=EXISTING)
@click.option("--large", type=EXISTING, required=True, help="Pose model with twice the input of the small one.")
@click.option("--small", type=EXISTING, required=True)
@click.option("--only", help="Clips with one of these words in their names, parted by commas.")
@click.option("--frames", default=4, show_default=True, help="Of each clip.")
def agree(clips: Path, large: Path, small: Path, only: str | None, frames: int) -> None:
    """How far the joints in a crop are from those in the whole picture at the same resolution, in torsos."""
    whole, close = YoloPose(large, threads=1), YoloPose(small, threads=1)
    height, width = close.input_size
    if whole.input_size != (2 * height, 2 * width):
        raise click.UsageError(f"--large has input {whole.input_size}, not twice that of --small")
    apart = []
    for file in chosen(clips, only, Job(load_actions(), Options())):
        with Video(file) as video:
            every = list(video)
        ratio = min(0.4 * min(CANVAS) / sizes(every, close), 1.0)
        for frame in every[:: max(1, len(every) // frames)][:frames]:
            image = shrunk(frame.image, ratio)
            people = whole.estimate(image)
            if not people or people[0].score < 0.5:
                continue
            one = people[0]
            # Half of the whole picture's longer side: the same input pixels for a pixel of the picture.
            side = max(CANVAS) // 2
            middle = np.tile((one.box[:2] + one.box[2:]) / 2, 2)
            region = around(middle, side / 2, CANVAS, close.input_size)
            seen = [p for p in close.estimate(image, region) if abs(p.box - one.box).max() < 0.3 * side]
            if not seen or (one.keypoints[[5, 6, 11, 12], 2] < 0.5).any():
                continue
            both = (one.keypoints[:, 2] > 0.5) & (seen[0].keypoints[:, 2] > 0.5)
            torso = one.keypoints[[5, 6], :2].mean(0) - one.keypoints[[11, 12], :2].mean(0)
            gaps = np.linalg.norm(one.keypoints[both, :2] - seen[0].keypoints[both, :2], axis=1)
            apart.append(float(np.median(gaps) / max(float(np.linalg.norm(torso)), 1.0)))
    p50, p90 = np.percentile(apart, (50, 90))
    click.echo(f"{len(apart)} frames: joints apart by {p50:.4f} of the torso (median), {p90:.4f} (nine of ten)")


if __name__ == "__main__":
    try:
        main()
    except RepSightError as error:
        raise SystemExit(f"error: {error}") from None
