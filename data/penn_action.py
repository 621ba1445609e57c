"""Penn Action's labels as keypoint sequences.

Zhang, Zhu and Derpanis, "From Actemes to Action" (ICCV 2013): 2,326 videos of 15 actions with 13 joints a frame,
annotated by hand. The labels come as one MATLAB file a video; the videos themselves are not needed.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import replace
from pathlib import Path

import numpy as np
import scipy.io
from numpy.typing import NDArray
from scipy.io.matlab import MatReadError

from configs.schema import Actions
from data.phase import phase_of_recording
from keypoints import skeleton
from keypoints.errors import InputError
from keypoints.sequences import smoothed
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
MIXED = ("clean_and_jerk",)


def read(folder: Path, actions: Actions) -> Iterator[KeypointSequence]:
    """The sequences of a folder with `labels/*.mat`, their action folded onto ours; mixed ones are left out.

    Raises InputError when the folder holds no label file, or a file is not one.
    """
    files = sorted((folder / "labels").glob("*.mat"))
    if not files:
        raise InputError("no label files", file=folder, expected="labels/*.mat")
    for file in files:
        label, sequence = read_file(file, actions)
        if label not in MIXED:
            yield sequence


def read_file(file: Path, actions: Actions) -> tuple[str, KeypointSequence]:
    """One label file: Penn Action's own label, and the sequence with ours.

    Raises InputError when the file is no label file.
    """
    try:
        content = scipy.io.loadmat(file)
        label = str(content["action"][0])
        x, y, visible = (content[name].astype(np.float32) for name in ("x", "y", "visibility"))
        height, width = (int(v) for v in content["dimensions"][0][:2])
    except (ValueError, KeyError, IndexError, NotImplementedError, MatReadError) as error:
        raise InputError(f"not a Penn Action label: {error}", file=file) from None
    keypoints = np.zeros((len(x), skeleton.COUNT, 3), np.float32)
    labelled = (x > 1) & (y > 1)  # the corner (1, 1) stands for a joint that was not labelled
    confidence = np.where(visible > 0, 1.0, _GUESSED_CONFIDENCE)
    keypoints[:, _JOINTS] = np.stack([x, y, confidence], -1) * labelled[..., None]
    try:
        return label, KeypointSequence(
            keypoints=keypoints, time_s=np.arange(len(x)) / _FPS, size=(width, height),
            action=actions.fold(label), subject=f"penn_action/{file.stem}", source=f"penn_action/{file.stem}",
        )  # fmt: skip
    except InputError as error:
        raise InputError(f"not a Penn Action label: {error}", file=file) from None


def sets(
    sequences: Iterable[KeypointSequence], actions: Actions, seed: int = 0, variants: int = 4
) -> Iterator[KeypointSequence]:
    """Sets of repetitions out of Penn Action's recordings, most of which show a single one.

    Each recording of an action with reps becomes `variants` sets of one to four reps, each at its own tempo (0.6 to
    2 times), with a pause of up to a second before some of them. Their phase comes from their dominant motion;
    the keypoints are then smoothed as they are at run time, so that a head learns to make up for the delay.
    """
    rng = np.random.default_rng(seed)
    for sequence in sequences:
        assert isinstance(sequence.action, str)
        if actions.actions[sequence.action].kind != "reps":
            yield smoothed(_with_phase(sequence, actions))
            continue
        for _ in range(variants):
            yield smoothed(_with_phase(_repeated(sequence, rng), actions))


def _repeated(sequence: KeypointSequence, rng: np.random.Generator) -> KeypointSequence:
    frames: list[NDArray[np.float64]] = []
    for _ in range(int(rng.integers(1, 5))):
        pause = int(rng.uniform(0, _FPS)) if rng.random() < 0.3 else 0
        speed = np.exp(rng.uniform(np.log(0.6), np.log(2.0)))
        frames += [np.zeros(pause), np.arange(0, len(sequence) - 1, speed, dtype=np.float64)]
    at = np.concatenate(frames)
    below = at.astype(np.int64)
    share = (at - below)[:, None, None]
    one, two = sequence.keypoints[below], sequence.keypoints[below + 1]
    seen = (one[..., 2:] > 0) & (two[..., 2:] > 0)
    keypoints = np.where(seen, one * (1 - share) + two * share, 0).astype(np.float32)
    return replace(sequence, keypoints=keypoints, time_s=np.arange(len(at)) / _FPS)


def _with_phase(sequence: KeypointSequence, actions: Actions) -> KeypointSequence:
    assert isinstance(sequence.action, str)
    return replace(sequence, phase=phase_of_recording(sequence.keypoints, actions.actions[sequence.action]))
