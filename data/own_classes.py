"""Classes of a head that come from the labels of its own data, in place of those of configs/actions.yaml."""

from __future__ import annotations

import difflib
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from pathlib import Path

from configs.schema import Action, Actions, spelled
from data.formats.videos import videos
from data.sets import Options, read, recognise
from keypoints.errors import InputError
from keypoints.types import KeypointSequence

_OTHER = "other"


def of_sets(
    paths: Sequence[Path], actions: Actions, kinds: Mapping[str, str] | None = None, options: Options | None = None
) -> Actions:
    """The classes that sets are labelled with; their labels alone are read. kinds: as in `of_labels`.

    Raises InputError for a set that can't be read, a folder of a class without a video that can be, and as `of_labels`.
    """
    labels: set[str] = set()
    for path in paths:
        given = replace(options or Options(), labels_only=True, problem=lambda said: None)  # it is told when it is read
        found = list(read(path, actions, given))
        if recognise(path, given.format).name == "videos":
            _no_empty_folder(path, {one.name.partition("/")[0] for one in found})
        for one in found:
            labels |= {segment.action for segment in one.segments or ()} or {one.exercise or ""} - {""}
    return of_labels(labels, actions, kinds)


def of_labels(labels: Iterable[str], actions: Actions, kinds: Mapping[str, str] | None = None) -> Actions:
    """A class for each label, in the order of their names, and `other` at the end for what has none.

    A label that `actions` knows is that action, as it is there; another one is `rest` (it is named, and neither counted
    nor timed), or what `kinds` says by its name. Raises InputError for a label without a letter, and for kinds that
    are of no class, or of one that `actions` knows.
    """
    names: dict[str, str] = {}
    for label in labels:
        names[label] = class_of(label, actions)
        if not names[label]:
            raise InputError("not a label", found=repr(label), expected="letters or digits")
    kinds = kinds or {}
    for name in kinds:
        if name not in names.values():
            near = difflib.get_close_matches(name, names.values(), n=1, cutoff=0.5)
            known = ", ".join(sorted(names.values()))
            hint = f"did you mean {near[0]!r}?" if near else f"there are {known}"
            raise InputError("no such class", field=f"kinds.{name}", hint=hint)
        if name in actions.actions:
            raise InputError(f"is {actions.actions[name].kind} by configs/actions.yaml", field=f"kinds.{name}")
    classes = {
        name: actions.actions.get(name) or Action.model_validate({"kind": kinds.get(name, "rest")})
        for name in sorted(set(names.values()) - {_OTHER})
    }
    classes[_OTHER] = actions.actions.get(_OTHER) or Action(kind="rest")
    aliases = {label: name for label, name in actions.aliases.items() if name in classes}
    aliases |= {spelled(label): name for label, name in names.items() if spelled(label) != name}
    return Actions(range_of_motion=actions.range_of_motion, aliases=aliases, actions=classes)


def class_of(label: str, actions: Actions) -> str:
    """The class of a label: the action that `actions` knows by it, or itself, spelled as names are."""
    return actions.fold(label) if actions.knows(label) else spelled(label)


def shown(sequences: Iterable[KeypointSequence], classes: Actions, leave_out: Sequence[str] = ()) -> Actions:
    """`classes` without `other` where no frame of the sequences is.

    Raises InputError when a class has no frame, unless it is one to `leave_out`, or when fewer than two are left.
    """
    seen = {name for sequence in sequences for name in set(sequence.actions or ())}
    empty = [name for name in classes.names if name not in seen and name not in leave_out and name != _OTHER]
    if empty:
        raise InputError("no recording of it can be used", field=f"class {empty[0]}",
                         hint=f"leave_out=[{', '.join(empty)}] trains without")  # fmt: skip
    left = classes if _OTHER in seen or _OTHER in leave_out else classes.without([_OTHER])
    names = [name for name in left.names if name not in leave_out]
    if len(names) < 2:
        raise InputError(
            "too few classes to tell apart", field="data", expected="two", found=", ".join(names) or "none"
        )
    return left


def classes_of(choice: str, path: Path, actions: Actions, options: Options) -> Actions:
    """`actions`, or with the choice `data` the classes that a set is labelled with."""
    return of_sets([path], actions, options=options) if choice == "data" else actions


def _no_empty_folder(path: Path, readable: set[str]) -> None:
    """Raise InputError for a folder of a class in which there is no video, or none that can be read."""
    with_videos = {file.parent for file in videos(path)}
    for folder in sorted(path.iterdir()):
        if not folder.is_dir() or folder.name.startswith(".") or folder.name in readable:
            continue
        if folder not in with_videos and any(folder.glob("*_test_split[0-9].txt")):  # HMDB51's published splits
            continue
        what = "can be read" if folder in with_videos else "is there"
        raise InputError(f"a class of which no video {what}", file=folder,
                         hint="put videos of it there, or take the folder away")  # fmt: skip
