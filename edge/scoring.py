"""Both stages for a whole recording at once: keypoints or pictures in, counts out, as `run --json` would count them."""

from __future__ import annotations

import base64
import binascii
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from typing import Any, Final

import cv2
import numpy as np
from numpy.typing import NDArray

from edge.models import Models
from edge.report import Report
from edge.run import load_settings
from edge.sources import Sample, samples
from keypoints.errors import InputError
from keypoints.types import Frame, KeypointSequence

#: What a recording may consist of.
FIELDS: Final = ("keypoints", "frames", "time_s")

#: What is told of the newest moment.
_NOTHING: Final = {"action": None, "confidence": 0.0, "phase": None, "state": "no person"}


class Scorer:
    """A pose model and a head, for recordings that come whole; each is counted for itself, also at the same time."""

    def __init__(self, pose: Path, head: Path) -> None:
        """Raises ModelError when a file is not what it should be."""
        changed = {"pose": str(pose), "head": str(head), "graphs": "none", "overlap": False}
        settings, self._counting = load_settings()
        self._settings = settings.model_copy(update=changed)
        self._models = Models.open(self._settings)

    def score(self, recording: Mapping[str, Any]) -> dict[str, Any]:
        """Count the reps of one recording.

        recording: `time_s`, N increasing seconds, and either `keypoints`, N x 17 x 3 of x px, y px and confidence in
        COCO order (0, 0, 0 where a joint is missing), or `frames`, N pictures (JPEG or PNG) in base64.

        Returns `totals`, `holds`, `segments` and `reps` as `run --json` writes them, `frames` and `duration_s`, and of
        the last frame `action`, `confidence`, `phase` (radians, or None) and `state`. Raises InputError.
        """
        pipeline = self._models.pipeline(self._settings, self._counting)
        report, reading = Report("recording"), None
        for item in _items(recording):
            reading = pipeline.read(item) if isinstance(item, Frame) else pipeline.read_pose(item.time_s, item.pose)
            report.add(reading)
        closing = pipeline.finish(report.duration_s)
        if closing is not None:
            report.add(closing)
        last = _NOTHING if reading is None else {name: getattr(reading, name) for name in _NOTHING}
        told = report.content()
        told["frames"] = len(_list(recording, "time_s"))
        return last | {name: told[name] for name in ("totals", "holds", "segments", "reps", "frames", "duration_s")}


def _items(recording: Mapping[str, Any]) -> Iterable[Frame | Sample]:
    """The moments of a recording. Raises InputError, for keypoints and times before the first one."""
    given = [name for name in FIELDS[:2] if recording.get(name) is not None]
    if len(given) != 1:
        raise InputError("needs one of keypoints and frames", found=" and ".join(given) or "neither")
    time_s = _numbers(recording, "time_s", np.float64)
    if given == ["frames"]:
        return _frames(_list(recording, "frames"), time_s)
    keypoints = _numbers(recording, "keypoints", np.float32)
    return samples(KeypointSequence(keypoints, time_s, _size(keypoints)))


def _frames(pictures: list[Any], time_s: NDArray[np.float64]) -> Iterator[Frame]:
    if not pictures or time_s.shape != (len(pictures),):
        raise InputError("not as many as there are times", field="frames", expected=f"{time_s.size}, and one at least",
                         found=len(pictures))  # fmt: skip
    if not np.isfinite(time_s).all() or (np.diff(time_s) <= 0).any():
        raise InputError("not increasing", field="time_s", expected="increasing seconds")
    for index, (picture, moment) in enumerate(zip(pictures, time_s, strict=True)):
        yield Frame(_picture(picture, f"frames[{index}]"), float(moment), index)


def _picture(text: object, field: str) -> NDArray[np.uint8]:
    """A picture (H, W, 3), BGR, of its base64."""
    try:
        data = base64.b64decode(text, validate=True) if isinstance(text, str) else b""
        image = cv2.imdecode(np.frombuffer(data, np.uint8), cv2.IMREAD_COLOR) if data else None
    except (binascii.Error, ValueError, cv2.error):
        image = None
    if image is None:
        raise InputError("not a picture", field=field, expected="JPEG or PNG in base64")
    return np.asarray(image, np.uint8)


def _list(recording: Mapping[str, Any], field: str) -> list[Any]:
    value = recording.get(field)
    if not isinstance(value, list | tuple | np.ndarray):
        raise InputError("missing" if value is None else "not a list", field=field)
    return list(value)


def _numbers(recording: Mapping[str, Any], field: str, dtype: type) -> NDArray[Any]:
    try:
        return np.array(_list(recording, field), dtype)
    except (ValueError, TypeError):
        raise InputError("not a regular list of numbers", field=field) from None


def _size(keypoints: NDArray[np.float32]) -> tuple[int, int]:
    """A picture that holds all joints, (width, height) px; nothing is counted by it."""
    if keypoints.ndim != 3 or not keypoints.size or not np.isfinite(keypoints).all():
        return 1, 1  # not a sequence anyway, which says better why
    width, height = np.ceil(keypoints.reshape(-1, keypoints.shape[-1])[:, :2].max(0)).astype(int)
    return max(1, int(width)), max(1, int(height))
