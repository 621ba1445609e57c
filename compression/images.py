"""Training pictures of people, in memory: read from folders, labelled by people or by a teacher, mixed by weight."""

from __future__ import annotations

import csv
import hashlib
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import cv2
import numpy as np
from numpy.typing import NDArray

from compression.calibration import thinned
from configs.tuning import Images, Pictures
from data.formats.images import SUFFIXES
from keypoints import skeleton
from keypoints.decode import overlap
from keypoints.errors import InputError
from keypoints.files import sha256
from keypoints.training.pictures import UNKNOWN as UNKNOWN

if TYPE_CHECKING:
    from compression.accuracy import Predict

FloatArray = NDArray[np.float32]
Report = Callable[[str], None]

#: What the third number of a training keypoint says: where it is, or that it is not to be seen; UNKNOWN: nobody knows.
SEEN, ABSENT = 1.0, 0.0

#: A person whom the teacher finds above this score is labelled.
_SURE = 0.4
#: A joint that the teacher sees with so much confidence is where it says; with less than the other it is not there.
_SEEN, _ABSENT = 0.5, 0.15
#: Two boxes that overlap so much are one person.
_SAME = 0.5
#: JPEG quality of pictures that are scaled down.
_QUALITY = 92


@dataclass(frozen=True, slots=True)
class Picture:
    """A picture as an encoded file, which takes a tenth of the memory and a millisecond to decode.

    boxes: float32 (N, 4), x1 y1 x2 y2 px. keypoints: float32 (N, 17, 3), x y px and SEEN, ABSENT or UNKNOWN.
    """

    encoded: bytes
    boxes: FloatArray
    keypoints: FloatArray

    def decode(self) -> NDArray[np.uint8]:
        """The BGR picture (H, W, 3)."""
        return np.asarray(cv2.imdecode(np.frombuffer(self.encoded, np.uint8), cv2.IMREAD_COLOR), np.uint8)


@dataclass(frozen=True, slots=True)
class PictureSet:
    """Pictures that are drawn equally often among themselves; weight: how often, beside other sets."""

    name: str
    pictures: tuple[Picture, ...]
    weight: float = 1.0


def training_images(config: Images, cache: Path, report: Report = lambda line: None) -> tuple[PictureSet, ...]:
    """All sets that `config` names, read, labelled and rendered; what took long is kept in the folder `cache`.

    Raises InputError for a folder that is missing or without a usable picture, a broken label, a missing teacher.
    """
    cache = Path(config.cache) if config.cache else cache
    sets: list[PictureSet] = []
    for source in config.pictures:
        sets += _read(source, config, cache, report)
    if config.rendered is not None:
        from compression.rendered import rendered

        sets.append(rendered(config.rendered, config.longest, cache, report))
    for one in sets:
        people = sum(len(picture.boxes) for picture in one.pictures)
        report(f"{one.name}: {len(one.pictures)} pictures, {people} people")
    return tuple(sets)


def picture_files(folder: Path, where: dict[str, str], limit: int | None = None) -> list[Path]:
    """The pictures of a folder (of its images/, if it has one), in the order of their names, `limit` evenly drawn.

    where: only those whose row in the folder's provenance.csv (column `file`) has these values.
    Raises InputError when there is no such folder, column, or picture.
    """
    inside = folder / "images" if (folder / "images").is_dir() else folder
    if not inside.is_dir():
        raise InputError("no such folder", file=folder, field="images.pictures.folder")
    files = sorted(path for path in inside.rglob("*") if path.suffix.lower() in SUFFIXES)
    if where:
        wanted = _wanted(folder / "provenance.csv", where)
        files = [path for path in files if path.name in wanted]
    if not files:
        way_on = "give a folder with pictures of people" + (", or drop `where`" if where else "")
        raise InputError("no pictures", file=folder, expected=f"files {', '.join(sorted(SUFFIXES))}", hint=way_on)
    return files if limit is None else thinned(files, limit)


def _wanted(table: Path, where: dict[str, str]) -> set[str]:
    try:
        with table.open(newline="", encoding="utf-8") as file:
            rows = list(csv.DictReader(file))
    except OSError as error:
        raise InputError(f"can't be read: {error.strerror}", file=table, field="where") from None
    for column in ("file", *where):
        if not rows or column not in rows[0]:
            raise InputError("no such column", file=table, field=f"where.{column}",
                             expected=", ".join(rows[0]) if rows else "rows")  # fmt: skip
    return {Path(row["file"]).name for row in rows if all(row[k] == v for k, v in where.items())}


