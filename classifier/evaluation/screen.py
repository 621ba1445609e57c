"""What of a set can be measured at all: odd records are named in one line each, the others go on."""

from __future__ import annotations

from collections.abc import Iterable, Set
from dataclasses import dataclass
from itertools import pairwise

from configs.schema import Actions, spelled
from keypoints.labels import LEFT_OUT, Labelled


@dataclass(frozen=True, slots=True)
class LabelledSet:
    """A set of recordings. problems: one line for each that could not be read or measured, or is odd."""

    name: str
    records: tuple[Labelled, ...]
    problems: tuple[str, ...] = ()

    @property
    def minutes(self) -> float:
        return sum(record.seconds for record in self.records) / 60


def screened(given: LabelledSet, actions: Actions, known: Set[str] = frozenset()) -> LabelledSet:
    """The set without what can't be measured: a second record of a name, one without a stretch of time.

    Records that nobody is seen in stay (the first stage found nobody: that counts as nothing counted) and are told,
    as are labels that no action stands for. known: names that heads have beside those of `actions`.
    """
    kept: dict[str, Labelled] = {}
    said = list(given.problems)
    for record in given.records:
        if record.name in kept:
            said.append(f"{LEFT_OUT}{given.name}: {record.name}: a second sequence of this name")
        elif len(record.sequence) < 2:
            said.append(f"{LEFT_OUT}{given.name}: {record.name}: a single frame")
        else:
            kept[record.name] = record
            if not (record.sequence.keypoints[..., 2] > 0).any():
                said.append(f"{given.name}: {record.name}: nobody is seen in it: everything in it is missed")
            said += [f"{given.name}: {line}" for line in _overlaps(record)]
    said += [f"{given.name}: {line}" for line in _unknown(kept.values(), actions, known)]
    return LabelledSet(given.name, tuple(kept.values()), tuple(said))


def _overlaps(record: Labelled) -> list[str]:
    segments = sorted(record.segments or (), key=lambda s: s.start_s)
    for one, two in pairwise(segments):
        if two.start_s < one.end_s - 1e-6 and one.action != two.action:
            return [f"{record.name}: two labels at {two.start_s:g} s, {one.action} and {two.action}: each is judged"]
    return []


def _unknown(records: Iterable[Labelled], actions: Actions, known: Set[str]) -> list[str]:
    """One line for each label that is taken for `other` because nothing else is known of it."""
    found: dict[str, int] = {}
    for record in records:
        for label in {record.exercise, *(segment.action for segment in record.segments or ())} - {None}:
            assert label is not None
            if actions.fold(label) == "other" and not {label, spelled(label)} & known and label.lower() != "other":
                found[label] = found.get(label, 0) + 1
    return [
        f"label {label!r} ({n} sequences) is no action here: taken for `other`" for label, n in sorted(found.items())
    ]
