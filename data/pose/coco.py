"""COCO keypoints JSON (Lin et al., "Microsoft COCO: Common Objects in Context", 2014) as labelled pictures."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np

from data.pose.example import Example, Finder, Problem, inside, nobody, part_of, size_of
from keypoints import skeleton
from keypoints.errors import InputError
from keypoints.labels import LEFT_OUT


def read(source: Path, images: Path | None, problem: Problem) -> tuple[int, Iterator[Example]]:
    """The pictures of one annotation file, or of those in a folder (instances and captions are left alone).

    A crowd is no person; a person without a labelled joint is one. Raises InputError for content of another kind.
    """
    files = _files(source)
    contents = [(file, _load(file)) for file in files]
    count = sum(len(content["images"]) for _, content in contents)
    return count, (example for file, content in contents for example in _examples(file, content, images, problem))


def _files(source: Path) -> list[Path]:
    if source.is_file():
        return [source]
    found = [*source.glob("*.json"), *source.glob("annotations/*.json")]
    files = sorted(path for path in found if path.stem == "annotations" or "keypoints" in path.stem)
    if not files:
        raise InputError("no COCO keypoints", file=source,
                         expected="annotations.json, or annotations/person_keypoints_*.json")  # fmt: skip
    return files


def _load(file: Path) -> dict[str, Any]:
    try:
        content = json.loads(file.read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        raise InputError(f"can't be read: {error}", file=file, expected="JSON") from None
    wanted = ("images", "annotations")
    if not isinstance(content, dict) or not all(isinstance(content.get(name), list) for name in wanted):
        raise InputError("not COCO annotations", file=file, expected="an object with the lists images and annotations")
    return content


def _examples(file: Path, content: dict[str, Any], images: Path | None, problem: Problem) -> Iterator[Example]:
    part = part_of(file.stem)
    people: dict[Any, list[dict[str, Any]]] = {}
    for one in content["annotations"]:
        if isinstance(one, dict) and one.get("keypoints") is not None and not one.get("iscrowd"):
            people.setdefault(one.get("image_id"), []).append(one)
    beside = file.parent.parent if file.parent.name == "annotations" else file.parent
    finder = Finder(images or beside)
    near = file.stem.rpartition("_")[2]  # person_keypoints_train2017: in train2017/
    for picture in content["images"]:
        try:
            found = finder(str(picture["file_name"]), near)
            size = picture.get("width"), picture.get("height")
            known = size if all(isinstance(side, int) and side > 0 for side in size) else size_of(found)
        except (KeyError, TypeError):
            problem(f"{LEFT_OUT}{file}: an image without file_name")
            continue
        except InputError as error:
            problem(LEFT_OUT + str(error))
            continue
        boxes, joints = nobody(skeleton.COUNT)
        for one in people.get(picture.get("id"), []):
            where = f"{file}: annotation {one.get('id')}"
            try:
                own = _joints(one, where)
                box = inside(_box(one, where), own, known, where, problem)
            except InputError as error:
                problem(LEFT_OUT + str(error))
                continue
            boxes, joints = np.concatenate([boxes, box[None]]), np.concatenate([joints, own[None]])
        yield Example(found, known, boxes, joints, part)


def _joints(one: dict[str, Any], where: str) -> Any:
    try:
        return np.array(one["keypoints"], np.float32).reshape(skeleton.COUNT, 3)
    except (ValueError, TypeError):
        raise InputError("not a person of 17 joints", file=where, field="keypoints", expected="51 numbers") from None


def _box(one: dict[str, Any], where: str) -> Any:
    try:
        x, y, width, height = (float(v) for v in one["bbox"])
    except (KeyError, ValueError, TypeError):
        raise InputError("wrong", file=where, field="bbox", expected="x, y, width, height in px",
                         found=one.get("bbox")) from None  # fmt: skip
    return np.array([x, y, x + width, y + height], np.float32)
