"""What every reader of labelled pictures gives, and how their pictures are found."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import cv2
import numpy as np
from numpy.typing import NDArray

from data.formats.images import SUFFIXES
from keypoints import skeleton
from keypoints.errors import InputError

FloatArray = NDArray[np.float32]
Problem = Callable[[str], None]

#: What a part of a set is called, by words in names of its files and folders.
PARTS = {
    "test": "test",
    "val": "val",
    "validation": "val",
    "valid": "val",
    "val2017": "val",
    "test2017": "test",
    "dev": "val",
}


@dataclass(frozen=True, slots=True)
class Example:
    """A picture and who is in it. size: (width, height) px. boxes: float32 (N, 4), x1 y1 x2 y2 px. joints: float32
    (N, J, 3), x y px and 0 (not labelled), 1 (hidden) or 2 (seen). part: train, val or test."""

    file: Path
    size: tuple[int, int]
    boxes: FloatArray
    joints: FloatArray
    part: str = "train"


#: The examples of a source, after how many there are at most; what is left out is told to `Problem`.
Read = Callable[[Path, Path | None, Problem], tuple[int, Iterator[Example]]]


def part_of(name: str) -> str:
    """The part of its set that a file belongs to, by the words in its name."""
    words = "".join(c if c.isalnum() else " " for c in name.lower()).split()
    return next((PARTS[word] for word in words if word in PARTS), "train")


def size_of(file: Path) -> tuple[int, int]:
    """(width, height) px of a picture. Raises InputError when it is none."""
    image = cv2.imread(str(file), cv2.IMREAD_COLOR)
    if image is None:
        raise InputError("not a picture", file=file)
    return int(image.shape[1]), int(image.shape[0])


class Finder:
    """Finds pictures by their names, or names without suffix, in a folder and all below it."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self._known: dict[str, list[Path]] | None = None

    def __call__(self, name: str, near: str = "") -> Path:
        """The picture of that name; of several that in a folder called `near`. Raises InputError without one."""
        for place in (self.folder / name, self.folder / "images" / name):
            if place.is_file():
                return place
        found = self._index().get(Path(name).name) or self._index().get(Path(name).stem, [])
        if not found:
            raise InputError("no such picture", file=name, expected=f"in {self.folder}")
        return next((path for path in found if near and near in path.parts), found[0])

    def _index(self) -> dict[str, list[Path]]:
        if self._known is None:
            self._known = {}
            for path in sorted(self.folder.rglob("*")):
                if path.suffix.lower() in SUFFIXES:
                    for name in (path.name, path.stem):
                        self._known.setdefault(name, []).append(path)
        return self._known


def inside(box: FloatArray, joints: FloatArray, size: tuple[int, int], where: str, problem: Problem) -> FloatArray:
    """One person's box (4,) within the picture; of joints (J, 3), in place, those outside of it are told, and become
    such that are not labelled. Raises InputError for a box that has nothing in the picture."""
    limits = np.array(size, np.float32)
    box = np.concatenate([np.clip(box[:2], 0, limits), np.clip(box[2:], 0, limits)])
    if not np.isfinite(box).all() or (box[2:] - box[:2]).min() <= 0:
        raise InputError("a box with nothing in the picture", file=where, found=" ".join(f"{v:g}" for v in box))
    xy = joints[:, :2]
    outside = (joints[:, 2] > 0) & ~((xy >= 0) & (xy <= limits)).all(1)
    for i in np.flatnonzero(outside):
        name = skeleton.NAMES[i] if len(joints) == skeleton.COUNT else f"joint {i}"
        problem(f"{where}: {name} is out of the picture (expected up to {size[0]} {size[1]}, found "
                f"{xy[i, 0]:g} {xy[i, 1]:g}); taken as not labelled")  # fmt: skip
    joints[outside] = 0
    joints[joints[:, 2] <= 0] = 0
    return box.astype(np.float32)


def nobody(joints: int) -> tuple[FloatArray, FloatArray]:
    """Boxes and joints of no person."""
    return np.zeros((0, 4), np.float32), np.zeros((0, joints, 3), np.float32)
