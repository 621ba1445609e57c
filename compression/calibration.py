"""The pictures that int8 takes its ranges from, and those that are held back to judge the result."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import TypeVar

import cv2
import numpy as np
from numpy.typing import NDArray

from configs.exporting import Calibration
from data.formats.images import SUFFIXES
from keypoints.errors import InputError
from keypoints.letterbox import Letterbox

T = TypeVar("T")

#: Every eighth picture is held back from calibration, to check the export with.
HELD_BACK = 8


def chosen(settings: Calibration) -> tuple[list[Path], list[Path]]:
    """Pictures to calibrate with, and pictures held back to compare with.

    Of each source (a folder of the settings) or class (a folder that holds pictures), `each` at most, thinned evenly.
    Raises InputError when a folder is missing or holds none, or there are too few.
    """
    found: list[Path] = []
    for folder in map(Path, settings.folders):
        inside = pictures([folder])
        if not inside:
            raise InputError("no pictures in it", file=folder, field="calibration")
        groups = [inside]
        if settings.by == "class":
            groups = [[p for p in inside if p.parent == parent] for parent in sorted({p.parent for p in inside})]
        found += [path for group in groups for path in thinned(group, settings.each)]
    used, held_back = split(found)
    if len(used) < HELD_BACK:
        raise InputError("int8 needs pictures to calibrate with", field="calibration",
                         expected=f"folders with at least {HELD_BACK + 2} pictures of people",
                         found=f"{len(found)} in {list(settings.folders)}, with each={settings.each}")  # fmt: skip
    return used, held_back


def pictures(folders: Sequence[str | Path]) -> list[Path]:
    """The pictures under the folders, in the order of their names. Raises InputError when a folder is missing."""
    found: list[Path] = []
    for folder in map(Path, folders):
        if not folder.is_dir():
            raise InputError("no such folder", file=folder, field="calibration")
        found += sorted(path for path in folder.rglob("*") if path.suffix.lower() in SUFFIXES)
    return found


def thinned(found: Sequence[T], limit: int) -> list[T]:
    """At most `limit` of them, evenly."""
    if len(found) <= limit:
        return list(found)
    return [found[i] for i in np.linspace(0, len(found) - 1, limit).round().astype(int)]


def split(found: Sequence[Path]) -> tuple[list[Path], list[Path]]:
    """Pictures to calibrate with, and pictures held back to compare with."""
    held_back = found[HELD_BACK - 1 :: HELD_BACK]
    return [path for path in found if path not in set(held_back)], list(held_back)


def tensors(files: Sequence[Path], height: int, width: int) -> Iterator[NDArray[np.float32]]:
    """The pictures, letterboxed as the runtime does it. Raises InputError for one that is broken."""
    letterbox = Letterbox(height, width)
    for file in files:
        image = cv2.imread(str(file), cv2.IMREAD_COLOR)
        if image is None:
            raise InputError("not a picture", file=file, hint="mend it or take it away")
        yield letterbox(np.asarray(image, np.uint8)).tensor.copy()
