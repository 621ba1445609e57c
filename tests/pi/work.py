"""What a PC and an emulated Pi both do, so that it can be compared; runs in the runtime half alone.

work.py compare OUT PICTURES MODEL...    # poses, windows, counts and the doctor, into one JSON file
work.py cost PICTURES MODEL...           # marks for the plugin that counts instructions
"""

from __future__ import annotations

import json
import os
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import asdict
from itertools import islice
from pathlib import Path
from typing import Any

import cv2
import numpy as np

import cli
from classifier.head import SHIPPED, OnnxHead
from edge import doctor
from edge.draw import draw
from edge.models import Models
from edge.run import load_settings
from edge.scoreboard import Scoreboard
from edge.sources import Sample, open_source
from keypoints.types import KeypointSequence
from keypoints.yolo import YoloPose

HERE = Path(__file__).parent
SEQUENCES = sorted((HERE / "sequences").glob("*.npz"))
WINDOWS_EVERY = 12  # frames of a sequence


def poses(model: Path, pictures: Path) -> list[Any]:
    """The keypoints (17, 3) of the best person of each picture; None where nobody is seen."""
    estimator = YoloPose(model, threads=1)
    found = [estimator.estimate(_picture(path)) for path in sorted(pictures.glob("*.png"))]
    return [people[0].keypoints.tolist() if people else None for people in found]


def windows(head: Path = SHIPPED) -> dict[str, list[Any]]:
    """Of each sequence, the head's probabilities and phase for windows all along it."""
    model = OnnxHead(head)
    length = model.card.window
    answers = {}
    for path in SEQUENCES:
        keypoints = KeypointSequence.load(path).keypoints.astype(np.float32)
        starts = range(0, len(keypoints) - length + 1, WINDOWS_EVERY)
        predictions = [model(keypoints[start : start + length]) for start in starts]
        answers[path.stem] = [[*p.probabilities, *(p.phase if p.phase is not None else ())] for p in predictions]
    return {name: np.asarray(values, float).tolist() for name, values in answers.items()}


def counts(*arguments: str) -> dict[str, Any]:
    """What `repsight run ARGUMENTS` reports, latencies and paths aside."""
    with tempfile.TemporaryDirectory() as folder:
        file = Path(folder) / "report.json"
        cli.cli.main(["run", *arguments, "--screen", "none", "--log", "none", "--json", str(file)],
                     standalone_mode=False)  # fmt: skip
        report = json.loads(file.read_text())
    return {key: report[key] for key in ("frames", "duration_s", "totals", "holds", "segments", "reps")}


def compare(out: Path, pictures: Path, models: list[Path]) -> None:
    """Do everything that is compared, and write it."""
    with tempfile.TemporaryDirectory() as folder:
        checks = [asdict(check) for check in doctor.examine(Path(folder))]
    told = {
        "poses": {model.stem: poses(model, pictures) for model in models},
        "windows": windows(),
        "counts": {path.stem: counts(str(path)) for path in SEQUENCES},
        "chain": counts("demo", "fps=4", "threads=1", "--frames", "40"),
        "doctor": checks,
    }
    out.write_text(json.dumps(told))


def cost(pictures: Path, models: list[Path]) -> None:
    """Run each step of a frame several times, between two marks each: first what comes after the poses, then models."""
    image = _picture(min(pictures.glob("*.png")))
    settings, counting = load_settings()
    with open_source(str(HERE / "sequences" / "demo.npz")) as source:
        pipeline, scoreboard = Models.open(settings, with_estimator=False).pipeline(settings, counting), Scoreboard()
        for sample in islice(source, 48):  # a window has to fill before the head has all of its work
            assert isinstance(sample, Sample)
            marked = sample.index >= 36
            with _marks("window, head, count", marked):
                reading = pipeline.read_pose(sample.time_s, sample.pose)
            board = scoreboard.update(reading)
            with _marks("draw", marked):
                draw(image, reading.pose, board, sample.size)
    for model in models:
        estimator = YoloPose(model, threads=1)
        for repeat in range(3):
            with _marks("letterbox", repeat > 0):
                prepared = estimator.prepare(image)
            with _marks(f"pose {model.stem}", repeat > 0):
                estimator.infer(prepared)


@contextmanager
def _marks(step: str, wanted: bool) -> Iterator[None]:
    """Before and after the body, a call that the plugin sees."""
    if not wanted:
        yield
        return
    sys.stderr.write(f"step {step}\n")
    sys.stderr.flush()
    _mark()
    yield
    _mark()


def _mark() -> None:
    with suppress(OSError):
        os.lseek(-1000, 0, os.SEEK_SET)


def _picture(path: Path) -> Any:
    picture = cv2.imread(str(path))
    assert picture is not None, path
    return picture


if __name__ == "__main__":
    command, *rest = map(Path, sys.argv[1:])
    if str(command) == "compare":
        compare(rest[0], rest[1], rest[2:])
    else:
        cost(rest[0], rest[1:])
