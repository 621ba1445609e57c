"""The pictures and labels that a data.yaml names, looked at before hours are spent; what is broken is left out, and
told.

The layout is that of YOLO pose: images/ beside labels/, a text file for each picture, a line for each person: class 0,
the box's centre and size, then x, y and v of the joints, all but v as shares of the picture. v is 0 for a joint that is
not labelled, 1 for a hidden one, 2 for one that is seen.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from configs.loader import read
from keypoints import skeleton
from keypoints.errors import InputError
from keypoints.files import whole
from keypoints.labels import LEFT_OUT
from keypoints.told import nothing

FloatArray = NDArray[np.float32]

SUFFIXES = (".jpg", ".jpeg", ".png", ".bmp", ".webp")

#: What stands in place of v for a joint of which nobody knows where it is: no loss is to judge it.
UNKNOWN = -1.0

#: Numbers a line.
_COLUMNS = 5 + 3 * skeleton.COUNT
#: Rounding may put a point so far beyond the edge, as a share.
_ROUNDING = 0.01
#: Smaller pictures show nobody, px.
_SMALLEST = 10


@dataclass(frozen=True, slots=True)
class Picture:
    """A picture that can be read. size: (height, width) px as it is decoded. people: float32 (N, 56), the numbers of
    its label file; none where there is no such file."""

    file: Path
    size: tuple[int, int]
    people: FloatArray


@dataclass(frozen=True, slots=True)
class Pictures:
    """What is trained on, and what is validated on; held_out: whether the latter was taken from the former."""

    train: tuple[Picture, ...]
    validation: tuple[Picture, ...]
    held_out: bool

    @property
    def said(self) -> str:
        """Both in words."""
        people = [sum(len(one.people) for one in part) for part in (self.train, self.validation)]
        kept = ", kept from training" if self.held_out else ""
        return (f"{len(self.train)} pictures with {people[0]} people to train on, "
                f"{len(self.validation)} with {people[1]} to validate on{kept}")  # fmt: skip

    def save(self, path: Path) -> None:
        """Write what was looked at, so that it need not be looked at again."""
        everything = [*self.train, *self.validation]
        with whole(path) as partial, partial.open("wb") as file:
            np.savez(
                file, files=np.array([str(one.file) for one in everything]), held_out=self.held_out,
                sizes=np.array([one.size for one in everything]), training=len(self.train),
                people=np.concatenate([one.people for one in everything]),
                counts=np.array([len(one.people) for one in everything]),
            )  # fmt: skip

    @classmethod
    def load(cls, path: Path) -> Pictures:
        """Read what `save` wrote. Raises InputError when a picture is gone since."""
        with np.load(path, allow_pickle=False) as kept:
            people = np.split(kept["people"], np.cumsum(kept["counts"])[:-1])
            rows = zip(kept["files"], kept["sizes"], people, strict=True)
            everything = [Picture(Path(str(file)), (int(h), int(w)), own) for file, (h, w), own in rows]
            training, held_out = int(kept["training"]), bool(kept["held_out"])
        gone = [one.file for one in everything if not one.file.is_file()]
        if gone:
            raise InputError("gone since the run began", file=gone[0], found=f"{len(gone)} pictures are missing",
                             hint="put them back, or begin anew without --resume")  # fmt: skip
        return cls(tuple(everything[:training]), tuple(everything[training:]), held_out)


def read_pictures(
    data: Path,
    share: float,
    seed: int,
    *,
    problem: Callable[[str], None] = nothing,
    progress: Callable[[int, int], None] = nothing,
    threads: int = 1,
) -> Pictures:
    """The pictures of a data.yaml, each decoded once to see that it can be.

    share: of the training pictures, drawn by `seed`, that validate where `val` is not named. A picture that can't be
    read, or whose labels are wrong, is told to `problem` in one line, and left out; nothing in the file is run or
    fetched, also if it names a `download`. Raises InputError for a file of another kind and for sets without labels.
    """
    tree = read_data(data)
    root = _root(data, tree)
    train = _files(data, root, "train", tree["train"])
    validation = _files(data, root, "val", tree["val"]) if tree.get("val") else []
    everything = list(dict.fromkeys([*train, *validation]))
    checked: dict[Path, Picture] = {}
    with ThreadPoolExecutor(threads) as pool:
        for done, (file, picture) in enumerate(zip(everything, pool.map(_looked_at, everything), strict=True), 1):
            if isinstance(picture, Picture):
                checked[file] = picture
            else:
                problem(LEFT_OUT + picture)
            progress(done, len(everything))
    parts = [tuple(checked[file] for file in part if file in checked) for part in (train, validation)]
    held_out = not validation
    if held_out:
        parts = _held_out(parts[0], share, seed)
    elif both := len(set(train) & set(validation)):
        problem(f"{data}: {both} pictures are in train and in val, so what is validated was learnt")
    for name, part in zip(("train", "val"), parts, strict=True):
        if not any(len(one.people) for one in part):
            raise InputError("no labelled pictures", file=data, field=name, expected="labels/NAME.txt for images/NAME",
                             found=f"{len(part)} pictures without people")  # fmt: skip
    return Pictures(parts[0], parts[1], held_out)


def read_data(data: Path) -> dict[str, Any]:
    """The content of a data.yaml of people with 17 joints. Raises InputError for another."""
    if not data.is_file():
        raise InputError("no such file", file=data, field="data", expected="the data.yaml of a set in COCO-pose layout",
                         hint="`repsight data import-pose` makes one")  # fmt: skip
    tree = read(data)
    if not isinstance(tree, dict):
        raise InputError("wrong content", file=data, expected="train, val, kpt_shape", found=type(tree).__name__)
    if not tree.get("train"):
        raise InputError("missing", file=data, field="train", expected="a folder of pictures, or a list of them (.txt)")
    shape = tree.get("kpt_shape")
    if not isinstance(shape, list) or tuple(shape) != (skeleton.COUNT, 3):
        raise InputError("not people as RepSight knows them", file=data, field="kpt_shape", found=shape,
                         expected=[skeleton.COUNT, 3])  # fmt: skip
    names = tree.get("names")
    classes = len(names) if isinstance(names, list | dict) else tree.get("nc", 1)
    if classes != 1:
        raise InputError("more than people", file=data, field="names", expected="one class", found=classes)
    return tree


def _root(data: Path, tree: dict[str, Any]) -> Path:
    """The folder that `train` and `val` are in: `path`, from where the file is, or from here."""
    path = tree.get("path")
    if not path:
        return data.parent
    places = [data.parent / str(path), Path(str(path))]
    for place in places:
        if place.is_dir():
            return place
    raise InputError("no such folder", file=data, field="path", found=path, expected="the set, or leave it out")


def _files(data: Path, root: Path, field: str, entry: object) -> list[Path]:
    """The pictures that one entry names: folders, lists, or several of either."""
    found: list[Path] = []
    for name in entry if isinstance(entry, list) else [entry]:
        place = (root / str(name)).absolute()
        if place.is_dir():
            found += sorted(path for path in place.rglob("*") if path.suffix.lower() in SUFFIXES)
        elif place.is_file() and place.suffix == ".txt":
            lines = place.read_text(encoding="utf-8-sig").splitlines()
            found += sorted((place.parent / line.strip()).absolute() for line in lines if line.strip())
        else:
            raise InputError("no such folder", file=data, field=field, found=place,
                             expected="a folder of pictures, or a list of them (.txt)")  # fmt: skip
    if not found:
        raise InputError("no pictures", file=data, field=field, expected=f"files {', '.join(SUFFIXES)}")
    return found


def _looked_at(file: Path) -> Picture | str:
    """A picture and its labels, or what is wrong with one of them."""
    size = _size(file)
    if isinstance(size, str):
        return f"{file}: {size}"
    try:
        return Picture(file, size, read_labels(label_of(file)))
    except InputError as error:
        return str(error)


def _size(file: Path) -> tuple[int, int] | str:
    """(height, width) px of a picture, turned as its file says; or what is wrong with it."""
    from PIL import Image, ImageOps, UnidentifiedImageError

    try:
        with Image.open(file) as image:
            image.load()
            width, height = ImageOps.exif_transpose(image).size
    except FileNotFoundError:
        return "no such picture"
    # Once Ultralytics was imported, Pillow asks for another plugin (pi_heif) where it does not know a file.
    except (UnidentifiedImageError, ModuleNotFoundError):
        return "not a picture"
    except (OSError, SyntaxError, ValueError, Image.DecompressionBombError) as error:
        return f"damaged: {' '.join(str(error).split())}"
    if min(width, height) < _SMALLEST:
        return f"too small (expected {_SMALLEST} px or more, found {width} x {height})"
    return height, width


def label_of(file: Path) -> Path:
    """The label file of a picture: in labels/ where the picture is in images/, else beside it."""
    parts = list(file.parts)
    if "images" in parts[:-1]:
        parts[len(parts) - 2 - parts[-2::-1].index("images")] = "labels"
    return Path(*parts).with_suffix(".txt")


def read_labels(file: Path) -> FloatArray:
    """The people of a label file, float32 (N, 56); none without one. Raises InputError that names line and joint."""
    try:
        lines = file.read_text(encoding="utf-8-sig").splitlines()
    except FileNotFoundError:
        return np.zeros((0, _COLUMNS), np.float32)
    except (OSError, UnicodeDecodeError) as error:
        raise InputError(f"can't be read: {error}", file=file) from None
    people: list[FloatArray] = []
    for number, line in enumerate(lines, 1):
        if line.strip():
            person = _person(line.split(), file, f"line {number}")
            if not any(np.array_equal(person, other) for other in people):
                people.append(person)
    return np.array(people, np.float32).reshape(-1, _COLUMNS)


def _person(words: Sequence[str], file: Path, line: str) -> FloatArray:
    try:
        numbers = np.array(words, np.float64)
    except ValueError:
        raise InputError("not numbers", file=file, field=line) from None
    if len(numbers) != _COLUMNS:
        raise InputError("not a person of 17 joints", file=file, field=line, expected=f"{_COLUMNS} numbers",
                         found=len(numbers))  # fmt: skip
    if not np.isfinite(numbers).all():
        raise InputError("not finite", file=file, field=line)
    if numbers[0] != 0:
        raise InputError("not a person", file=file, field=line, expected="class 0", found=f"{numbers[0]:g}")
    box = numbers[1:5]
    if not ((box >= -_ROUNDING) & (box <= 1 + _ROUNDING)).all() or min(box[2:]) <= 0:
        raise InputError("box out of range", file=file, field=line, expected="shares of the picture, 0 to 1",
                         found=" ".join(f"{v:g}" for v in box))  # fmt: skip
    for name, (x, y, state) in zip(skeleton.NAMES, numbers[5:].reshape(-1, 3), strict=True):
        if state not in (0, 1, 2):
            raise InputError("no such state", file=file, field=f"{line}: {name}: v", expected="0, 1 or 2",
                             found=f"{state:g}")  # fmt: skip
        if state and not (-_ROUNDING <= min(x, y) and max(x, y) <= 1 + _ROUNDING):
            raise InputError("keypoint out of range", file=file, field=f"{line}: {name}", found=f"{x:g} {y:g}",
                             expected="shares of the picture, 0 to 1")  # fmt: skip
    return numbers.astype(np.float32)


def _held_out(pictures: Sequence[Picture], share: float, seed: int) -> list[tuple[Picture, ...]]:
    """Pictures to train on, and a share to validate on, which has somebody in it; both in their order."""
    people = [i for i, one in enumerate(pictures) if len(one.people)]
    if len(people) < 2:
        return [tuple(pictures), ()]
    count = min(max(1, round(share * len(people))), len(people) - 1)
    chosen = set(np.random.default_rng(seed).permutation(people)[:count].tolist())
    return [tuple(one for i, one in enumerate(pictures) if (i in chosen) is kept) for kept in (False, True)]
