"""How well a pose model sees: AP and crop recall on a COCO folder, PCK on pictures of one labelled person each."""

from __future__ import annotations

import contextlib
import io
import json
from collections.abc import Callable, Iterable, Iterator
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import cv2
import numpy as np
from numpy.typing import NDArray

from compression.images import yolo_people
from compression.runners import decoded, open_runner
from keypoints import skeleton
from keypoints.decode import Detections, overlap
from keypoints.errors import InputError
from keypoints.letterbox import Letterbox, Letterboxed
from keypoints.oks import oks

if TYPE_CHECKING:
    from torch import nn

Image = NDArray[np.uint8]
FloatArray = NDArray[np.float32]

#: Finds people in a BGR uint8 picture (H, W, 3): boxes (N, 4) x1 y1 x2 y2, scores (N,) falling, keypoints (N, 17, 3),
#: in pixels of the picture.
Predict = Callable[[Image], Detections]

#: Every detection counts for AP, at the NMS of YOLO's validation.
_SCORE, _NMS_IOU = 0.001, 0.7

#: Whose crops are judged: people with that many labelled joints and boxes at least so high, px; the crop is a square
#: of so many times the box's longer side, and only detections above this score can be the person.
_CROP_JOINTS, _CROP_HEIGHT, _CROP_SIDE, _CROP_SCORE = 10, 120, 1.4, 0.1

#: OKS that a keypoint set must reach, from lenient to strict (COCO keypoint evaluation).
_THRESHOLDS = np.arange(0.50, 1.0, 0.05)

#: Share of the torso's length by which a joint may be off (PCK@0.2, Yang & Ramanan 2013; of the torso: Sapp & Taskar,
#: MODEC, 2013).
PCK_SHARE = 0.2

#: COCO's visibility of a joint that is labelled and to be seen.
_VISIBLE = 2


@dataclass(frozen=True, slots=True)
class PoseAccuracy:
    """ap: OKS AP 0.50:0.95. crop_recall: mean recall over OKS 0.50:0.95 of people who fill the picture.

    images: how many. people: how many of them were cropped out and judged.
    """

    ap: float
    crop_recall: float
    images: int
    people: int

    def as_metrics(self) -> dict[str, Any]:
        """For a record or a card."""
        return {name: round(value, 4) for name, value in asdict(self).items()}


@dataclass(frozen=True, slots=True)
class Labelled:
    """A picture with one labelled person: BGR uint8 (H, W, 3), keypoints (17, 3) px and COCO's visibility (2 visible,
    1 hidden, 0 no label), box (4,) x1 y1 x2 y2 px, and what the person does, where that is known."""

    image: Image
    keypoints: FloatArray
    box: FloatArray
    action: str | None = None


@dataclass(frozen=True, slots=True)
class Pck:
    """share: of the visible joints that lie within 0.2 torsos of the truth; a person who is not found has none.

    frames and joints: how many were judged. actions: the share of each action's joints.
    """

    share: float
    frames: int
    joints: int
    actions: dict[str, float]

    def as_metrics(self) -> dict[str, Any]:
        """For a record or a card."""
        return {"pck": round(self.share, 4), "frames": self.frames,
                "actions": {name: round(value, 4) for name, value in self.actions.items()}}  # fmt: skip


def predictor(model: Path | nn.Module, side: int | tuple[int, int] | None = None, threads: int = 1) -> Predict:
    """What finds people with `model`, letterboxed as at run time, every detection above 0.001 after NMS at 0.7.

    model: a torch module with the output of Ultralytics' pose models, or a file that `runners.open_runner` takes.
    side: of its input, or (height, width), px; None takes that of the file.
    Raises InputError when a file takes another size.
    """
    runner = open_runner(model, threads)
    wanted = (side, side) if isinstance(side, int) else side
    if runner.size and wanted and tuple(wanted) != runner.size:
        raise InputError("takes another size", file=str(model), field="input", expected=wanted, found=runner.size)
    size = runner.size or wanted
    if size is None:
        raise InputError("its input may have any size: one must be given", file=str(model), field="size")
    letterbox = Letterbox(*size)

    def predict(image: Image) -> Detections:
        prepared = letterbox(image)
        return found_in(runner.run(prepared.tensor), prepared)

    return predict


