"""Penn Action's label folder as a format; `data.penn_action` reads the files."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

from data.formats.job import Job
from data.formats.registry import register
from data.penn_action import MIXED, read_file
from keypoints.labels import Labelled


def looks_like_penn(path: Path) -> bool:
    """Whether there are label files where Penn Action has them."""
    return next((path / "labels").glob("*.mat"), None) is not None


@register("penn_action", "labels/*.mat", looks_like_penn, raw=True)
def read(path: Path, job: Job) -> Iterator[Labelled]:
    """One recording a label file; nobody counted its reps, but there are none in other sports."""

    def make(file: Path) -> Labelled:
        label, sequence = read_file(file, job.actions)
        made = job.whole(file.stem, sequence, label, mixed=label in MIXED)
        return replace(made, reps=0) if sequence.action == "other" and not made.mixed else made

    return job.each(sorted((path / "labels").glob("*.mat")), make)
