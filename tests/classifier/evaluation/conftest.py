"""Parts of the evaluation's tests: labelled squats, and the head that sees squats in the height of the hips."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from classifier.evaluation.play import Played
from classifier.rep import Rep
from keypoints.labels import Labelled, Segment
from keypoints.types import KeypointSequence
from tests.edge.conftest import squats, tiny_head  # noqa: F401

Squats = Callable[..., Labelled]


@pytest.fixture(scope="session")
def labelled(squats: Callable[[int], Path]) -> Squats:  # noqa: F811
    """Makes a record of `shown` squats of two seconds, which its labels may say something else of."""

    def make(
        name: str, shown: int, *, said: int | None = None, exercise: str = "squats", source: str = "a"
    ) -> Labelled:
        sequence = KeypointSequence.load(squats(shown))
        ends = np.arange(shown)[:, None] * 2.0 + np.array([[0.0, 2.0]])
        sequence = KeypointSequence(sequence.keypoints, sequence.time_s, sequence.size, reps_s=ends, source=source)
        end_s = float(sequence.time_s[-1])
        return Labelled(name, sequence, exercise, (Segment(exercise, 0.0, end_s),), shown if said is None else said)

    return make


def rep(action: str, start_s: float, end_s: float, counted_at_s: float | None = None) -> Rep:
    """A counted rep."""
    return Rep(action, start_s, end_s, end_s if counted_at_s is None else counted_at_s, 1.0, False)


def played(frames: int, classes: int, segments: tuple[Segment, ...] = (), reps: tuple[Rep, ...] = ()) -> Played:
    """What a head could have said of so many frames: nothing but segments and reps."""
    totals: dict[str, int] = {}
    for each in reps:
        totals[each.action] = totals.get(each.action, 0) + 1
    silent = np.full((frames, classes), np.nan, np.float32)
    return Played(totals, segments, reps, silent, np.full(frames, np.nan, np.float32), np.zeros(0))
