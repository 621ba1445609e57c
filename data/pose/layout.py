"""The layout that pose models learn from, written from any labelled pictures: images/, labels/, data.yaml."""

from __future__ import annotations

import shutil
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import yaml

from data.pose import coco, hagrid, leeds
from data.pose.example import Example, Problem, Read, size_of
from keypoints import skeleton
from keypoints.errors import InputError
from keypoints.labels import LEFT_OUT


@dataclass(frozen=True, slots=True)
class Layout:
    """What was written. pictures, people: how many of each part. joints: of each person or hand."""

    data: Path
    pictures: dict[str, int]
    people: dict[str, int]
    joints: int

    def __str__(self) -> str:
        who = "people" if self.joints == skeleton.COUNT else "hands"
        return ", ".join(f"{part} {n} pictures with {self.people[part]} {who}" for part, n in self.pictures.items())


def _leeds(source: Path, images: Path | None, problem: Problem) -> tuple[int, Iterator[Example]]:
    """The Leeds set: its first thousand pictures train, the others are its test part, and measure only."""
    people, files = leeds.everybody(source)

    def examples() -> Iterator[Example]:
        for number, (person, file) in enumerate(zip(people, files, strict=True)):
            try:
                size = size_of(file)
            except InputError as error:
                problem(LEFT_OUT + str(error))
                continue
            yield Example(file, size, *person(size), "train" if number < leeds.TRAINING else "test")

    return len(files), examples()


KINDS: dict[str, Read] = {"coco": coco.read, "hagrid": hagrid.read, "lsp": _leeds}


def import_pose(
    kind: str,
    source: Path,
    out: Path,
    *,
    images: Path | None = None,
    validation: float = 0.1,
    seed: int = 0,
    link: bool = False,
    problem: Problem = lambda line: None,
    progress: Callable[[int, int], None] = lambda done, total: None,
) -> Layout:
    """Write the labelled pictures of `source` as `out`, which appears whole or not at all.

    images: where the pictures are, when they are not near the annotations. validation: share of the training pictures
    with somebody in them that is kept for it, where the source names no such part. link: symbolic links instead of
    copies. What can't be read is told to `problem` in one line each. Raises InputError for a source of another kind,
    without labelled pictures, and an `out` that can't be written or has something in it.
    """
    if not source.exists():
        raise InputError("no such file or folder", file=source)
    if images is not None and not images.is_dir():
        raise InputError("no such folder", file=images, field="--images")
    if out.exists() and (not out.is_dir() or any(out.iterdir())):
        raise InputError("is there already", file=out, expected="a new or empty folder")
    count, found = KINDS[kind](source, images, problem)
    examples = []
    for done, example in enumerate(found, 1):
        examples.append(example)
        progress(done, 2 * count)
    if not any(len(one.boxes) for one in examples):
        raise InputError("no labelled pictures", file=source, found=f"{len(examples)} pictures")
    if not any(one.part == "val" for one in examples):
        examples = _held_out(examples, validation, seed)
    partial = out.with_name(f"{out.name}.partial")
    try:
        shutil.rmtree(partial, ignore_errors=True)
        layout = _write(examples, partial, link, lambda done: progress(count + done, count + len(examples)))
        if out.is_dir():
            out.rmdir()
        partial.replace(out)
    except OSError as error:
        shutil.rmtree(partial, ignore_errors=True)
        raise InputError(f"can't be written: {error.strerror}", file=out) from None
    return replace(layout, data=out / "data.yaml")


def _held_out(examples: list[Example], share: float, seed: int) -> list[Example]:
    people = [i for i, one in enumerate(examples) if one.part == "train" and len(one.boxes)]
    count = min(round(share * len(people)), len(people) - 1)
    chosen = set(np.random.default_rng(seed).permutation(people)[: max(0, count)].tolist())
    return [replace(one, part="val") if i in chosen else one for i, one in enumerate(examples)]


def _write(examples: list[Example], folder: Path, link: bool, progress: Callable[[int], None]) -> Layout:
    joints = examples[0].joints.shape[1]
    parts = [part for part in ("train", "val", "test") if any(one.part == part for one in examples)]
    taken: set[tuple[str, str]] = set()
    for part in parts:
        for kind in ("images", "labels"):
            (folder / kind / part).mkdir(parents=True)
    for done, one in enumerate(examples, 1):
        stem = one.file.stem
        if (one.part, stem) in taken:
            stem = f"{stem}-{done}"
        taken.add((one.part, stem))
        picture = folder / "images" / one.part / f"{stem}{one.file.suffix}"
        if link:
            picture.symlink_to(one.file.resolve())
        else:
            shutil.copyfile(one.file, picture)
        lines = "".join(_line(box, points, one.size) for box, points in zip(one.boxes, one.joints, strict=True))
        (folder / "labels" / one.part / f"{stem}.txt").write_text(lines)
        progress(done)
    people = joints == skeleton.COUNT
    content = {part: f"images/{part}" for part in parts}
    described = content | {
        "kpt_shape": [joints, 3], "flip_idx": list(skeleton.MIRROR) if people else list(range(joints)),
        "names": {0: "person" if people else "hand"},
    }  # fmt: skip
    (folder / "data.yaml").write_text(yaml.safe_dump(described, sort_keys=False, default_flow_style=None))
    return Layout(
        folder / "data.yaml",
        {part: sum(one.part == part for one in examples) for part in parts},
        {part: sum(len(one.boxes) for one in examples if one.part == part) for part in parts},
        joints,
    )


def _line(box: np.ndarray, joints: np.ndarray, size: tuple[int, int]) -> str:
    """One person as a line of YOLO-pose text, shares of the picture."""
    scale = np.array([*size, *size], np.float64)
    x1, y1, x2, y2 = (box / scale).tolist()
    values = [(x1 + x2) / 2, (y1 + y2) / 2, x2 - x1, y2 - y1]
    text = [f"{value:.6f}" for value in values]
    for x, y, state in joints.tolist():
        text += [f"{x / size[0]:.6f}", f"{y / size[1]:.6f}", f"{state:.0f}"]
    return " ".join(["0", *text]) + "\n"
