"""Single reps against labelled ones: which were found, and how long after their end they were counted.

A counted rep may be that of a labelled interval of the same action when it was counted after the interval's middle and
at most `tolerance_s` after its end. Of all such pairs those with the least time between end and count are taken first,
each interval and each count once: so one missed rep does not shift all that follow it.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from classifier.evaluation.bootstrap import Draws, Estimate
from classifier.evaluation.truth import Event
from classifier.rep import Rep


@dataclass(frozen=True, slots=True)
class Matched:
    """One sequence. pairs: (labelled, counted), numbers into the two lists. delays_s: counted minus true end."""

    events: int
    counted: int
    pairs: tuple[tuple[int, int], ...]
    delays_s: tuple[float, ...]


@dataclass(frozen=True, slots=True)
class EventScore:
    """precision: share of the counted reps that are labelled ones; recall: of the labelled ones that were counted.
    Delays in seconds, of the pairs; below 0 a rep was counted before its labelled end. None without a pair."""

    events: int
    counted: int
    matched: int
    tolerance_s: float
    precision: Estimate | None
    recall: Estimate | None
    f1: Estimate | None
    delay_median_s: float | None
    delay_p90_s: float | None


def match(events: Sequence[Event], reps: Sequence[Rep], tolerance_s: float) -> Matched:
    """Pair the labelled reps of one sequence with the counted ones."""
    possible = sorted(
        (abs(rep.counted_at_s - event.end_s), number, i)
        for number, event in enumerate(events)
        for i, rep in enumerate(reps)
        if rep.action == event.action
        and (event.start_s + event.end_s) / 2 < rep.counted_at_s <= event.end_s + tolerance_s
    )
    taken: dict[int, int] = {}
    for _, number, i in possible:
        if number not in taken and i not in taken.values():
            taken[number] = i
    pairs = sorted(taken.items())
    delays = [reps[i].counted_at_s - events[number].end_s for number, i in pairs]
    return Matched(len(events), len(reps), tuple(pairs), tuple(delays))


def score(matched: Sequence[Matched], tolerance_s: float, draws: Draws) -> EventScore | None:
    """The figures over a set, one `Matched` a sequence; None when it has no labelled reps."""
    events, counted, pairs = (
        np.array(column, np.float64)
        for column in zip(*((m.events, m.counted, len(m.pairs)) for m in matched), strict=True)
    )
    if events.sum() == 0:
        return None
    delays = [delay for m in matched for delay in m.delays_s]
    median, p90 = np.percentile(delays, (50, 90)) if delays else (None, None)
    return EventScore(
        int(events.sum()), int(counted.sum()), int(pairs.sum()), tolerance_s,
        draws.ratio(pairs, counted), draws.ratio(pairs, events), draws.ratio(2 * pairs, events + counted),
        None if median is None else float(median), None if p90 is None else float(p90),
    )  # fmt: skip
