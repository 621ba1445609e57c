"""One head on one sequence, frame by frame as it runs live: everything that it said, and how long it took."""

from __future__ import annotations

import time
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from classifier.head import OnnxHead, Prediction
from classifier.reader import ActionReader
from classifier.rep import Rep
from configs.schema import Actions, Counting
from keypoints.labels import Segment
from keypoints.types import FloatArray, KeypointSequence


@dataclass(frozen=True, slots=True)
class Played:
    """What came of a sequence of N frames.

    probabilities: float32 (N, C), the head's newest answer at each frame, NaN where it was not asked. share: float32
    (N,), of the range of motion, 0-1, NaN outside an action with reps. segments: the action shown live, never
    back-dated. latency_ms: float64 (M,), of window, head and counter together, in the M frames with somebody in them.
    """

    totals: dict[str, int]
    segments: tuple[Segment, ...]
    reps: tuple[Rep, ...]
    probabilities: FloatArray
    share: FloatArray
    latency_ms: NDArray[np.float64]


class ListeningHead(OnnxHead):
    """A head whose last answer can be read."""

    last: Prediction | None = None

    def __call__(self, window: FloatArray) -> Prediction:
        """As `OnnxHead`."""
        self.last = super().__call__(window)
        return self.last

    def take(self) -> Prediction | None:
        """The answer since the last take, if it was asked."""
        last, self.last = self.last, None
        return last


@dataclass(slots=True)
class _Screen:
    """The segments as `run --json` writes them: one begins when its action first shows, ends when another does."""

    segments: list[Segment] = field(default_factory=list)
    shown: str | None = None

    def show(self, action: str | None, time_s: float) -> None:
        now_s = round(time_s, 3)
        if self.shown is not None:
            last = self.segments[-1]
            self.segments[-1] = Segment(last.action, last.start_s, now_s)
        if action is not None and action != self.shown:
            self.segments.append(Segment(action, now_s, now_s))
        self.shown = action


def play(head: ListeningHead, sequence: KeypointSequence, actions: Actions, counting: Counting) -> Played:
    """Run stage 2 over a sequence, one frame after the other. Raises ModelError as `ActionReader` does."""
    reader = ActionReader(head, actions, counting)
    screen = _Screen()
    reps: list[Rep] = []
    frames = len(sequence)
    probabilities = np.full((frames, len(head.card.actions)), np.nan, np.float32)
    share = np.full(frames, np.nan, np.float32)
    latency_ms = np.zeros(frames)
    for i, (moment, keypoints) in enumerate(zip(sequence.time_s, sequence.keypoints, strict=True)):
        time_s = float(moment)
        began = time.perf_counter()
        count = reader.update(time_s, keypoints)
        latency_ms[i] = (time.perf_counter() - began) * 1000
        screen.show(count.action if count else None, time_s)
        answer = head.take()
        if answer is not None:
            probabilities[i] = answer.probabilities
        if count is not None:
            reps += count.new_reps
            if count.phase is not None:
                share[i] = (1 - np.cos(count.phase)) / 2
    closing = reader.finish()
    if closing is not None and closing.new_reps:
        reps += closing.new_reps
        screen.show(closing.action, float(sequence.time_s[-1]))
    seen = (sequence.keypoints[..., 2] > 0).any(1)
    return Played(reader.reps, tuple(screen.segments), tuple(reps), probabilities, share, latency_ms[seen])
