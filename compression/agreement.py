"""How well an exported pose model agrees with the network that it was made from, on real pictures."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import onnxruntime as ort
from numpy.typing import NDArray

from keypoints.decode import Detections, decode_nms_free, decode_yolo, overlap
from keypoints.errors import RepSightError
from keypoints.oks import oks

FloatArray = NDArray[np.float32]

#: People above this score are compared (YOLO's default for prediction), on joints above `JOINT`.
PERSON, JOINT, NMS_IOU = 0.25, 0.5, 0.7

#: The least share of people found again, and the least mean OKS. On 12 COCO pictures YOLO11n-pose at 320 px has
#: 1.00 and 1.00 in fp32, 0.96 and 0.97 in int8, and 0.50 and 0.94 in int8 with the decode quantized as well.
LEAST = {"fp32": (0.99, 0.999), "int8": (0.80, 0.90)}


@dataclass(frozen=True, slots=True)
class Agreement:
    """people: found by the checkpoint in `pictures`. found: the share of them that the export finds (IoU above
    0.5). oks: the mean keypoint similarity of these."""

    pictures: int
    people: int
    found: float
    oks: float

    def __str__(self) -> str:
        return f"finds {self.found:.0%} of the checkpoint's {self.people} people, with OKS {self.oks:.3f}"

    def as_metrics(self) -> dict[str, Any]:
        """As it goes into a model card."""
        return {
            "pictures": self.pictures,
            "people": self.people,
            "found": round(self.found, 3),
            "oks": round(self.oks, 3),
        }

    def require(self, precision: str, file: Path) -> None:
        """Raise RepSightError when the export collapsed, or there was nobody to compare."""
        found, similarity = LEAST[precision]
        if not self.people:
            raise RepSightError(f"{file}: the checkpoint finds nobody in {self.pictures} pictures: nothing to check "
                                "the export with; give a calibration folder with people")  # fmt: skip
        if self.found < found or self.oks < similarity:
            raise RepSightError(
                f"{file}: the {precision} export does not agree with its checkpoint: finds {self.found:.0%} of its "
                f"people with OKS {self.oks:.3f} (expected {found:.0%} and {similarity}); nothing was written"
            )


def agreement(network: Any, model: Path, layout: str, tensors: Iterable[FloatArray]) -> Agreement:
    """Compare a torch `network` with the ONNX file `model` on letterboxed pictures `tensors`, (1, 3, h, w) each."""
    import torch

    decode = decode_yolo if layout == "yolo" else decode_nms_free
    session = ort.InferenceSession(model, providers=["CPUExecutionProvider"])
    name = session.get_inputs()[0].name
    count, people, similarities = 0, 0, []
    for tensor in tensors:
        count += 1
        with torch.inference_mode():
            output = network(torch.from_numpy(tensor))
        reference = output[0] if isinstance(output, tuple | list) else output
        expected = decode(reference.numpy(), PERSON, NMS_IOU)
        got = decode(session.run(None, {name: tensor})[0], PERSON / 2, NMS_IOU)
        people += len(expected.boxes)
        similarities += _similarities(expected, got)
    found = len(similarities) / people if people else 0.0
    return Agreement(count, people, found, float(np.mean(similarities)) if similarities else 0.0)


def _similarities(expected: Detections, got: Detections) -> list[float]:
    """The OKS of each expected person that was found again."""
    if not len(got.boxes):
        return []
    areas = np.prod(got.boxes[:, 2:] - got.boxes[:, :2], axis=1)
    similarities = []
    for box, points in zip(expected.boxes, expected.keypoints, strict=True):
        area = np.prod(box[2:] - box[:2])
        shared = overlap(box, got.boxes, area, areas)
        best = int(shared.argmax())
        true = points * (points[:, 2:] >= JOINT)
        if shared[best] > 0.5:
            similarities.append(oks(got.keypoints[best], true, float(area)) if true.any() else 1.0)
    return similarities
