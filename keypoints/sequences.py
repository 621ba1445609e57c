"""Sequences made elsewhere, brought to what stage 1 gives: gated and smoothed as at run time."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from keypoints.smoothing import PoseSmoother
from keypoints.types import FloatArray, KeypointSequence, Pose


def smoothed(sequence: KeypointSequence) -> KeypointSequence:
    """The sequence after the run time's confidence gating and smoothing; labels and times stay as they are."""
    smoother = PoseSmoother()
    keypoints = np.zeros_like(sequence.keypoints)
    for i, (time_s, raw) in enumerate(zip(sequence.time_s, sequence.keypoints, strict=True)):
        pose = smoother.update(pose_of(raw), float(time_s))
        if pose is not None:
            keypoints[i] = pose.keypoints
    return replace(sequence, keypoints=keypoints)


def pose_of(keypoints: FloatArray) -> Pose | None:
    """A pose whose box is that of its joints; None when there is no joint."""
    seen = keypoints[keypoints[:, 2] > 0]
    if not len(seen):
        return None
    box = np.concatenate([seen[:, :2].min(0), seen[:, :2].max(0)])
    return Pose(keypoints, box.astype(np.float32), float(seen[:, 2].mean()))
