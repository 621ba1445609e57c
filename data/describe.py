"""What is in a set of labelled recordings, as numbers: how much of what, by whom, how long, and how well seen."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from configs.schema import Actions
from keypoints import skeleton
from keypoints.labels import Labelled

NO_LABEL = "(no label)"


@dataclass(frozen=True, slots=True)
class Class:
    """One label of a set.

    label: the source's word. action: ours; empty without a label. recordings: how many show it. groups: people or
    sources that they come from. lengths_s: (recordings,), seconds of it in each. reps: that the source counted; None
    when it did not count them in every recording. missing: (17,), share of frames in which each joint is missing, while
    somebody is seen. nobody: share of frames without anybody.
    """

    label: str
    action: str
    recordings: int
    groups: int
    lengths_s: NDArray[np.float64]
    reps: int | None
    missing: NDArray[np.float64]
    nobody: float

    @property
    def seconds(self) -> float:
        """Of all recordings together."""
        return float(self.lengths_s.sum())


@dataclass(frozen=True, slots=True)
class Description:
    """A whole set. classes: by our action, largest first. total: all of them as one. sizes: (width, height) px to
    recordings. rates: frames a second, rounded, to recordings. lengths_s: of each recording."""

    name: str
    classes: tuple[Class, ...]
    total: Class
    sizes: Counter[tuple[int, int]]
    rates: Counter[int]
    lengths_s: NDArray[np.float64]
    notes: tuple[str, ...]


class _Tally:
    """What is added up for a class while recordings come."""

    def __init__(self) -> None:
        self.lengths_s: list[float] = []
        self.groups: set[str] = set()
        self.reps: int | None = 0
        self.frames = self.seen_frames = 0
        self.missing = np.zeros(skeleton.COUNT)

    def add(self, labelled: Labelled, within: NDArray[np.bool_], seconds: float, reps: int | None) -> None:
        keypoints = labelled.sequence.keypoints[within]
        seen = keypoints[(keypoints[..., 2] > 0).any(1)]
        self.lengths_s.append(seconds)
        self.groups.add(labelled.group)
        self.reps = None if reps is None or self.reps is None else self.reps + reps
        self.frames += len(keypoints)
        self.seen_frames += len(seen)
        self.missing += (seen[..., 2] == 0).sum(0)

    def result(self, label: str, action: str) -> Class:
        return Class(
            label=label, action=action, recordings=len(self.lengths_s), groups=len(self.groups),
            lengths_s=np.array(self.lengths_s), reps=self.reps, missing=self.missing / max(self.seen_frames, 1),
            nobody=1 - self.seen_frames / max(self.frames, 1),
        )  # fmt: skip


def describe(name: str, recordings: Iterable[Labelled], actions: Actions) -> Description:
    """Read `recordings` to their end and add up what is in them; one at a time is held."""
    tallies: dict[str, _Tally] = {}
    total = _Tally()
    sizes: Counter[tuple[int, int]] = Counter()
    rates: Counter[int] = Counter()
    for labelled in recordings:
        times = labelled.sequence.time_s
        sizes[labelled.sequence.size] += 1
        rates[round(1 / float(np.median(np.diff(times)))) if len(times) > 1 else 0] += 1
        total.add(labelled, np.ones(len(times), bool), labelled.seconds, labelled.reps)
        for label, seconds, within in _shown(labelled):
            reps = labelled.reps if label == _main(labelled) else 0
            tallies.setdefault(label, _Tally()).add(labelled, within, seconds, reps)
    folded = {label: "" if label == NO_LABEL else actions.fold(label) for label in tallies}
    classes = [tally.result(label, folded[label]) for label, tally in tallies.items()]
    order = {action: place for place, action in enumerate(actions.names)}
    classes.sort(key=lambda one: (order.get(one.action, len(order)), -one.recordings, one.label))
    return Description(
        name=name, classes=tuple(classes), total=total.result("all", ""), sizes=sizes, rates=rates,
        lengths_s=np.array(total.lengths_s), notes=_notes(classes, actions),
    )  # fmt: skip


def _main(labelled: Labelled) -> str | None:
    """The label that a recording's reps belong to; None when it shows several and names none of them."""
    shown = {segment.action for segment in labelled.segments or ()}
    return labelled.exercise or (shown.pop() if len(shown) == 1 else None)


def _shown(labelled: Labelled) -> Iterator[tuple[str, float, NDArray[np.bool_]]]:
    """Each label of a recording, how many seconds it is shown, and in which frames."""
    times = labelled.sequence.time_s
    if not labelled.segments:
        yield labelled.exercise or NO_LABEL, labelled.seconds, np.ones(len(times), bool)
        return
    for label in dict.fromkeys(segment.action for segment in labelled.segments):
        own = [segment for segment in labelled.segments if segment.action == label]
        within = np.zeros(len(times), bool)
        for segment in own:
            within |= (times >= segment.start_s) & (times <= segment.end_s)
        yield label, sum(segment.end_s - segment.start_s for segment in own), within


def _notes(classes: list[Class], actions: Actions) -> tuple[str, ...]:
    """What somebody who trains on the set should know, a line each."""
    notes = []
    single = [one.label for one in classes if one.recordings == 1]
    if single:
        notes.append(f"with a single example: {', '.join(single)}")
    few = [one.label for one in classes if one.groups < 3 and one.label not in single]
    if few:
        notes.append(f"from fewer than three people or sources, so in no split of three parts: {', '.join(few)}")
    strange = [one.label for one in classes if one.label != NO_LABEL and not actions.knows(one.label)]
    if strange:
        notes.append(f"none of our actions, taken as other: {', '.join(strange)}")
    absent = [name for name in actions.names if name not in {one.action for one in classes}]
    if absent:
        notes.append(f"of our actions it has no {', '.join(absent)}")
    return tuple(notes)
