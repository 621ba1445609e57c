"""A folder of videos for each class, as HMDB51 has it: class/video.avi, and its published splits where they are."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

from data.formats.job import Job
from data.formats.registry import register
from data.formats.segments import looks_like_segments
from keypoints.errors import InputError
from keypoints.labels import Labelled
from keypoints.video import SUFFIXES

#: HMDB51's `stand` is getting up from a seat, which is no rest of ours (Kuehne et al., ICCV 2011).
_HMDB_LABELS = {"stand": "stand_up"}

#: The end of HMDB51's file names: class, visible body part, camera motion, people, view, quality, number of the clip.
_HMDB_NAME = r"_(?P<label>{label})_(f|u|h|l)_(cm|nm)_np\d+_(fr|ba|le|ri)_(goo|med|bad)_\d+$"


def videos(path: Path) -> list[Path]:
    """The videos of a folder's folders, in the order of their names."""
    if not path.is_dir():
        return []
    return sorted(file for file in path.glob("*/*") if file.suffix.lower() in SUFFIXES and file.is_file())


def looks_like_videos(path: Path) -> bool:
    """Whether there are videos in folders, but none beside the folders, and no table of them."""
    return bool(videos(path)) and not (path / "manifest.csv").exists() and not looks_like_segments(path)


@register("videos", "a folder of videos for each class, class/video.avi", looks_like_videos)
def read(path: Path, job: Job) -> Iterator[Labelled]:
    """Every video by stage 1, labelled by its folder; one that can't be read is told and left out.

    Clips that HMDB51 cut from the same film have the film as their source. `name` is class/file.
    """
    known = hmdb_splits(path)
    missing = sorted(set(known.get(1, {})) - {file.name for file in videos(path)})
    if missing:
        job.leave_out(f"{path}: {len(missing)} videos of the published split are missing, such as {missing[0]}")

    def make(file: Path) -> Labelled:
        sequence = job.extract(file)
        if len(sequence) < 2:
            raise InputError("nothing moves in it", file=file, expected="two frames or more", found="a single frame")
        if job.nobody(sequence):
            raise InputError("nobody is found in it", file=file)
        label, source = shown(path, file)
        name = f"{file.parent.name}/{file.stem}"
        # In a film clip of another class anything may happen beside it.
        return job.whole(name, replace(sequence, source=source), label, mixed=job.actions.fold(label) == "other")

    return job.each(videos(path), make)


def shown(path: Path, file: Path) -> tuple[str, str]:
    """The label of a video of the set at `path`, and its source: itself, or the film that HMDB51 cut it from."""
    label = file.parent.name
    film = _film(file, label)
    source = f"{path.name}/{film or f'{label}/{file.stem}'}"
    return (label if film is None else _HMDB_LABELS.get(label, label)), source


def _film(file: Path, label: str) -> str | None:
    """What HMDB51 cut a clip from; None when the file is not named as HMDB51 names its own."""
    found = re.search(_HMDB_NAME.format(label=re.escape(label)), file.stem)
    return file.stem[: found.start()] if found else None


def hmdb_splits(path: Path) -> dict[int, dict[str, str]]:
    """HMDB51's published splits: number to file name to part (`train` or `test`).

    Read from CLASS_test_splitN.txt, beside the class folders or in a folder among them; empty without. Raises
    InputError when a line is not `NAME 0`, 1 (train) or 2 (test).
    """
    splits: dict[int, dict[str, str]] = {}
    for file in sorted([*path.glob("*_test_split[0-9].txt"), *path.glob("*/*_test_split[0-9].txt")]):
        parts = splits.setdefault(int(file.stem[-1]), {})
        for number, line in enumerate(file.read_text(encoding="utf-8", errors="replace").splitlines(), start=1):
            if not line.strip():
                continue
            name, _, use = line.strip().rpartition(" ")
            if use not in ("0", "1", "2") or not name:
                raise InputError("wrong", file=file, field=f"line {number}", expected="NAME 0, 1 or 2", found=line)
            if use != "0":
                parts[name.strip()] = "train" if use == "1" else "test"
    return splits
