"""Labelled windows out of labelled sequences, cut by the same resampling that serves at run time."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from classifier.window import resample
from configs.schema import Actions
from keypoints.errors import InputError
from keypoints.types import FloatArray, KeypointSequence


@dataclass(frozen=True, slots=True)
class Examples:
    """Windows with their labels.

    keypoints: float32 (M, T, 17, 3). action: int64 (M,), index into the names. phase: float32 (M, 2), cos and
    sin at the newest sample; (0, 0) where it is not known. sequence: int64 (M,), which sequence it came from.
    """

    keypoints: FloatArray
    action: NDArray[np.int64]
    phase: FloatArray
    sequence: NDArray[np.int64]

    def __len__(self) -> int:
        return len(self.action)


def cut(
    sequences: Iterable[KeypointSequence],
    actions: Actions,
    *,
    length: int,
    rate_hz: float,
    every_s: float,
    seed: int = 0,
    progress: Callable[[int], None] = lambda done: None,
) -> Examples:
    """Windows of `length` samples at `rate_hz` from every sequence, about one each `every_s` seconds.

    A window carries the labels of its newest frame; frames without a person at the end give no window. The
    first end of each sequence is drawn at random (`seed`), so that window ends do not fall in step.
    Raises InputError for a sequence without labels or with a label that is not in `actions`.
    """
    index = {name: i for i, name in enumerate(actions.names)}
    rng = np.random.default_rng(seed)
    windows, labels, phases, origins = [], [], [], []
    for number, sequence in enumerate(sequences):
        names = sequence.actions
        source = sequence.source or f"sequence {number}"
        if names is None:
            raise InputError("has no labels", file=source, field="action")
        unknown = set(names) - set(index)
        if unknown:
            raise InputError("unknown label", file=source, field="action", expected=", ".join(actions.names),
                             found=", ".join(sorted(unknown)))  # fmt: skip
        times = sequence.time_s
        ends = np.arange(times[0] + rng.uniform(0, every_s), times[-1] + 1e-6, every_s)
        frames = np.unique(np.searchsorted(times, ends, side="right") - 1)
        frames = frames[(sequence.keypoints[frames, :, 2] > 0).any(1)]
        if len(frames):
            windows.append(resample(times, sequence.keypoints, times[frames], length, rate_hz))
            labels.append(np.array([index[names[f]] for f in frames]))
            phase = sequence.phase
            phases.append(phase[frames] if phase is not None else np.zeros((len(frames), 2), np.float32))
            origins.append(np.full(len(frames), number))
        progress(number + 1)
    if not windows:
        raise InputError("no example", field="sequences", expected="labelled sequences with a person in them")
    return Examples(
        np.concatenate(windows), np.concatenate(labels).astype(np.int64),
        np.concatenate(phases).astype(np.float32), np.concatenate(origins).astype(np.int64),
    )  # fmt: skip