def found_in(output: FloatArray, prepared: Letterboxed) -> Detections:
    """The people in a raw output, (1, 56, N) or (1, M, 57), of a letterboxed picture, in pixels of the picture."""
    found = decoded(output, _SCORE, _NMS_IOU)
    boxes = prepared.to_picture(found.boxes.reshape(-1, 2, 2)).reshape(-1, 4)
    points = np.concatenate([prepared.to_picture(found.keypoints[..., :2]), found.keypoints[..., 2:]], -1)
    return Detections(boxes, found.scores, points)


def pose_accuracy(predict: Predict, folder: Path, limit: int | None = None) -> PoseAccuracy:
    """AP and crop recall of `predict` on the first `limit` pictures of a folder in COCO's layout.

    folder: holds annotations.json (COCO keypoints) and images/. Crop recall: each person with at least 10 labelled
    joints and a box at least 120 px high is cropped with a square of 1.4 times the box's longer side; of the
    detections above 0.1 the one that overlaps the true box best is taken. It asks how good keypoints are when the
    person fills the picture; AP asks whether far people are found as well.
    Raises InputError when the folder is no such folder or a picture is missing or broken.
    """
    content = _annotations(folder)
    names = {entry["id"]: entry["file_name"] for entry in content["images"][:limit]}
    values: list[float] = []
    rows: list[dict[str, Any]] = []
    people: dict[int, list[dict[str, Any]]] = {number: [] for number in names}
    for person in content["annotations"]:
        if person["image_id"] in people:
            people[person["image_id"]].append(person)
    for number, name in names.items():
        image = _read(folder / "images" / name)
        rows += _rows(predict(image), number)
        values += [_crop_oks(predict, image, person) for person in people[number] if _fills(person)]
    reached = np.array(values)[:, None] >= _THRESHOLDS if values else np.zeros((1, 1))
    return PoseAccuracy(
        _average_precision(folder / "annotations.json", list(names), rows),
        float(reached.mean()),
        len(names),
        len(values),
    )


def pck(predict: Predict, pictures: Iterable[Labelled]) -> Pck:
    """The share of visible joints that `predict` puts within 0.2 torsos of the truth.

    The model looks at a crop around the person, as it does at run time while it follows somebody. The torso is the
    longer of the two diagonals from a shoulder to the other side's hip; a picture in which neither is labelled is left
    out. Of the detections the one that overlaps the true box best is judged.
    """
    hits: list[bool] = []
    actions: dict[str, list[bool]] = {}
    frames = 0
    for picture in pictures:
        torso = _torso(picture.keypoints)
        if torso <= 0:
            continue
        frames += 1
        image, corner = _crop(picture.image, picture.box)
        points = _best(predict(image), picture.box - np.tile(corner, 2))
        off = np.full(skeleton.COUNT, np.inf)
        if points is not None:
            off = np.linalg.norm(points[:, :2] + corner - picture.keypoints[:, :2], axis=1)
        near = [bool(value) for value in off[picture.keypoints[:, 2] == _VISIBLE] <= PCK_SHARE * torso]
        hits += near
        if picture.action is not None:
            actions.setdefault(picture.action, []).extend(near)
    by_action = {name: float(np.mean(actions[name])) for name in sorted(actions)}
    return Pck(float(np.mean(hits)) if hits else 0.0, frames, len(hits), by_action)


def labelled(folder: Path, limit: int | None = None) -> Iterator[Labelled]:
    """The first `limit` pictures of a folder with images/ and YOLO-pose labels/ (as `repsight synthesize kind=frames`
    writes it), the first person of each; what the person does is read from names such as 000012-squat.jpg.

    Raises InputError when there are none, or a picture or a label is broken.
    """
    files = sorted(path for path in (folder / "images").glob("*") if (folder / "labels" / f"{path.stem}.txt").is_file())
    if not files:
        raise InputError("no labelled pictures", file=folder, expected="images/NAME.jpg with labels/NAME.txt",
                         hint="make some with `repsight synthesize kind=frames --out FOLDER`")  # fmt: skip
    for path in files[:limit]:
        image = _read(path)
        label = folder / "labels" / f"{path.stem}.txt"
        try:
            boxes, points = yolo_people(label, (image.shape[1], image.shape[0]))
            one = points[0], boxes[0]
        except (InputError, IndexError):
            raise InputError("not a YOLO-pose label", file=label, expected="class, box, 17 x (x, y, v)") from None
        yield Labelled(image, *one, path.stem.partition("-")[2] or None)


