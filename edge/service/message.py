"""What the service says of a picture and of a reading, as JSON."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import asdict
from typing import Any

from edge.reading import Reading
from keypoints.types import Pose


def poses_content(poses: Sequence[Pose]) -> list[dict[str, Any]]:
    """The people in a picture."""
    return [
        {"keypoints": _keypoints(pose), "box": [round(float(v), 1) for v in pose.box], "score": round(pose.score, 3)}
        for pose in poses
    ]


def reading_line(reading: Reading, size: tuple[int, int]) -> bytes:
    """One line of NDJSON. size: (width, height) px of the frame. Raises ValueError for what is no number."""
    content = {
        "time_s": round(reading.time_s, 3),
        "size": list(size),
        "keypoints": None if reading.pose is None else _keypoints(reading.pose),
        "action": reading.action,
        "confidence": round(reading.confidence, 3),
        "state": reading.state,
        "phase": None if reading.phase is None else round(reading.phase, 3),
        "reps": dict(reading.reps),
        "holds_s": {action: round(seconds, 2) for action, seconds in reading.holds_s.items()},
        "new_reps": [
            {key: round(value, 3) if isinstance(value, float) else value for key, value in asdict(rep).items()}
            for rep in reading.new_reps
        ],
    }
    return json.dumps(content, allow_nan=False, separators=(",", ":")).encode() + b"\n"


def _keypoints(pose: Pose) -> list[list[float]]:
    return [[round(x, 1), round(y, 1), round(c, 3)] for x, y, c in pose.keypoints.tolist()]
