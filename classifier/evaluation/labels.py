"""Action labels against the truth: confusion, precision, recall, F1, calibration; by window and by second shown."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from classifier.evaluation.bootstrap import Draws, Estimate
from classifier.evaluation.play import Played
from classifier.evaluation.truth import Truth
from keypoints.types import KeypointSequence

#: Seconds after a change of action that are not judged: everything is causal, and the change has to be seen first.
SETTLE_S = 1.0

#: What is shown while nothing is known.
NONE = "none"

#: Bins of the reliability plot and of the expected calibration error.
BINS = 15

Floats = NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class ClassScore:
    """One action: precision, recall and F1, and how many labelled moments it has (support)."""

    precision: float
    recall: float
    f1: float
    support: int


@dataclass(frozen=True, slots=True)
class LabelScore:
    """Labels of many moments. names: rows and columns of `confusion`, which counts moments [true][said].

    macro: unweighted means over the actions that are labelled somewhere; weighted: by support.
    """

    moments: int
    accuracy: Estimate
    macro: ClassScore
    weighted: ClassScore
    classes: dict[str, ClassScore]
    names: tuple[str, ...]
    confusion: tuple[tuple[int, ...], ...]


@dataclass(frozen=True, slots=True)
class Bin:
    """Windows with a confidence in one of the equal steps from 0 to 1; means over them."""

    windows: int
    confidence: float
    accuracy: float


@dataclass(frozen=True, slots=True)
class Calibration:
    """expected_error: mean |confidence - accuracy| over the bins, by their windows (Guo et al., "On Calibration of
    Modern Neural Networks", ICML 2017, equation 3)."""

    expected_error: float
    bins: tuple[Bin, ...]


@dataclass(frozen=True, slots=True)
class Moments:
    """Judged moments of one sequence: what was true, what was said, and how surely (0-1)."""

    true: tuple[str, ...]
    said: tuple[str, ...]
    confidence: tuple[float, ...]


def seconds_shown(truth: Truth, played: Played) -> Moments:
    """The action shown at every second of each labelled segment, from SETTLE_S after its start."""
    true, said = [], []
    for segment in truth.segments:
        for time_s in _steps(segment.start_s, segment.end_s, 1.0):
            shown = next((s.action for s in played.segments if s.start_s <= time_s < s.end_s), NONE)
            true.append(segment.action)
            said.append(shown)
    return Moments(tuple(true), tuple(said), (1.0,) * len(true))


def windows_judged(
    truth: Truth, played: Played, sequence: KeypointSequence, classes: Sequence[str], every_s: float
) -> Moments:
    """The head's likeliest action in its newest answer at every `every_s` of each labelled segment, from SETTLE_S after
    its start; moments without an answer since the last one are left out."""
    true, said, confidence = [], [], []
    asked = np.flatnonzero(~np.isnan(played.probabilities[:, 0]))
    times = sequence.time_s[asked]
    for segment in truth.segments if len(asked) else ():
        moments = np.array(list(_steps(segment.start_s, segment.end_s, every_s)))
        newest = np.searchsorted(times, moments + 1e-9, side="right") - 1
        for i in np.unique(newest[(newest >= 0) & (moments - times[newest] < every_s)]):
            row = played.probabilities[asked[i]]
            true.append(segment.action)
            said.append(classes[int(row.argmax())])
            confidence.append(float(row.max()))
    return Moments(tuple(true), tuple(said), tuple(confidence))


def score(moments: Sequence[Moments], draws: Draws) -> LabelScore | None:
    """The figures over the moments of every sequence of a set; None without a moment."""
    true = [name for each in moments for name in each.true]
    said = [name for each in moments for name in each.said]
    if not true:
        return None
    names = tuple(sorted({*true, *said} - {NONE})) + ((NONE,) if NONE in said else ())
    index = {name: i for i, name in enumerate(names)}
    confusion = np.zeros((len(names), len(names)), np.int64)
    np.add.at(confusion, ([index[name] for name in true], [index[name] for name in said]), 1)

    hits = np.diag(confusion)
    support, answers = confusion.sum(1), confusion.sum(0)
    labelled = [i for i in range(len(names)) if support[i]]
    classes = {}
    for i in labelled:
        precision, recall = hits[i] / max(answers[i], 1), hits[i] / support[i]
        f1 = 2 * hits[i] / (support[i] + answers[i])
        classes[names[i]] = ClassScore(float(precision), float(recall), float(f1), int(support[i]))
    right = np.array([sum(a == b for a, b in zip(m.true, m.said, strict=True)) for m in moments], np.float64)
    accuracy = draws.ratio(right, np.array([len(m.true) for m in moments], np.float64))
    assert accuracy is not None
    return LabelScore(
        len(true), accuracy, _mean(classes, weighted=False), _mean(classes, weighted=True), classes, names,
        tuple(tuple(int(n) for n in row) for row in confusion),
    )  # fmt: skip


def calibration(moments: Sequence[Moments]) -> Calibration | None:
    """How far the head's confidence is from the share of windows in which it is right; None without a window."""
    sure = np.array([c for each in moments for c in each.confidence])
    if not len(sure):
        return None
    right = np.array([a == b for each in moments for a, b in zip(each.true, each.said, strict=True)], np.float64)
    place = np.clip(np.ceil(sure * BINS).astype(np.int64) - 1, 0, BINS - 1)  # (low, high], as in the paper
    windows = np.bincount(place, minlength=BINS)
    mean = [np.bincount(place, values, BINS) / np.maximum(windows, 1) for values in (sure, right)]
    bins = tuple(Bin(int(n), float(c), float(a)) for n, c, a in zip(windows, *mean, strict=True))
    return Calibration(float(sum(b.windows * abs(b.confidence - b.accuracy) for b in bins) / len(sure)), bins)


def _mean(classes: dict[str, ClassScore], weighted: bool) -> ClassScore:
    scores = list(classes.values())
    weights = [score.support if weighted else 1 for score in scores]

    def mean(values: list[float]) -> float:
        return float(np.average(values, weights=weights))

    return ClassScore(
        mean([s.precision for s in scores]), mean([s.recall for s in scores]), mean([s.f1 for s in scores]),
        sum(s.support for s in scores),
    )  # fmt: skip


def _steps(start_s: float, end_s: float, every_s: float) -> Iterator[float]:
    """Moments of a segment, from SETTLE_S after its start up to its end, which is not in it."""
    time_s = start_s + SETTLE_S
    while time_s < end_s:
        yield time_s
        time_s += every_s
