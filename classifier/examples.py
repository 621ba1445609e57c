"""Labelled windows out of labelled sequences, sampled as at run time."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Iterator
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from classifier.window import resample
from configs.schema import Actions
from keypoints.errors import InputError
from keypoints.types import FloatArray, KeypointSequence

#: The action of a sample that has none: before the first frame, or without anybody.
UNKNOWN = -1


#: One sampled sequence: keypoints (G, 17, 3), labels (G,), phases (G, 2), and the samples at which windows end (M,).
Piece = tuple[FloatArray, NDArray[np.int64], FloatArray, NDArray[np.int64]]


@dataclass(frozen=True, slots=True)
class Examples:
    """Windows with the labels of every sample in them. Windows overlap, so samples are kept once.

    samples: float32 (S, 17, 3), the sequences one after the other. labels: int64 (S,), the index of each sample's
    action, or UNKNOWN. phases: float32 (S, 2), cos and sin, (0, 0) where not known. start: int64 (M,), the first
    sample of each window. sequence: int64 (M,), which sequence it came from. length: samples a window. held_out: the
    sequences that are for validation alone; where there are none, some are drawn.
    """

    samples: FloatArray
    labels: NDArray[np.int64]
    phases: FloatArray
    start: NDArray[np.int64]
    sequence: NDArray[np.int64]
    length: int
    held_out: frozenset[int] = frozenset()

    def __len__(self) -> int:
        return len(self.start)

    def windows(self, which: NDArray[np.int64]) -> FloatArray:
        """Some windows by their numbers, float32 (B, T, 17, 3)."""
        windows: FloatArray = self.samples[self.start[which][:, None] + np.arange(self.length)]
        return windows

    @property
    def action(self) -> NDArray[np.int64]:
        """The action of each window's newest sample, int64 (M,)."""
        return self.labels[self.start + self.length - 1]

    @classmethod
    def of(cls, pieces: Iterable[Piece], length: int) -> Examples:
        """Windows of `length` samples out of sampled sequences; before the first sample its pose is repeated.

        Raises InputError when there is no window.
        """
        samples, labels, phases, starts, origins = [], [], [], [], []
        offset, before = 0, length - 1
        for number, (points, label, phase, ends) in enumerate(pieces):
            samples.append(np.concatenate([np.repeat(points[:1], before, 0), points]))
            labels.append(np.concatenate([np.full(before, UNKNOWN), label]))
            phases.append(np.concatenate([np.zeros((before, 2)), phase]))
            starts.append(offset + ends)
            origins.append(np.full(len(ends), number))
            offset += len(samples[-1])
        if not sum(map(len, starts)):
            raise InputError("no example", field="sequences", expected="labelled sequences with a person in them")
        return cls(
            np.concatenate(samples).astype(np.float32), np.concatenate(labels).astype(np.int64),
            np.concatenate(phases).astype(np.float32), np.concatenate(starts).astype(np.int64),
            np.concatenate(origins).astype(np.int64), length,
        )  # fmt: skip


def cut(
    sequences: Iterable[KeypointSequence],
    actions: Actions,
    *,
    length: int,
    rate_hz: float,
    every_s: float,
    seed: int = 0,
    leave_out: Collection[str] = (),
    progress: Callable[[int], None] = lambda done: None,
) -> Examples:
    """Windows of `length` samples at `rate_hz` from every sequence, about one each `every_s` seconds.

    No window ends in a sample without a person or without a label. The first end of each sequence is drawn at random
    (`seed`), so that window ends do not fall in step. leave_out: labels that may be unknown; no window shows a sample
    of theirs. Raises InputError for a sequence without labels or with another label that is not in `actions`.
    """
    index = {name: i for i, name in enumerate(actions.names)}
    rng = np.random.default_rng(seed)

    def pieces() -> Iterator[Piece]:
        for number, sequence in enumerate(sequences):
            names = sequence.actions
            source = sequence.source or f"sequence {number}"
            if names is None:
                raise InputError("has no labels", file=source, field="action")
            unknown = set(names) - set(index) - set(leave_out)
            if unknown:
                raise InputError("unknown label", file=source, field="action", expected=", ".join(actions.names),
                                 found=", ".join(sorted(unknown)))  # fmt: skip
            times = sequence.time_s
            grid, points = resample(times, sequence.keypoints, rate_hz)
            nearest = np.minimum(np.searchsorted(times, grid - 1e-6), len(times) - 1)
            label = np.array([index.get(name, UNKNOWN) for name in names])[nearest]
            label[~(points[:, :, 2] > 0).any(1)] = UNKNOWN
            ends = np.arange(rng.uniform(0, every_s), grid[-1] - grid[0] + 1e-6, every_s)
            ends = np.unique(np.floor(ends * rate_hz).astype(np.int64))
            ends = ends[label[ends] != UNKNOWN]
            # Samples that show what is left out, counted up to each: a window without any has equal counts at its ends.
            shown = np.cumsum(np.concatenate([np.zeros(length), np.isin(names, list(leave_out))[nearest]]))
            yield points, label, _phase_at(sequence, grid, nearest), ends[shown[ends + length] == shown[ends]]
            progress(number + 1)

    return Examples.of(pieces(), length)


def _phase_at(sequence: KeypointSequence, grid: NDArray[np.float64], nearest: NDArray[np.int64]) -> FloatArray:
    """The phase at the moments `grid` (G,), between the frames where both their phases are known, (G, 2)."""
    if sequence.phase is None:
        return np.zeros((len(grid), 2), np.float32)
    exact = sequence.phase[nearest]
    between = np.stack([np.interp(grid, sequence.time_s, sequence.phase[:, i]) for i in range(2)], 1)
    known = (exact != 0).any(1) & (sequence.phase[np.maximum(nearest - 1, 0)] != 0).any(1)
    return np.where(known[:, None], between, exact).astype(np.float32)