def _annotations(folder: Path) -> dict[str, Any]:
    path = folder / "annotations.json"
    try:
        content = json.loads(path.read_text(encoding="utf-8"))
        known = bool(content["images"]) and "annotations" in content
    except OSError as error:
        raise InputError(f"can't be read: {error.strerror}", file=path,
                         expected="a folder in COCO's layout: annotations.json and images/") from None  # fmt: skip
    except (ValueError, TypeError, KeyError):
        known = False
    if not known:
        raise InputError("not COCO annotations", file=path, expected="JSON with images and annotations")
    return dict(content)


def _read(path: Path) -> Image:
    image = cv2.imread(str(path), cv2.IMREAD_COLOR) if path.is_file() else None
    if image is None:
        raise InputError("not a picture" if path.is_file() else "no such picture", file=path)
    return np.asarray(image, np.uint8)


def _rows(found: Detections, number: int) -> list[dict[str, Any]]:
    """Detections as COCO's evaluation takes them."""
    return [
        {"image_id": number, "category_id": 1, "score": float(score), "keypoints": points.ravel().tolist(),
         "bbox": [*box[:2].tolist(), *(box[2:] - box[:2]).tolist()]}
        for box, score, points in zip(found.boxes, found.scores, found.keypoints, strict=True)
    ]  # fmt: skip


def _average_precision(truth: Path, images: list[int], rows: list[dict[str, Any]]) -> float:
    from pycocotools.coco import COCO
    from pycocotools.cocoeval import COCOeval

    if not rows:
        return 0.0
    with contextlib.redirect_stdout(io.StringIO()):
        expected = COCO(str(truth))
        evaluation = COCOeval(expected, expected.loadRes(rows), "keypoints")
        evaluation.params.imgIds = images
        evaluation.evaluate()
        evaluation.accumulate()
        evaluation.summarize()
    return float(evaluation.stats[0])


def _fills(person: dict[str, Any]) -> bool:
    return not person["iscrowd"] and person["num_keypoints"] >= _CROP_JOINTS and person["bbox"][3] >= _CROP_HEIGHT


def _crop_oks(predict: Predict, image: Image, person: dict[str, Any]) -> float:
    """The OKS of one person, cropped out; 0 when nobody is found."""
    x, y, width, height = person["bbox"]
    box = np.array([x, y, x + width, y + height])
    cropped, corner = _crop(image, box)
    true = np.array(person["keypoints"], float).reshape(skeleton.COUNT, 3) - [*corner, 0]
    found = predict(cropped)
    sure = found.scores > _CROP_SCORE
    points = _best(Detections(found.boxes[sure], found.scores[sure], found.keypoints[sure]), box - np.tile(corner, 2))
    return 0.0 if points is None else oks(points, true, person["area"])


def _crop(image: Image, box: FloatArray) -> tuple[Image, FloatArray]:
    """What a picture shows around a box (4,), and where its corner (2,) was in the picture, px."""
    half, middle = _CROP_SIDE * (box[2:] - box[:2]).max() / 2, (box[:2] + box[2:]) / 2
    left, top = (round(max(0, float(value))) for value in middle - half)
    right, bottom = (
        round(min(most, float(value))) for value, most in zip(middle + half, image.shape[1::-1], strict=True)
    )
    return np.ascontiguousarray(image[top:bottom, left:right]), np.array([left, top], np.float32)


def _best(found: Detections, box: FloatArray) -> FloatArray | None:
    """The keypoints of the detection that overlaps `box` best; None without a detection."""
    if not len(found.boxes):
        return None
    areas = np.prod(found.boxes[:, 2:] - found.boxes[:, :2], axis=1)
    best = int(overlap(box, found.boxes, np.prod(box[2:] - box[:2]), areas).argmax())
    return np.asarray(found.keypoints[best], np.float32)


def _torso(points: FloatArray) -> float:
    """The longer diagonal of the torso, px; 0 where none is labelled."""
    diagonals = ((skeleton.L_SHOULDER, skeleton.R_HIP), (skeleton.R_SHOULDER, skeleton.L_HIP))
    lengths = [float(np.linalg.norm(points[a, :2] - points[b, :2]))
               for a, b in diagonals if points[a, 2] > 0 and points[b, 2] > 0]  # fmt: skip
    return max(lengths, default=0.0)
