"""The clip manifest: `manifest.csv` with one row a video file, its segments and its number of reps."""

from __future__ import annotations

import csv
import json
import math
from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path

from data.formats.job import Job
from data.formats.registry import register
from keypoints.errors import InputError
from keypoints.labels import Labelled, Segment

_NEEDED = ("file", "segments", "reps_total", "exercise")


@dataclass(frozen=True, slots=True)
class Row:
    """One row of a manifest, checked. file: of the video. exercise and segments: in the manifest's words."""

    file: Path
    exercise: str
    segments: tuple[Segment, ...]
    reps: int | None
    duration_s: float | None
    source: str | None
    subject: str | None


def manifest(path: Path) -> Path:
    """The manifest that a path stands for: itself, or the one in the folder."""
    return path / "manifest.csv" if path.is_dir() else path


def looks_like_manifest(path: Path) -> bool:
    """Whether there is a table with columns of a manifest; if some are missing, reading it says which."""
    file = manifest(path)
    if file.suffix != ".csv" or not file.is_file():
        return False
    with file.open(encoding="utf-8", errors="replace", newline="") as text:
        columns = set(next(csv.reader(text), []))
    return {"file", "segments"} <= columns or (file.name == "manifest.csv" and not columns.isdisjoint(_NEEDED))


def rows(path: Path, job: Job) -> list[Row]:
    """The rows that can be used; the others are told to `job.problem`, one line each.

    Raises InputError when the file is no manifest.
    """
    file = manifest(path)
    try:
        with file.open(encoding="utf-8", newline="") as text:
            table = csv.DictReader(text)
            fields = table.fieldnames or ()
            lacking = [name for name in _NEEDED if name not in fields]
            if lacking:
                raise InputError("not a clip manifest", file=file, expected=f"the columns {', '.join(_NEEDED)}",
                                 found=f"no {', '.join(lacking)}")  # fmt: skip
            lines = list(enumerate(table, start=2))
            if not lines:
                raise InputError("has no rows below its header", file=file, expected="one for each video")
    except OSError as error:
        raise InputError(f"can't be read: {error.strerror}", file=file) from None
    except (UnicodeDecodeError, csv.Error) as error:
        raise InputError(f"not a table: {error}", file=file, expected="a CSV file in UTF-8") from None
    made: dict[Path, Row] = {}
    for number, line in lines:
        try:
            row = _row(file, number, line)
        except InputError as error:
            job.leave_out(str(error))
            continue
        if row.file not in made:
            made[row.file] = row
        else:
            same = made[row.file].exercise == row.exercise
            what = "is there twice" if same else f"is labelled twice ({made[row.file].exercise} and {row.exercise})"
            job.leave_out(f"{file}: line {number}: {row.file.name} {what}; the first is taken")
    return list(made.values())


def _row(file: Path, number: int, line: dict[str, str]) -> Row:
    def wrong(field: str, expected: str) -> InputError:
        return InputError("wrong", file=file, field=f"line {number}: {field}", expected=expected,
                          found=repr(line.get(field)))  # fmt: skip

    video = file.parent / (line["file"] or "")
    if not line["file"] or not video.is_file():
        raise InputError("names a file that is missing", file=file, field=f"line {number}", found=line["file"] or "")
    try:
        segments = tuple(Segment(str(a), float(b), float(c)) for a, b, c in json.loads(line["segments"] or ""))
    except (ValueError, TypeError):
        raise wrong("segments", '[["squat", start_s, end_s], ...]') from None
    if any(segment.end_s < segment.start_s for segment in segments):
        raise wrong("segments", "segments that end after they start")
    try:
        reps = int(line["reps_total"]) if line["reps_total"] else None
    except ValueError:
        raise wrong("reps_total", "a whole number") from None
    if reps is not None and reps < 0:
        raise wrong("reps_total", "0 or more")
    try:
        duration_s = float(line.get("duration_s") or "nan")
    except ValueError:
        raise wrong("duration_s", "seconds") from None
    if not line["exercise"]:
        raise wrong("exercise", "a label")
    return Row(
        file=video, exercise=line["exercise"], segments=segments, reps=reps,
        duration_s=duration_s if math.isfinite(duration_s) else None,
        source=line.get("source_repo") or None, subject=line.get("subject") or None,
    )  # fmt: skip


@register("clips", "manifest.csv with the columns file, segments, reps_total, exercise", looks_like_manifest)
def read(path: Path, job: Job) -> Iterator[Labelled]:
    """The clips of a manifest, by stage 1; a video that can't be read is told and left out."""

    def make(row: Row) -> Labelled:
        sequence = job.extract(row.file)
        if job.nobody(sequence):
            job.problem(f"{row.file}: nobody is found in it")
        sequence = replace(
            sequence, action=job.frames(sequence, row.segments), subject=row.subject,
            source=row.source or f"{row.file.parent.name}/{row.file.stem}",
        )  # fmt: skip
        # An exercise that is not ours may hold squats and push-ups that nobody labelled, as burpees do.
        return Labelled(
            name=row.file.stem, sequence=sequence, exercise=row.exercise, segments=row.segments, reps=row.reps,
            mixed=row.exercise == "other", duration_s=row.duration_s,
        )  # fmt: skip

    return job.each(rows(path, job), make)
