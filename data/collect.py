"""Sets of labelled recordings, of whichever format, as one list to train on."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from pathlib import Path

from configs.schema import Actions
from data import penn_action
from data.formats.job import Options
from data.formats.registry import recognise
from data.sets import read
from keypoints.errors import InputError
from keypoints.types import KeypointSequence

PENN_ACTION = "Penn Action's labels (Zhang, Zhu and Derpanis, ICCV 2013)"
SYNTHETIC = "synthetic people: parametric exercises on Anny bodies (Apache-2.0), seen by a random camera"


def collect(
    folders: Sequence[str | Path],
    actions: Actions,
    seed: int = 0,
    progress: Callable[[str], None] = lambda said: None,
) -> tuple[list[KeypointSequence], list[str]]:
    """The sequences of all sets, and what a model card says that they are.

    A set is a folder or file in any format that `data.sets` reads; the single reps of Penn Action are made into sets of
    reps by `seed`. What can't be read, has no label, or one that is none of `actions`, is told to `progress`.
    Raises InputError for a set that is missing, of no known format, or without a labelled sequence.
    """
    sequences: list[KeypointSequence] = []
    said: list[str] = []
    for path in map(Path, folders):
        progress(f"reading {path}")
        if not path.exists():
            raise InputError("no such folder", file=path, expected="labelled recordings (`repsight data formats`)")
        if recognise(path).name == "penn_action":
            found = list(penn_action.sets(_penn(path, actions, progress), actions, seed))
            said.append(PENN_ACTION)
        else:
            found = _labelled(path, actions, progress)
            synthetic = all((s.source or "").startswith(("synthetic", "rest")) for s in found)
            said.append(SYNTHETIC if synthetic else f"keypoint sequences of {path.name}")
        sequences += found
    return sequences, list(dict.fromkeys(said))


def _penn(path: Path, actions: Actions, problem: Callable[[str], None]) -> Iterator[KeypointSequence]:
    """Penn Action as it was annotated: its sets of reps are put together first, and smoothed then."""
    for labelled in read(path, actions, Options(problem=problem, smooth=False)):
        if labelled.exercise not in penn_action.MIXED:
            yield labelled.sequence


def _labelled(path: Path, actions: Actions, progress: Callable[[str], None]) -> list[KeypointSequence]:
    found: list[KeypointSequence] = []
    unlabelled: list[str] = []
    strange: Counter[str] = Counter()
    for labelled in read(path, actions, Options(problem=progress)):
        if labelled.sequence.action is None:
            unlabelled.append(labelled.name)
            continue
        words = {segment.action for segment in labelled.segments or ()}
        strange.update(word for word in words if not actions.knows(word))
        source = labelled.sequence.source or f"{path.name}/{labelled.name}"
        found.append(replace(labelled.sequence, source=source))
    if unlabelled:
        progress(f"{path}: {len(unlabelled)} without a label are left out, such as {unlabelled[0]}")
    if strange:
        progress(f"{path}: labels that are none of ours are taken as other: "
                 + ", ".join(f"{word} ({count})" for word, count in strange.most_common()))  # fmt: skip
    if not found:
        raise InputError("no sequence with a label", file=path, expected="an action for each, or for each frame")
    return found
