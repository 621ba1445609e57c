"""Labelled pictures: a folder of pictures for each class, or a data set of the Hugging Face Hub kept in a folder.

A picture is a sequence in which nothing moves: the pose that stage 1 finds, held for a second.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

from data.formats.job import Job
from data.formats.registry import register
from keypoints.errors import InputError, MissingExtraError
from keypoints.labels import Labelled
from keypoints.letterbox import to_bgr

Image = NDArray[np.uint8]

SUFFIXES = (".jpg", ".jpeg", ".png", ".bmp", ".webp")
_PARTS = ("train", "training", "validation", "valid", "val", "test")

#: How long a picture is held, s, and at how many frames a second.
_HELD_S, _FPS = 1.0, 10.0

INSTALL = "pip install datasets"


def pictures(path: Path) -> list[Path]:
    """The pictures of class folders, class/picture.jpg or train/class/picture.jpg, in the order of their names."""
    if not path.is_dir():
        return []
    parts = [path, *(path / part for part in _PARTS)]
    files = [file for part in parts for file in part.glob("*/*") if not (part == path and file.parent.name in _PARTS)]
    return sorted(file for file in files if file.suffix.lower() in SUFFIXES and file.is_file())


def _from_hub(path: Path) -> bool:
    """Whether a folder is what `datasets` saved, or what the Hub keeps (parquet files)."""
    if not path.is_dir():
        return False
    saved = (path / "dataset_info.json").is_file() or (path / "dataset_dict.json").is_file()
    return saved or bool(_parquet(path))


def _parquet(path: Path) -> list[Path]:
    return sorted([*path.glob("*.parquet"), *path.glob("*/*.parquet")])


@register("images", "a folder of pictures for each class, or a saved Hugging Face set of pictures with labels",
          lambda path: _from_hub(path) or bool(pictures(path)))  # fmt: skip
def read(path: Path, job: Job) -> Iterator[Labelled]:
    """Every picture with somebody in it; the others are told and left out."""
    return _read_hub(path, job) if _from_hub(path) else _read_folders(path, job)


def _read_folders(path: Path, job: Job) -> Iterator[Labelled]:
    def make(file: Path) -> Labelled:
        # Not cv2.imread: it takes no name that the locale can't write.
        image = cv2.imdecode(np.fromfile(file, np.uint8), cv2.IMREAD_COLOR) if file.stat().st_size else None
        if image is None:
            raise InputError("not a picture that can be read", file=file)
        name = file.relative_to(path).with_suffix("").as_posix()
        return _still(np.asarray(image, np.uint8), name, file.parent.name, f"{path.name}/{name}", str(file), job)

    return job.each(pictures(path), make)


def _still(image: Image, name: str, label: str, source: str, where: str, job: Job) -> Labelled:
    found = job.pose_of(image)
    if job.nobody(found):
        raise InputError("nobody is found in it", file=where)
    frames = int(_HELD_S * _FPS) + 1
    held = replace(
        found, keypoints=np.repeat(found.keypoints[:1], frames, 0), time_s=np.arange(frames) / _FPS,
        source=source, subject=source,
    )  # fmt: skip
    return replace(job.whole(name, held, label), reps=0)


def _read_hub(path: Path, job: Job) -> Iterator[Labelled]:
    rows = _open(path)
    picture, label = _columns(rows, path)
    names = getattr(rows.features[label], "names", None)

    def make(number: int) -> Labelled:
        where = f"{path}: row {number}"
        try:
            line = rows[number]
            image = to_bgr(np.asarray(line[picture].convert("RGB"), np.uint8)[..., ::-1].copy())
        except (OSError, ValueError, AttributeError) as error:
            raise InputError(f"not a picture that can be read: {error}", file=where) from None
        value = line[label]
        if value is None or (names is not None and not 0 <= int(value) < len(names)):
            raise InputError("unknown label", file=where, field=label, found=value)
        said = str(value) if names is None else str(names[int(value)])
        name = f"{said}/{number:06d}"
        return _still(image, name, said, f"{path.name}/{name}", where, job)

    return job.each(range(len(rows)), make)


def _open(path: Path) -> Any:
    """The rows of all parts of a set, one after the other."""
    try:
        import datasets
    except ImportError:
        raise MissingExtraError("a Hugging Face set needs the package datasets", file=path, hint=INSTALL) from None
    try:
        if _parquet(path):
            found = datasets.load_dataset("parquet", data_files=[str(file) for file in _parquet(path)])
        else:
            found = datasets.load_from_disk(str(path))
    except (OSError, ValueError, RuntimeError, datasets.exceptions.DatasetsError) as error:
        raise InputError(f"not a Hugging Face set that can be read: {error}", file=path) from None
    return datasets.concatenate_datasets(list(found.values())) if isinstance(found, dict) else found


def _columns(rows: Any, path: Path) -> tuple[str, str]:
    """The column of pictures, and that of labels: of classes, else the one with a name that says so."""
    features = rows.features
    kinds = {name: type(kind).__name__ for name, kind in features.items()}
    pictures = [name for name, kind in kinds.items() if kind == "Image"]
    classes = [name for name, kind in kinds.items() if kind == "ClassLabel"]
    classes += [name for name in ("label", "labels", "class", "action", "exercise") if name in features]
    if not pictures or not classes:
        raise InputError("no labelled pictures", file=path, expected="a column of pictures and one of labels",
                         found=", ".join(f"{name} ({kind})" for name, kind in kinds.items()))  # fmt: skip
    return pictures[0], classes[0]