def _read(source: Pictures, config: Images, cache: Path, report: Report) -> list[PictureSet]:
    """The pictures of one entry."""
    from compression import pack

    folder = Path(source.folder)
    if folder.suffix == ".npz":
        return [PictureSet(s.name, s.pictures, s.weight * source.weight) for s in pack.load(folder)]
    labels, files = _labels(folder, source)
    teacher_needed = not labels or source.others or source.unlabelled_joints == "teacher"
    if not teacher_needed:
        pictures = _pictures(files, labels, source, config.longest, None, report)
        return [PictureSet(folder.name, pictures, source.weight)]
    if config.teacher is None:
        raise InputError("has no labels" if not labels else "needs a teacher", file=folder, field="images.teacher",
                         hint="name a pose checkpoint that labels it: images.teacher=yolo11n-pose.pt")  # fmt: skip
    stamp = f"{source!r}{config.longest}{config.teacher_side}{_digest(Path(config.teacher))}"
    stamp += "".join(f"{path.name}{path.stat().st_size}" for path in files)
    kept = cache / f"{folder.name}-{hashlib.sha256(stamp.encode()).hexdigest()[:12]}.npz"
    if not kept.is_file():
        from compression.accuracy import predictor

        teacher = predictor(Path(config.teacher), config.teacher_side)
        pictures = _pictures(files, labels, source, config.longest, teacher, report)
        pack.save([PictureSet(folder.name, pictures)], kept)
    return [PictureSet(folder.name, one.pictures, source.weight) for one in pack.load(kept)]


def _digest(file: Path) -> str:
    if not file.is_file():
        raise InputError("no such checkpoint", file=file, field="images.teacher")
    return sha256(file)


#: People of one picture as shares of its size: boxes (N, 4) x1 y1 x2 y2, keypoints (N, 17, 3).
_People = tuple[FloatArray, FloatArray]


def _labels(folder: Path, source: Pictures) -> tuple[dict[str, Callable[[tuple[int, int]], _People]], list[Path]]:
    """How to get the labels of each picture by its name, given the picture's (width, height); and the pictures."""
    from data.pose import leeds

    if leeds.is_leeds(folder) and source.labels == "auto":
        return leeds.read(folder, source.limit)
    files = picture_files(folder, source.where, source.limit)
    if source.labels == "teacher" or not (folder / "labels").is_dir():
        return {}, files
    texts = {path.name: folder / "labels" / f"{path.stem}.txt" for path in files}

    def reader(text: Path) -> Callable[[tuple[int, int]], _People]:
        return lambda size: yolo_labels(text, size)

    return {name: reader(text) for name, text in texts.items() if text.is_file()}, files


def yolo_labels(file: Path, size: tuple[int, int]) -> _People:
    """The people in a YOLO-pose text file, in pixels of a picture of `size` (width, height)."""
    boxes, points = yolo_people(file, size)
    points[..., 2] = np.where(points[..., 2] > 0, SEEN, ABSENT)
    return boxes, points


def yolo_people(file: Path, size: tuple[int, int]) -> _People:
    """The same with COCO's visibility of each joint: 2 visible, 1 labelled though hidden, 0 not labelled."""
    rows = [line.split() for line in file.read_text(encoding="utf-8").splitlines() if line.strip()]
    try:
        table = np.array(rows, np.float32).reshape(-1, 5 + 3 * skeleton.COUNT)
    except ValueError:
        raise InputError(
            "not YOLO-pose labels", file=file, expected=f"{5 + 3 * skeleton.COUNT} numbers a line"
        ) from None
    scale = np.array(size, np.float32)
    middle, half = table[:, 1:3] * scale, table[:, 3:5] * scale / 2
    points = table[:, 5:].reshape(-1, skeleton.COUNT, 3).copy()
    points[..., :2] *= scale
    return np.concatenate([middle - half, middle + half], 1), points


