"""`BlazePose`: MediaPipe's pose landmarker as an estimator. The package `mediapipe` is an optional extra."""

from __future__ import annotations

from pathlib import Path
from typing import Any, Final

import cv2
import numpy as np
from numpy.typing import NDArray

from keypoints.errors import MissingExtraError, ModelError
from keypoints.estimator import Image, register
from keypoints.graphs import Graphs
from keypoints.letterbox import to_bgr
from keypoints.region import Region
from keypoints.types import Pose

#: Where a `.task` file comes from, for the messages.
MODEL_PAGE = "https://ai.google.dev/edge/mediapipe/solutions/vision/pose_landmarker#models"

#: BlazePose's landmark for each COCO keypoint, in COCO order (landmark names: MediaPipe, `PoseLandmark`).
COCO_FROM_BLAZEPOSE: Final = (0, 2, 5, 7, 8, 11, 12, 13, 14, 15, 16, 23, 24, 25, 26, 27, 28)

#: MediaPipe wants a time for each picture, for its own tracking. An estimator knows none: a nominal frame.
FRAME_MS = 33


@register("blazepose", ".task")
class BlazePose:
    """Finds one person, tracked from picture to picture by MediaPipe; so give it the pictures of one video in order."""

    name = "blazepose"
    takes_regions = False
    precision = "fp16"
    input_size = (256, 256)

    def __init__(
        self, path: str | Path, *, threads: int = 0, people: int = 1, floor: float = 0.05, graphs: Graphs | None = None
    ) -> None:
        """Open a `.task` bundle.

        threads and graphs: ignored, MediaPipe decides. people: how many to look for. floor: a joint with less
        visibility is missing.
        Raises MissingExtraError without mediapipe, ModelError when the file is missing or no pose bundle.
        """
        self.path = Path(path)
        self.floor = floor
        if not self.path.is_file():
            raise ModelError("no such file", file=self.path, expected="a MediaPipe pose .task file",
                             hint=f"get one from {MODEL_PAGE}")  # fmt: skip
        self._mediapipe = _import_mediapipe()
        vision = self._mediapipe.tasks.vision
        options = vision.PoseLandmarkerOptions(
            base_options=self._mediapipe.tasks.BaseOptions(model_asset_path=str(self.path)),
            running_mode=vision.RunningMode.VIDEO,
            num_poses=people,
        )
        try:
            self._landmarker = vision.PoseLandmarker.create_from_options(options)
        except (RuntimeError, ValueError) as error:
            raise ModelError(f"not a MediaPipe pose .task file: {error}", file=self.path,
                             hint=f"get one from {MODEL_PAGE}") from None  # fmt: skip
        self._frames = 0

    def prepare(self, image: Image, region: Region | None = None) -> NDArray[np.uint8]:
        """The picture in MediaPipe's colour order; it letterboxes and crops by itself, within `infer`.

        region: None; MediaPipe follows by itself.
        """
        assert region is None, "takes no regions"
        rgb: NDArray[np.uint8] = cv2.cvtColor(to_bgr(image), cv2.COLOR_BGR2RGB)
        return rgb

    def infer(self, prepared: NDArray[np.uint8]) -> list[Pose]:
        """The people in a prepared picture, in pixels of the picture."""
        mediapipe = self._mediapipe
        picture = mediapipe.Image(image_format=mediapipe.ImageFormat.SRGB, data=prepared)
        found = self._landmarker.detect_for_video(picture, self._frames * FRAME_MS)
        self._frames += 1
        height, width = prepared.shape[:2]
        return [
            pose
            for landmarks in found.pose_landmarks
            if (pose := to_pose([(m.x, m.y, m.visibility) for m in landmarks], (width, height), self.floor))
        ]

    def estimate(self, image: Image, region: Region | None = None) -> list[Pose]:
        """`infer(prepare(image, region))`."""
        return self.infer(self.prepare(image, region))

    def close(self) -> None:
        """Free the landmarker; left to the interpreter's end, MediaPipe prints a traceback."""
        self._landmarker.close()


def to_pose(landmarks: list[tuple[float, float, float]], size: tuple[int, int], floor: float) -> Pose | None:
    """One person's 33 landmarks (x and y as shares of the picture, visibility) as 17 keypoints in pixels.

    A joint less visible than `floor`, or outside of the picture, is (0, 0, 0). None when no joint is left.
    """
    points = np.array(landmarks, np.float32)[list(COCO_FROM_BLAZEPOSE)]
    seen = (points[:, 2] >= floor) & (points[:, :2] >= 0).all(1) & (points[:, :2] < 1).all(1)
    if not seen.any():
        return None
    keypoints = points * np.array([*size, 1], np.float32) * seen[:, None]
    box = np.concatenate([keypoints[seen, :2].min(0), keypoints[seen, :2].max(0)])
    return Pose(keypoints, box, float(points[:, 2].mean()))


def _import_mediapipe() -> Any:
    try:
        import mediapipe
    except ImportError as error:
        raise MissingExtraError(f"the estimator blazepose needs the package mediapipe: {error}",
                                hint="`repsight doctor` prints the commands that install it") from None  # fmt: skip
    return mediapipe
