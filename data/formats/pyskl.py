"""The skeleton pickle of PYSKL and MMAction2, both ways.

Duan et al., "PYSKL: Towards Good Practices for Skeleton Action Recognition" (2022): a dictionary of `split` (name to
list of `frame_dir`) and `annotations`, each with frame_dir, total_frames, img_shape (height, width), label,
keypoint (persons, frames, joints, 2 or 3) and keypoint_score (persons, frames, joints).
"""

from __future__ import annotations

import pickle
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np

from data.formats.arrays import to_sequence
from data.formats.job import Job
from data.formats.joints import to_coco
from data.formats.pickles import load_plain
from data.formats.registry import register
from keypoints.errors import InputError
from keypoints.files import whole
from keypoints.labels import Labelled
from keypoints.types import KeypointSequence

#: Fields of a sequence that the format has not; readers of the format pass over them, and ours takes them.
_OURS = ("time_s", "action", "reps_s", "holds_s", "phase", "subject", "source")


def _files(path: Path) -> list[Path]:
    suffixes = (".pkl", ".pickle")
    files = path.iterdir() if path.is_dir() else [path]
    return sorted(file for file in files if file.suffix in suffixes)


@register("pyskl", "a .pkl of PYSKL or MMAction2 with annotations", lambda path: bool(_files(path)))
def read(path: Path, job: Job) -> Iterator[Labelled]:
    """Every annotation of every pickle; of several persons the one seen best.

    A label is a number: its name is in the pickle (`classes`, as we write it), or a line of a text file beside it whose
    name begins with label_map, else it stays `class 7`.
    """
    for file in _files(path):
        content = load_plain(file)
        annotations = content.get("annotations") if isinstance(content, dict) else content
        if not isinstance(annotations, list):
            raise InputError("not a skeleton pickle", file=file, field="annotations", expected="a list",
                             found=type(annotations).__name__)  # fmt: skip
        named = content.get("classes") if isinstance(content, dict) else None
        classes = list(named) if isinstance(named, (list, tuple)) else _label_map(file.parent)

        def make(item: tuple[int, Any], file: Path = file, classes: Sequence[str] = classes) -> Labelled:
            return _read(file, item[0], item[1], classes, job)

        yield from job.each(list(enumerate(annotations)), make)


def _label_map(folder: Path) -> list[str]:
    file = next(iter(sorted(folder.glob("label_map*.txt"))), None)
    return [] if file is None else [line.strip() for line in file.read_text(encoding="utf-8").splitlines()]


def _read(file: Path, number: int, item: object, classes: Sequence[str], job: Job) -> Labelled:
    where = f"{file}: annotation {number}"
    if not isinstance(item, Mapping):
        raise InputError("not a dictionary", file=where, found=type(item).__name__)
    name = str(item.get("frame_dir", number))
    label = _label(item.get("label"), classes, where)
    try:
        height, width = (int(v) for v in item.get("img_shape") or (0, 0))
        joints = np.asarray(item["keypoint"], np.float64)
        scores = item.get("keypoint_score")
        joints = joints[None] if joints.ndim == 3 else joints
        if scores is not None:
            scores = np.asarray(scores, np.float64).reshape(*joints.shape[:3], 1)
            joints = np.concatenate([joints[..., :2], scores], -1)
        best = 0 if len(joints) < 2 else int(np.argmax(joints[..., -1].sum((1, 2))))
        keypoints, size = to_coco(joints[best], (width, height) if width > 0 and height > 0 else job.options.size)
        sequence = to_sequence(keypoints, where, size, job.options.fps, f"{file.stem}/{name}")
        sequence = _with_ours(sequence, item)
    except KeyError as error:
        raise InputError("missing", file=where, field=str(error.args[0])) from None
    except InputError as error:
        raise error if where in str(error) else InputError(str(error), file=where) from None
    except (ValueError, TypeError, IndexError) as error:
        raise InputError(f"a field does not fit: {error}", file=where) from None
    if sequence.actions is not None and not isinstance(sequence.action, str):
        return Labelled.of(name, sequence)
    return job.whole(name, sequence, label)


def _label(label: object, classes: Sequence[str], where: str) -> str | None:
    if label is None:
        return None
    if isinstance(label, str):
        return label
    if not isinstance(label, (int, np.integer)):
        raise InputError("not a label", file=where, field="label", expected="a number", found=label)
    if not classes:
        return f"class {label}"
    if not 0 <= label < len(classes):
        raise InputError("unknown label", file=where, field="label", expected=f"0 to {len(classes) - 1}", found=label)
    return classes[int(label)]


def _with_ours(sequence: KeypointSequence, item: Mapping[str, Any]) -> KeypointSequence:
    """What our own writer added: times, labels a frame, reps, phase, who and from where."""
    given = {name: item[name] for name in _OURS if item.get(name) is not None}
    for name in ("time_s", "reps_s", "holds_s"):
        if name in given:
            given[name] = np.asarray(given[name], np.float64)
    if "phase" in given:
        given["phase"] = np.asarray(given["phase"], np.float32)
    if isinstance(given.get("action"), (list, tuple)):
        given["action"] = tuple(str(name) for name in given["action"])
    return replace(sequence, **given)


def write(
    recordings: Sequence[Labelled], file: Path, split: Mapping[str, Sequence[str]] | None = None
) -> tuple[str, ...]:
    """Write recordings as a skeleton pickle, and return its classes in the order of their numbers.

    A recording's class is its exercise; one with a label a frame has the most frequent one, and keeps them all in a
    field of its own. split: name of each part to the names of its recordings; without it, all are in `train`.
    Raises InputError for a recording without a label, two of one name, or a name in `split` that is not there.
    """
    labels = [_main_label(labelled) for labelled in recordings]
    classes = tuple(sorted(set(labels)))
    names = [labelled.name for labelled in recordings]
    parts = {"train": names} if split is None else {part: list(some) for part, some in split.items()}
    for name in names:
        if names.count(name) > 1:
            raise InputError("is there twice", file=file, field=name)
    for part, some in parts.items():
        unknown = sorted(set(some) - set(names))
        if unknown:
            raise InputError("names what is not there", file=file, field=f"split {part}", found=unknown[0])
    annotations = [
        _annotation(labelled, classes.index(label)) for labelled, label in zip(recordings, labels, strict=True)
    ]
    content = {"split": parts, "annotations": annotations, "classes": list(classes)}
    with whole(file) as partial, partial.open("wb") as stream:
        pickle.dump(content, stream, protocol=4)
    return classes


def _main_label(labelled: Labelled) -> str:
    if labelled.exercise is not None:
        return labelled.exercise
    frames = labelled.sequence.actions
    if frames is None:
        raise InputError("has no label", field=labelled.name, expected="an exercise, or an action a frame")
    return max(sorted(set(frames)), key=frames.count)


def _annotation(labelled: Labelled, label: int) -> dict[str, Any]:
    sequence = labelled.sequence
    width, height = sequence.size
    annotation: dict[str, Any] = {
        "frame_dir": labelled.name, "label": label, "total_frames": len(sequence), "img_shape": (height, width),
        "original_shape": (height, width), "keypoint": sequence.keypoints[None, ..., :2],
        "keypoint_score": sequence.keypoints[None, ..., 2],
    }  # fmt: skip
    for name in _OURS:
        value = getattr(sequence, name)
        if value is not None and not (name == "action" and isinstance(value, str)):
            annotation[name] = list(value) if isinstance(value, tuple) else value
    return annotation
