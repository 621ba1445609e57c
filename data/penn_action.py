"""Penn Action's labels as keypoint sequences.

Zhang, Zhu and Derpanis, "From Actemes to Action" (ICCV 2013): 2,326 videos of 15 actions with 13 joints a frame,
annotated by hand. The labels come as one MATLAB file a video; the videos themselves are not needed.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import numpy as np
import scipy.io

from configs.schema import Actions
from keypoints import skeleton
from keypoints.errors import InputError
from keypoints.types import KeypointSequence

#: Penn Action's joints in its own order, by the COCO joint that they stand for; its head is COCO's nose. What it
#: calls left is the person's right: in its `front` views the "left" shoulder lies left in the picture.
_JOINTS = (
    skeleton.NOSE, skeleton.R_SHOULDER, skeleton.L_SHOULDER, skeleton.R_ELBOW, skeleton.L_ELBOW,
    skeleton.R_WRIST, skeleton.L_WRIST, skeleton.R_HIP, skeleton.L_HIP, skeleton.R_KNEE, skeleton.L_KNEE,
    skeleton.R_ANKLE, skeleton.L_ANKLE,
)  # fmt: skip

#: The rate of the videos; the label files do not carry it.
_FPS = 30.0

#: A label that is marked as not visible was guessed by the annotator, or left at the picture's corner.
_GUESSED_CONFIDENCE = 0.4

#: A clean and jerk is a deadlift, a squat and a press one after the other: no single action of ours.
_MIXED = ("clean_and_jerk",)


def read(folder: Path, actions: Actions) -> Iterator[KeypointSequence]:
    """The sequences of a folder with `labels/*.mat`, their action folded onto ours; mixed ones are left out.

    Raises InputError when the folder holds no label file, or a file is not one.
    """
    files = sorted((folder / "labels").glob("*.mat"))
    if not files:
        raise InputError("no label files", file=folder, expected="labels/*.mat")
    for file in files:
        sequence = _read_file(file, actions)
        if sequence is not None:
            yield sequence


def _read_file(file: Path, actions: Actions) -> KeypointSequence | None:
    try:
        content = scipy.io.loadmat(file)
        label = str(content["action"][0])
        x, y, visible = (content[name].astype(np.float32) for name in ("x", "y", "visibility"))
        height, width = (int(v) for v in content["dimensions"][0][:2])
    except (ValueError, KeyError, IndexError, NotImplementedError) as error:
        raise InputError(f"not a Penn Action label: {error}", file=file) from None
    if label in _MIXED:
        return None
    keypoints = np.zeros((len(x), skeleton.COUNT, 3), np.float32)
    labelled = (x > 1) & (y > 1)  # the corner (1, 1) stands for a joint that was not labelled
    confidence = np.where(visible > 0, 1.0, _GUESSED_CONFIDENCE)
    keypoints[:, _JOINTS] = np.stack([x, y, confidence], -1) * labelled[..., None]
    return KeypointSequence(
        keypoints=keypoints, time_s=np.arange(len(x)) / _FPS, size=(width, height),
        action=actions.fold(label), subject=f"penn_action/{file.stem}", source=f"penn_action/{file.stem}",
    )  # fmt: skip
