"""`YoloPose`: a YOLO pose model on ONNX Runtime, described by its own model card."""

from __future__ import annotations

import threading
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import onnxruntime as ort

from keypoints import skeleton
from keypoints.card import PoseCard, read_card
from keypoints.decode import NMS_FREE_CHANNELS, YOLO_CHANNELS, Detections, decode_nms_free, decode_yolo
from keypoints.errors import ModelError
from keypoints.estimator import Image, register
from keypoints.graphs import Graphs
from keypoints.letterbox import Letterbox, Letterboxed
from keypoints.region import Region
from keypoints.session import open_session
from keypoints.types import Pose

#: The pose model that ships with RepSight.
SHIPPED = Path(__file__).parent / "models" / "pose.onnx"

_DECODERS = {"yolo": decode_yolo, "yolo-nms-free": decode_nms_free}


@register("yolo", ".onnx")
class YoloPose:
    """Finds people and their 17 keypoints in a picture."""

    name = "yolo"
    precision: str
    takes_regions = True

    def __init__(
        self,
        path: str | Path = SHIPPED,
        *,
        threads: int = 0,
        threshold: float = 0.1,
        iou: float = 0.7,
        floor: float = 0.05,
        graphs: Graphs | None = None,
    ) -> None:
        """Open a pose model file.

        threads: as in `session.open_session`. threshold: the least score of a person: low, because the tracker
        follows somebody through a hard posture on weak detections, and begins with strong ones alone. iou: the
        overlap above which NMS takes two boxes for one person (YOLO's default for prediction). floor: a joint
        with less confidence is missing. graphs: as in `session.open_session`.
        Raises ModelError when the file is no pose model of RepSight, or its input and output are not what its
        card says.
        """
        self.path = Path(path)
        self.threshold, self.iou, self.floor = threshold, iou, floor
        self._session = open_session(self.path, threads, graphs)
        self.card = read_card(PoseCard, self._session.get_modelmeta().custom_metadata_map, self.path)
        _check_shapes(self._session, self.card, self.path)
        self.precision, self.input_size = self.card.precision, self.card.input
        self.input_widths = self.card.widths
        self._input = self._session.get_inputs()[0].name
        self._half = "float16" in self._session.get_inputs()[0].type
        self._decode = _DECODERS[self.card.layout]
        self._own = threading.local()

    def prepare(self, image: Image, region: Region | None = None) -> Letterboxed:
        """Letterbox a BGR (or grey, or RGBA) uint8 picture, or a region of it; valid until the thread's next one."""
        if not hasattr(self._own, "letterbox"):  # each thread has buffers of its own
            self._own.letterbox = Letterbox(*self.card.input, self.card.widths)
        boxed: Letterboxed = self._own.letterbox(image, region)
        return boxed

    def infer(self, prepared: Letterboxed) -> list[Pose]:
        """The people in a prepared picture, best score first, in pixels of the picture."""
        tensor = prepared.tensor.astype(np.float16) if self._half else prepared.tensor
        output = self._session.run(None, {self._input: tensor})[0]
        if output.dtype != np.float32:
            output = output.astype(np.float32)
        return to_poses(self._decode(output, self.threshold, self.iou), prepared, self.floor)

    def estimate(self, image: Image, region: Region | None = None) -> list[Pose]:
        """`infer(prepare(image, region))`."""
        return self.infer(self.prepare(image, region))

    def close(self) -> None:
        """Free the session."""
        del self._session


def to_poses(found: Detections, prepared: Letterboxed, floor: float) -> list[Pose]:
    """Detections in input pixels as poses in picture pixels.

    A joint with confidence below `floor` or outside of the region that was looked at is missing: exactly (0, 0, 0).
    Boxes are clipped to the region.
    """
    if not len(found.scores):
        return []
    low = np.array(prepared.origin, np.float32)
    high = low + np.array(prepared.size, np.float32)
    # Joints and the boxes' corners at once: each step on so few numbers costs the same, however few they are.
    points = prepared.to_picture(np.concatenate([found.keypoints[..., :2], found.boxes.reshape(-1, 2, 2)], axis=1))
    boxes = np.minimum(np.maximum(points[:, skeleton.COUNT :], low), high).reshape(-1, 4)
    points = points[:, : skeleton.COUNT]
    inside = (points >= low) & (points < high)
    confidence = found.keypoints[..., 2]
    keypoints = np.zeros((len(points), skeleton.COUNT, 3), np.float32)
    keypoints[..., :2], keypoints[..., 2] = points, confidence
    keypoints[~((confidence >= floor) & inside[..., 0] & inside[..., 1])] = 0
    return [Pose(k, b, s) for k, b, s in zip(keypoints, boxes, found.scores.tolist(), strict=True)]


def _check_shapes(session: ort.InferenceSession, card: PoseCard, path: Path) -> None:
    """Hold the graph's input and output against its card."""
    inputs, outputs = session.get_inputs(), session.get_outputs()
    expected = [1, 3, *card.input]
    if len(inputs) != 1 or not _fits(inputs[0].shape, expected):
        raise ModelError("does not fit the model card", file=path, field="input", expected=expected,
                         found=[value.shape for value in inputs])  # fmt: skip
    if card.widths and isinstance(inputs[0].shape[3], int):
        raise ModelError("does not fit the model card", file=path, field="input", found=inputs[0].shape,
                         expected=f"one of any width, because the card names {card.widths}")  # fmt: skip
    if inputs[0].type not in ("tensor(float)", "tensor(float16)"):
        raise ModelError("wrong type", file=path, field="input", expected="float", found=inputs[0].type)
    layout = [1, YOLO_CHANNELS, None] if card.layout == "yolo" else [1, None, NMS_FREE_CHANNELS]
    if not outputs or not _fits(outputs[0].shape, layout):
        raise ModelError(f"does not fit layout {card.layout}", file=path, field="output",
                         expected=["N" if value is None else value for value in layout],
                         found=[value.shape for value in outputs])  # fmt: skip


def _fits(shape: Sequence[int | str | None], expected: Sequence[int | None]) -> bool:
    """Whether a graph's shape is the expected one; a symbol (a dynamic axis) or an expected None fits anything."""
    return len(shape) == len(expected) and all(
        wanted is None or not isinstance(got, int) or got == wanted for got, wanted in zip(shape, expected, strict=True)
    )
