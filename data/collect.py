"""Sets of labelled recordings, of whichever format, as one list to train on."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from configs.schema import Actions, Synthesize, TrainHead
from data import own_classes, penn_action, split
from data.formats.job import Options
from data.formats.registry import recognise
from data.sets import read
from keypoints.errors import InputError
from keypoints.labels import LEFT_OUT, Labelled
from keypoints.types import KeypointSequence

PENN_ACTION = "Penn Action's labels (Zhang, Zhu and Derpanis, ICCV 2013)"
SYNTHETIC = "synthetic people: parametric exercises on Anny bodies (Apache-2.0), seen by a random camera"


Say = Callable[[str], None]
Progress = Callable[[int, int], None]

#: Formats of videos and pictures.
_LOOKED_AT = ("clips", "segments", "videos", "images")


def collect(
    folders: Sequence[str | Path],
    actions: Actions,
    seed: int = 0,
    progress: Say = lambda said: None,
    problem: Say | None = None,
    count: Progress = lambda done, total: None,
) -> tuple[list[KeypointSequence], list[str]]:
    """The sequences of all sets, and what a model card says that they are.

    A set is a folder or file in any format that `data.sets` reads; the single reps of Penn Action are made into sets of
    reps by `seed`. What can't be read, has no label, or one that is none of `actions`, is told to `problem` (`progress`
    without one). count: is called with how many recordings of how many are read, of a set that the pose model looks at.
    Raises InputError for a set that is missing, of no known format (both before any is read), or without a labelled
    sequence.
    """
    sequences: list[KeypointSequence] = []
    said: list[str] = []
    kinds = [_kind(path) for path in map(Path, folders)]
    for path, penn in zip(map(Path, folders), kinds, strict=True):
        progress(f"reading {path}")
        options = Options(problem=problem or progress, smooth=not penn, progress=_slow(path, count))
        found = _labelled(path, _read(path, penn, actions, options), actions, options.problem)
        sequences += _as_trained(found, penn, actions, seed)
        said.append(_said(path, found, penn))
    return sequences, list(dict.fromkeys(said))


@dataclass(frozen=True, slots=True)
class Collected:
    """What a head is trained on. validation: what is held out, if that is said; said: for its card; actions: its
    classes."""

    sequences: list[KeypointSequence]
    validation: list[KeypointSequence]
    said: list[str]
    actions: Actions


def for_training(
    settings: TrainHead,
    folder: Path,
    actions: Actions,
    *,
    teaching: bool = False,
    progress: Progress = lambda done, total: None,
    say: Say = lambda said: None,
    problem: Say = lambda said: None,
) -> Collected:
    """The sets that `settings` name, split if they say how; without any, synthetic people, made once below `folder`.

    Its classes are `actions`, or with `settings.classes` data the labels of the sets: see `data.own_classes`.
    teaching: they are what a head that is taught is to answer as before. progress: of making people, or reading sets.
    Raises InputError as `collect`, and for a class without a recording that can be used.
    """
    if settings.classes == "data":
        for path in map(Path, settings.data):
            _kind(path)
        actions = own_classes.of_sets([Path(name) for name in settings.data], actions, settings.kinds)
        found = _for_training(settings, folder, actions, teaching, progress, say, problem)
        classes = own_classes.shown([*found.sequences, *found.validation], actions, settings.leave_out)
        say(f"classes: {', '.join(classes.names)}")
        return replace(found, actions=classes)
    return _for_training(settings, folder, actions, teaching, progress, say, problem)


def _for_training(
    settings: TrainHead,
    folder: Path,
    actions: Actions,
    teaching: bool,
    progress: Progress,
    say: Say,
    problem: Say,
) -> Collected:
    if settings.split is not None:
        if len(settings.data) != 1 or teaching:
            raise InputError("is of one set, to train on", field="split", expected="one --data and no --add",
                             found=f"{len(settings.data)} sets{' and --add' if teaching else ''}")  # fmt: skip
        one, file = Path(settings.data[0]), Path(settings.split)
        return _parts(one, file, actions, settings.seed, progress, say, problem)
    folders = [Path(name) for name in settings.data]
    if not folders:
        count = settings.teach.sequences if teaching else settings.synthetic
        people = Synthesize(count=count, seed=settings.seed, workers=settings.threads)
        folders = [folder / f"synthetic-{people.seed}-{people.count}"]
        from data.synthesize import synthesize  # loads the bodies' packages

        synthesize(people, folders[0], progress)
    sequences, said = collect(folders, actions, settings.seed, say, problem, progress)
    return Collected(sequences, [], said, actions)


def _parts(
    path: Path, file: Path, actions: Actions, seed: int, progress: Progress, say: Say, problem: Say
) -> Collected:
    """The parts `train` and `validation` of the set at `path` by the split `file`.

    Raises InputError as `collect`, and when the split can't be trusted or has no such parts.
    """
    penn = _kind(path)
    say(f"reading {path} by {file}")
    options = Options(problem=problem, smooth=not penn, progress=_slow(path, progress))
    wanted = [split.part_of(split.load(file), part, file) for part in ("train", "validation")]
    split.check_file(file, path, actions, Options())
    recordings = (one for one in _read(path, penn, actions, options) if one.name in wanted[0] | wanted[1])
    found = _labelled(path, recordings, actions, options.problem)
    sequences, validation = (
        _as_trained([one for one in found if one.name in names], penn, actions, seed) for names in wanted
    )
    return Collected(sequences, validation, [_said(path, found, penn)], actions)


def _kind(path: Path) -> bool:
    """Whether a set is Penn Action's labels; raises InputError when it is no set at all."""
    if not path.exists():
        raise InputError("no such folder", file=path, expected="labelled recordings (`repsight data formats`)")
    return recognise(path).name == "penn_action"


