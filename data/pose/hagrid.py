"""JSON in the style of HaGRID (Kapitanov et al., "HaGRID: HAnd Gesture Recognition Image Dataset", WACV 2024):

    {"IMAGE_ID": {"bboxes": [[x, y, width, height], ...], "landmarks": [[[x, y], ...], ...], ...}, ...}

all of them shares of the picture IMAGE_ID.jpg. `landmarks` may be called hand_landmarks or keypoints, and may be empty
for a box. Hands have 21 points; people have the 17 of COCO, or another skeleton that `data.formats.joints` knows.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np

from data.formats.joints import LAYOUTS, to_coco
from data.pose.example import Example, Finder, Problem, inside, nobody, part_of, size_of
from keypoints import skeleton
from keypoints.errors import InputError
from keypoints.labels import LEFT_OUT

#: The points of a hand.
HAND = 21

_POINTS = ("landmarks", "hand_landmarks", "keypoints")


def read(source: Path, images: Path | None, problem: Problem) -> tuple[int, Iterator[Example]]:
    """The pictures of one file, or of all in a folder and below it; a folder train, val or test is that part.

    Raises InputError for content of another kind, and when some are of hands and some of people.
    """
    root = source if source.is_dir() else source.parent
    files = sorted(source.rglob("*.json")) if source.is_dir() else [source]
    if not files:
        raise InputError("no annotations", file=source, expected="*.json")
    contents = [(file, _load(file)) for file in files]
    kinds = {_joints(points) for _, content in contents for one in content.values() for points in _points(one)}
    kinds.discard(0)
    if len(kinds) != 1 or not kinds <= {HAND, *(layout.joints for layout in LAYOUTS)}:
        known = ", ".join(str(layout.joints) for layout in LAYOUTS)
        raise InputError("landmarks of no one kind", file=source, expected=f"{HAND} (hands), or {known} (people)",
                         found=sorted(kinds) or "none")  # fmt: skip
    joints = HAND if kinds == {HAND} else skeleton.COUNT
    finder = Finder(images or (root.parent if root.name.startswith("ann") else root))
    count = sum(len(content) for _, content in contents)
    return count, (example for file, content in contents
                   for example in _examples(file, content, joints, finder, root, problem))  # fmt: skip


def _load(file: Path) -> dict[str, Any]:
    try:
        content = json.loads(file.read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        raise InputError(f"can't be read: {error}", file=file, expected="JSON") from None
    if not isinstance(content, dict) or not all(isinstance(one, dict) and "bboxes" in one for one in content.values()):
        raise InputError("not in the style of HaGRID", file=file, expected="an object of pictures, each with bboxes")
    return content


def _points(one: dict[str, Any]) -> list[Any]:
    found: Any = next((one[name] for name in _POINTS if one.get(name)), [])
    return found if isinstance(found, list) else []


def _joints(points: Any) -> int:
    return len(points) if isinstance(points, list) else 0


def _examples(
    file: Path, content: dict[str, Any], joints: int, finder: Finder, root: Path, problem: Problem
) -> Iterator[Example]:
    part = part_of(str(file.relative_to(root).with_suffix("")))
    for name, one in content.items():
        where = f"{file}: {name}"
        try:
            picture = finder(name if Path(name).suffix else f"{name}.jpg", file.stem)
            size = size_of(picture)
        except InputError as error:
            problem(LEFT_OUT + str(error))
            continue
        boxes, points = nobody(joints)
        rows = _points(one)
        for i, given in enumerate(one["bboxes"] if isinstance(one["bboxes"], list) else []):
            try:
                own = _own(rows[i] if i < len(rows) else [], joints, size, where)
                box = inside(_box(given, size, where), own, size, where, problem)
            except InputError as error:
                problem(LEFT_OUT + str(error))
                continue
            boxes, points = np.concatenate([boxes, box[None]]), np.concatenate([points, own[None]])
        yield Example(picture, size, boxes, points, part)


def _own(given: Any, joints: int, size: tuple[int, int], where: str) -> Any:
    """The points of one box, px; none of them labelled where there are none."""
    own = np.zeros((joints, 3), np.float32)
    if not given:
        return own
    try:
        array = np.array(given, np.float64)
        if array.ndim != 2 or array.shape[1] not in (2, 3) or not np.isfinite(array).all():
            raise ValueError
    except (ValueError, TypeError):
        raise InputError("not landmarks", file=where, expected="[x, y] each") from None
    if joints == skeleton.COUNT:
        array, _ = to_coco(array[None], size)
        array = array[0]
    elif len(array) != joints:
        raise InputError("not landmarks of a hand", file=where, expected=f"{joints} points", found=len(array))
    else:
        array = array * [*size, 1][: array.shape[1]]
    own[:, :2] = array[:, :2]
    own[:, 2] = 2 if array.shape[1] == 2 else np.where(array[:, 2] > 0, 2, 0)
    return own


def _box(given: Any, size: tuple[int, int], where: str) -> Any:
    try:
        x, y, width, height = (float(v) for v in given)
    except (ValueError, TypeError):
        raise InputError("wrong", file=where, field="bboxes", expected="x, y, width, height as shares",
                         found=given) from None  # fmt: skip
    return np.array([x, y, x + width, y + height], np.float32) * np.array([*size, *size], np.float32)