def _pictures(
    files: Sequence[Path],
    labels: dict[str, Callable[[tuple[int, int]], _People]],
    source: Pictures,
    longest: int,
    teacher: Predict | None,
    report: Report,
) -> tuple[Picture, ...]:
    """Each file with its people; what is no picture is told and left out."""
    made: list[Picture] = []
    broken: list[Path] = []
    for number, path in enumerate(files, 1):
        image = cv2.imread(str(path), cv2.IMREAD_COLOR)
        if image is None:
            broken.append(path)
            continue
        image = np.asarray(image, np.uint8)
        nobody = np.zeros((0, 4), np.float32), np.zeros((0, skeleton.COUNT, 3), np.float32)
        boxes, points = labels[path.name]((image.shape[1], image.shape[0])) if path.name in labels else nobody
        points = points.copy()
        if source.unlabelled_joints != "absent":
            points[..., 2] = np.where(points[..., 2] > 0, SEEN, UNKNOWN)
        if teacher is not None:
            boxes, points = taught(boxes, points, *_found(teacher, image), add=source.others or not labels)
            if number % 100 == 0:
                report(f"labelling {source.folder}: {number} of {len(files)}")
        made.append(shrunk(path.read_bytes(), image, boxes, points, longest))
    if broken:
        report(f"left out {len(broken)} that can't be read as pictures, such as {broken[0]}")
    if not made:
        raise InputError("no picture can be read", file=source.folder, found=f"{len(broken)} broken files",
                         hint="give JPEG or PNG files")  # fmt: skip
    return tuple(made)


def _found(teacher: Predict, image: NDArray[np.uint8]) -> _People:
    """The people that a teacher is sure of, joints as a training label has them."""
    found = teacher(image)
    sure = found.scores >= _SURE
    points = found.keypoints[sure].copy()
    confidence = points[..., 2]
    points[..., 2] = np.where(confidence >= _SEEN, SEEN, np.where(confidence < _ABSENT, ABSENT, UNKNOWN))
    return found.boxes[sure], points


def taught(
    boxes: FloatArray, points: FloatArray, found_boxes: FloatArray, found_points: FloatArray, *, add: bool
) -> _People:
    """Labels (N, 4), (N, 17, 3) whose UNKNOWN joints are what the teacher found in the same person; with `add`, also
    the people whom it alone found."""
    points = points.copy()
    areas = np.prod(boxes[:, 2:] - boxes[:, :2], axis=1)
    new = []
    for i, (box, joints) in enumerate(zip(found_boxes, found_points, strict=True)):
        shared = overlap(box, boxes, np.float32(np.prod(box[2:] - box[:2])), areas) if len(boxes) else np.zeros(1)
        best = int(shared.argmax())
        if shared[best] < _SAME:
            new.append(i)
            continue
        unknown = points[best, :, 2] == UNKNOWN
        points[best, unknown] = joints[unknown]
    if not add:
        return boxes, points
    return np.concatenate([boxes, found_boxes[new]]), np.concatenate([points, found_points[new]])


def shrunk(encoded: bytes, image: NDArray[np.uint8], boxes: FloatArray, points: FloatArray, longest: int) -> Picture:
    """The picture, scaled down when a side is longer than `longest`, with its people."""
    scale = longest / max(image.shape[:2])
    if scale < 1:
        image = np.asarray(cv2.resize(image, None, fx=scale, fy=scale, interpolation=cv2.INTER_AREA), np.uint8)
        encoded = jpeg(image)
        boxes, points = boxes * np.float32(scale), points * np.array([scale, scale, 1], np.float32)
    return Picture(encoded, boxes.astype(np.float32), points.astype(np.float32))


def jpeg(image: NDArray[np.uint8], quality: int = _QUALITY) -> bytes:
    """A BGR picture as a JPEG file."""
    _, packed = cv2.imencode(".jpg", image, [cv2.IMWRITE_JPEG_QUALITY, quality])
    return bytes(packed)


def draw(sets: Sequence[PictureSet], rng: np.random.Generator) -> Picture:
    """One picture: a set by weight, then any of its pictures."""
    weights = np.array([one.weight for one in sets])
    chosen = sets[int(rng.choice(len(sets), p=weights / weights.sum()))]
    return chosen.pictures[int(rng.integers(len(chosen.pictures)))]


def everything(sets: Iterable[PictureSet]) -> list[Picture]:
    """The pictures of all sets, once each."""
    return [picture for one in sets for picture in one.pictures]
