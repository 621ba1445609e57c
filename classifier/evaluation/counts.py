"""Counts against the truth: exact, off by one, mean absolute error, and ghosts."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from classifier.evaluation.bootstrap import Draws, Estimate
from classifier.evaluation.truth import Truth

#: The total counted over all actions with reps: as if the exercise had been told.
TOLD = "told"


@dataclass(frozen=True, slots=True)
class Item:
    """One action in one sequence. sequence: its number in the set."""

    sequence: int
    action: str
    true: int
    counted: int

    @property
    def error(self) -> int:
        return abs(self.counted - self.true)


@dataclass(frozen=True, slots=True)
class CountScore:
    """exact, obo: shares of the items counted exactly, and within one (OBO). mae: mean |counted - true| / true
    (Dwibedi et al., "Counting Out Time", CVPR 2020, normalise so)."""

    items: int
    true: int
    counted: int
    exact: Estimate
    obo: Estimate
    mae: Estimate


@dataclass(frozen=True, slots=True)
class GhostScore:
    """Reps counted that are none, per minute of `minutes`."""

    reps: int
    minutes: float
    per_min: Estimate


def items_of(number: int, truth: Truth, totals: Mapping[str, int], classes: frozenset[str]) -> list[Item]:
    """What is to be counted in a sequence, beside what was; none where the truth is unknown or has no name."""
    if truth.kind != "reps" or truth.reps is None:
        return []
    return [Item(number, name, n, totals.get(name, 0)) for name, n in sorted(truth.reps.items()) if name in classes]


def told(items: Sequence[Item], totals: Sequence[Mapping[str, int]]) -> list[Item]:
    """The oracle's items: each with all that was counted in its sequence, whatever the action; one item a sequence."""
    alone = [item for item in items if sum(other.sequence == item.sequence for other in items) == 1]
    return [Item(i.sequence, i.action, i.true, sum(totals[i.sequence].values())) for i in alone]


def score(items: Sequence[Item], draws: Draws, sequences: int) -> CountScore | None:
    """The figures over some items of a set of `sequences`; None without any."""
    if not items:
        return None

    def mean(values: Sequence[float]) -> Estimate:
        found = draws.ratio(_sum(items, values, sequences), _sum(items, [1.0] * len(items), sequences))
        assert found is not None
        return found

    return CountScore(
        items=len(items),
        true=sum(item.true for item in items),
        counted=sum(item.counted for item in items),
        exact=mean([float(item.error == 0) for item in items]),
        obo=mean([float(item.error <= 1) for item in items]),
        mae=mean([item.error / max(item.true, 1) for item in items]),
    )


def by_action(items: Sequence[Item], draws: Draws, sequences: int) -> dict[str, CountScore]:
    """The same for each action alone."""
    found = {
        name: score([i for i in items if i.action == name], draws, sequences) for name in {i.action for i in items}
    }
    return {name: value for name, value in sorted(found.items()) if value is not None}


def ghosts(
    truths: Sequence[Truth],
    totals: Sequence[Mapping[str, int]],
    seconds: Sequence[float],
    draws: Draws,
    kinds: frozenset[str],
) -> GhostScore | None:
    """Reps of actions that are not shown, over the sequences of these kinds; None without such sequences."""
    reps = np.zeros(len(truths))
    minutes = np.zeros(len(truths))
    for i, (truth, total) in enumerate(zip(truths, totals, strict=True)):
        if truth.kind in kinds:
            reps[i] = sum(n for name, n in total.items() if name not in truth.allowed)
            minutes[i] = seconds[i] / 60
    per_min = draws.ratio(reps, minutes)
    return None if per_min is None else GhostScore(int(reps.sum()), float(minutes.sum()), per_min)


def _sum(items: Sequence[Item], values: Sequence[float], sequences: int) -> NDArray[np.float64]:
    """The values of the items, added up by sequence, (sequences,)."""
    numbers = np.array([item.sequence for item in items], np.intp)
    return np.bincount(numbers, np.asarray(values, np.float64), sequences).astype(np.float64)
