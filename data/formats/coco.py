"""COCO-17 in `.npz`: one sequence a file (our own, and RepCount's poses), or many arrays in one file."""

from __future__ import annotations

import csv
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

from data.formats.arrays import Array, load_npz, npz_names, to_sequence
from data.formats.job import Job
from data.formats.joints import to_coco
from data.formats.registry import register
from keypoints.errors import InputError
from keypoints.labels import Labelled
from keypoints.types import KeypointSequence

_OWN_KEYS = {"keypoints", "time_s", "size"}


def _files(path: Path) -> list[Path]:
    """The `.npz` files of a folder, or the one that a path is."""
    return sorted(path.glob("*.npz")) if path.is_dir() else [path] * (path.suffix == ".npz")


def _index(path: Path) -> tuple[str, ...]:
    """The columns of the table `index.csv` beside the arrays; () without one."""
    file = (path if path.is_dir() else path.parent) / "index.csv"
    if not file.is_file():
        return ()
    with file.open(encoding="utf-8", errors="replace", newline="") as text:
        return tuple(next(csv.reader(text), []))


def looks_like_repcount(path: Path) -> bool:
    """Whether there is a folder of sequences with a table of their names, actions and reps."""
    return path.is_dir() and {"name", "action", "reps"} <= set(_index(path)) and bool(_files(path))


def looks_like_sequences(path: Path) -> bool:
    """Whether the first file that can be opened is a keypoint sequence of ours; a folder of broken ones is, too."""
    files = _files(path)
    if not files or looks_like_repcount(path):
        return False
    keys = next((set(names) for file in files[:20] if (names := npz_names(file))), _OWN_KEYS)
    return "keypoints" in keys


def looks_packed(path: Path) -> bool:
    """Whether the first file that can be opened holds arrays of other names."""
    files = _files(path)
    keys = next((set(names) for file in files[:20] if (names := npz_names(file))), _OWN_KEYS)
    return bool(files) and "keypoints" not in keys


@register("sequences", "keypoint sequences *.npz with keypoints, time_s and size", looks_like_sequences)
def read_sequences(path: Path, job: Job) -> Iterator[Labelled]:
    """Our own files: one sequence each, with whatever labels it carries."""

    def make(file: Path) -> Labelled:
        sequence = KeypointSequence.load(file)
        if len(sequence) < 2:
            raise InputError("nothing moves in it", file=file, expected="two frames or more", found="a single frame")
        if not sequence.keypoints.any():
            raise InputError("no joint is seen in any frame", file=file)
        if sequence.action is None:
            return job.whole(file.stem, sequence, None)
        made = Labelled.of(file.stem, sequence)
        folded = sequence.action
        folded = job.actions.fold(folded) if isinstance(folded, str) else tuple(map(job.actions.fold, folded))
        return replace(made, sequence=replace(sequence, action=folded))

    return job.each(_files(path), make)


@register("repcount", "keypoint sequences *.npz and index.csv with the columns name, action, reps", looks_like_repcount)
def read_repcount(path: Path, job: Job) -> Iterator[Labelled]:
    """RepCount's poses (Hu et al., "TransRAC", CVPR 2022): every file one video, all its reps with start and end.

    The table must name every file, with the number of reps that the file holds; what disagrees is told.
    """
    with (path / "index.csv").open(encoding="utf-8", errors="replace", newline="") as text:
        table = {line["name"]: line for line in csv.DictReader(text)}
    for name in sorted(table.keys() - {file.stem for file in _files(path)}):
        job.leave_out(f"{path / 'index.csv'}: names a file that is missing: {name}.npz")

    def named(labelled: Labelled) -> Labelled:
        place = f"repcount/{labelled.name}"
        line = table.get(labelled.name)
        if line is None:
            job.problem(f"{path / 'index.csv'}: does not name {labelled.name}.npz")
        elif line["action"] != labelled.exercise or line["reps"] != str(labelled.reps):
            job.problem(f"{path / 'index.csv'}: {labelled.name}: says {line['action']} with {line['reps']} reps, the "
                        f"file says {labelled.exercise} with {labelled.reps}; the file is taken")  # fmt: skip
        return replace(labelled, sequence=replace(labelled.sequence, source=place, subject=place))

    return map(named, read_sequences(path, job))


@register("coco17", "an .npz of many arrays (frames, 17, 3), and index.csv with key and perhaps action",
          looks_packed, raw=True)  # fmt: skip
def read_packed(path: Path, job: Job) -> Iterator[Labelled]:
    """Many arrays in one file, px and confidence; the table beside it may give each a label, a subject and a rate.

    Without a label in the table it is `options.label`, else there is none.
    """
    for file in _files(path):
        table = _table(file.parent / "index.csv")
        known = len(npz_names(file))
        for done, (name, array) in enumerate(load_npz(file), start=1):
            try:
                yield _packed(file, name, array, table.get(name, {}), job)
            except InputError as error:
                job.leave_out(str(error))
            job.progress(done, known)
        for name in sorted(table.keys() - set(npz_names(file))):
            job.leave_out(f"{file.parent / 'index.csv'}: names an array that is missing: {name}")


def _packed(file: Path, name: str, array: Array | None, line: dict[str, str], job: Job) -> Labelled:
    where, source = f"{file}: {name}", f"{file.stem}/{name}"
    if array is None or array.dtype.kind not in "fiu":
        raise InputError("damaged, or no numbers", file=where)
    try:
        fps = float(line.get("fps") or job.options.fps)
    except ValueError:
        fps = 0.0
    if not fps > 0:
        raise InputError("wrong", file=file.parent / "index.csv", field=f"{name}: fps", expected="a number above 0",
                         found=line.get("fps"))  # fmt: skip
    try:
        keypoints, size = to_coco(array, job.options.size)
    except InputError as error:
        raise InputError(str(error), file=where) from None
    sequence = to_sequence(keypoints, where, size, fps, source)
    sequence = replace(sequence, subject=line.get("subject") or source)
    return job.whole(name, sequence, line.get("action") or line.get("exercise") or line.get("label"))


def _table(file: Path) -> dict[str, dict[str, str]]:
    if not file.is_file():
        return {}
    with file.open(encoding="utf-8", errors="replace", newline="") as text:
        return {line["key"]: line for line in csv.DictReader(text) if line.get("key")}