def _slow(path: Path, progress: Progress) -> Progress:
    """`progress` for a set that the pose model has to look at; nobody wants a bar for a moment."""
    return progress if recognise(path).name in _LOOKED_AT else lambda done, total: None


def _read(path: Path, penn: bool, actions: Actions, options: Options) -> Iterator[Labelled]:
    return (one for one in read(path, actions, options) if not (penn and one.exercise in penn_action.MIXED))


def _as_trained(found: Iterable[Labelled], penn: bool, actions: Actions, seed: int) -> list[KeypointSequence]:
    """The sequences; Penn Action's are read as they were annotated, put together to sets of reps, and smoothed then."""
    if not penn:
        return [one.sequence for one in found]
    return list(penn_action.sets((one.sequence for one in found), actions, seed))


def _said(path: Path, found: Sequence[Labelled], penn: bool) -> str:
    if penn:
        return PENN_ACTION
    synthetic = all((one.sequence.source or "").startswith(("synthetic", "rest")) for one in found)
    return SYNTHETIC if synthetic else f"keypoint sequences of {path.name}"


def _labelled(path: Path, recordings: Iterable[Labelled], actions: Actions, problem: Say) -> list[Labelled]:
    """Those with a label, each with a source."""
    found: list[Labelled] = []
    unlabelled: list[str] = []
    strange: Counter[str] = Counter()
    for labelled in recordings:
        if labelled.sequence.action is None:
            unlabelled.append(labelled.name)
            continue
        words = {segment.action for segment in labelled.segments or ()}
        strange.update(word for word in words if not actions.knows(word))
        source = labelled.sequence.source or f"{path.name}/{labelled.name}"
        found.append(replace(labelled, sequence=replace(labelled.sequence, source=source)))
    if unlabelled:
        problem(f"{LEFT_OUT}{path}: {len(unlabelled)} without a label, such as {unlabelled[0]}")
    if strange:
        problem(f"{path}: labels that are none of ours are taken as other: "
                + ", ".join(f"{word} ({count})" for word, count in strange.most_common()))  # fmt: skip
    if not found:
        raise InputError("no sequence with a label", file=path, expected="an action for each, or for each frame")
    return found
