"""What is true of a labelled sequence, in the names of our actions: what a head's answers are measured against."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Mapping, Set
from dataclasses import dataclass
from typing import Literal

from configs.schema import Actions, spelled
from keypoints.labels import Labelled, Segment

#: Turns a source's word into one of our actions.
Fold = Callable[[str], str]


@dataclass(frozen=True, slots=True)
class Event:
    """One labelled rep."""

    action: str
    start_s: float
    end_s: float


@dataclass(frozen=True, slots=True)
class Truth:
    """The labels of one sequence, folded.

    segments: what is shown when; empty without labels. reps: how many of each action with reps; None when nobody
    counted. events: the single reps; None when they have no intervals. allowed: actions of which reps may be counted
    here; every other one is a ghost. kind says what can be measured:
    `reps` an exercise that has a name here; `none` nobody exercises; `unnamed` an exercise without a name here;
    `unknown` it can't be told what would be a ghost.
    """

    kind: Literal["reps", "none", "unnamed", "unknown"]
    segments: tuple[Segment, ...]
    reps: Mapping[str, int] | None
    events: tuple[Event, ...] | None
    allowed: Set[str]

    @property
    def main(self) -> str:
        """The action that is shown for the longest, or an empty text."""
        seconds: Counter[str] = Counter()
        for segment in self.segments:
            seconds[segment.action] += segment.end_s - segment.start_s  # type: ignore[assignment]
        if self.reps:
            return max(self.reps, key=lambda name: (self.reps or {})[name])
        return max(seconds, key=lambda name: seconds[name]) if seconds else ""


def folder(actions: Actions, known: Set[str] = frozenset()) -> Fold:
    """How labels become actions: as `actions` folds them, and a name of `known` (a head's own) stays itself."""

    def fold(label: str) -> str:
        name = label if label in known else spelled(label)
        return name if name in known else actions.fold(label)

    return fold


def truth_of(labelled: Labelled, fold: Fold, with_reps: Set[str]) -> Truth:
    """The truth of a sequence. with_reps: the actions of kind `reps`."""
    segments = tuple(Segment(fold(s.action), s.start_s, s.end_s) for s in labelled.segments or ())
    exercise = None if labelled.exercise is None else fold(labelled.exercise)
    events = _events(labelled, exercise, segments)
    shown = {exercise} if exercise is not None else {s.action for s in segments}

    reps: dict[str, int] | None = None
    if exercise is not None and labelled.reps is not None:
        reps = {exercise: labelled.reps}
    elif events is not None:
        reps = dict(Counter(event.action for event in events))
    elif labelled.reps == 0:
        reps = {}
    counted = None if reps is None else {name: n for name, n in reps.items() if n > 0}
    named = None if counted is None else {name: n for name, n in counted.items() if name in with_reps}
    allowed = (shown if named is None else set(named)) & with_reps

    if not shown or (labelled.mixed and not named):
        kind: Literal["reps", "none", "unnamed", "unknown"] = "unknown"
    elif counted and counted != named:
        kind = "unnamed"
    else:
        kind = "reps" if allowed else "none"
    return Truth(kind, segments, named, events, frozenset(allowed))


def _events(labelled: Labelled, exercise: str | None, segments: tuple[Segment, ...]) -> tuple[Event, ...] | None:
    """The labelled reps, each of the exercise, or else of the action that is shown in its middle."""
    intervals = labelled.sequence.reps_s
    if intervals is None:
        return None
    events = []
    for start_s, end_s in sorted((float(a), float(b)) for a, b in intervals):
        middle = (start_s + end_s) / 2
        action = exercise or next((s.action for s in segments if s.start_s <= middle <= s.end_s), None)
        if action is not None:
            events.append(Event(action, start_s, end_s))
    return tuple(events)
