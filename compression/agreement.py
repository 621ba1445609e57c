"""How well an exported pose model agrees with what it was made from, on real pictures."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from compression.runners import decoded
from keypoints.decode import Detections, overlap
from keypoints.errors import RepSightError
from keypoints.oks import oks

FloatArray = NDArray[np.float32]

#: What runs a model: float32 (1, 3, h, w), RGB 0-1, to its raw output; see `runners.Runner`.
Run = Callable[[FloatArray], FloatArray]

#: People above this score are compared (YOLO's default for prediction), on joints above `JOINT`.
PERSON, JOINT, NMS_IOU = 0.25, 0.5, 0.7

#: The least share of people found again, and the least mean OKS. On 12 COCO pictures YOLO11n-pose at 320 px has
#: 1.00 and 1.00 in fp32, 0.96 and 0.97 in int8, and 0.50 and 0.94 in int8 with the decode quantized as well.
LEAST = {"fp32": (0.99, 0.999), "fp16": (0.98, 0.995), "int8": (0.80, 0.90)}


@dataclass(frozen=True, slots=True)
class Agreement:
    """people: found by the source in `pictures`. found: the share of them that the export finds (IoU above
    0.5). oks: the mean keypoint similarity of these. score: by how much their scores differ, on average."""

    pictures: int
    people: int
    found: float
    oks: float
    score: float = 0.0

    def __str__(self) -> str:
        return f"finds {self.found:.0%} of its source's {self.people} people, with OKS {self.oks:.3f}"

    @property
    def harm(self) -> float:
        """What is lost: people, their keypoints, the sureness of both; 0 for the same answers."""
        return 1 - self.found * self.oks + self.score

    def as_metrics(self) -> dict[str, Any]:
        """As it goes into a model card."""
        return {
            "pictures": self.pictures,
            "people": self.people,
            "found": round(self.found, 3),
            "oks": round(self.oks, 3),
        }

    def require(self, precision: str, file: Path, least: tuple[float, float] | None = None) -> None:
        """Raise RepSightError when the export collapsed, or there was nobody to compare; least: found and oks, the
        usual ones of the precision without any."""
        found, similarity = least or LEAST[precision]
        if not self.people:
            raise RepSightError(f"{file}: its source finds nobody in {self.pictures} pictures: nothing to check "
                                "the export with; give a folder with people")  # fmt: skip
        if self.found < found or self.oks < similarity:
            raise RepSightError(
                f"{file}: the {precision} export does not agree with its source: finds {self.found:.0%} of its "
                f"people with OKS {self.oks:.3f} (expected {found:.0%} and {similarity}); nothing was written"
            )


def agreement(source: Run, export: Run, tensors: Iterable[FloatArray]) -> Agreement:
    """Compare two models on letterboxed pictures `tensors`, (1, 3, h, w) each."""
    tensors = list(tensors)
    return agreement_with(expected(source, tensors), export, tensors)


def expected(source: Run, tensors: Iterable[FloatArray]) -> list[Detections]:
    """The people whom an export of `source` has to find in each picture."""
    return [decoded(source(tensor), PERSON, NMS_IOU) for tensor in tensors]


def agreement_with(people: list[Detections], export: Run, tensors: Iterable[FloatArray]) -> Agreement:
    """The same with what the source finds, see `expected`."""
    count, pairs = 0, []
    for wanted, tensor in zip(people, tensors, strict=True):
        count += 1
        pairs += _pairs(wanted, decoded(export(tensor), PERSON / 2, NMS_IOU))
    total = sum(len(wanted.boxes) for wanted in people)
    similarity, score = (float(np.mean(column)) for column in zip(*pairs, strict=True)) if pairs else (0.0, 0.0)
    return Agreement(count, total, len(pairs) / total if total else 0.0, similarity, score)


def _pairs(wanted: Detections, got: Detections) -> list[tuple[float, float]]:
    """OKS and difference of score of each expected person that was found again."""
    if not len(got.boxes):
        return []
    areas = np.prod(got.boxes[:, 2:] - got.boxes[:, :2], axis=1)
    pairs = []
    for box, score, points in zip(wanted.boxes, wanted.scores, wanted.keypoints, strict=True):
        area = np.prod(box[2:] - box[:2])
        shared = overlap(box, got.boxes, area, areas)
        best = int(shared.argmax())
        true = points * (points[:, 2:] >= JOINT)
        if shared[best] > 0.5:
            similarity = oks(got.keypoints[best], true, float(area)) if true.any() else 1.0
            pairs.append((similarity, float(abs(score - got.scores[best]))))
    return pairs
