"""Videos or pictures in a folder for each class, as files with their labels, in parts: what works on pixels reads."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from configs.schema import Actions
from data import split
from data.formats.images import SUFFIXES as PICTURES
from data.formats.videos import shown
from data.own_classes import class_of
from keypoints.errors import InputError
from keypoints.labels import LabelledFile
from keypoints.video import SUFFIXES as VIDEOS

#: What folders of the parts of a set are called.
_FOLDERS = {
    "train": ("train", "training"), "validation": ("validation", "valid", "val"), "test": ("test", "testing")
}  # fmt: skip
_LAYOUT = "a folder of videos (or of pictures) for each class: CLASS/NAME.mp4"


@dataclass(frozen=True, slots=True)
class FileParts:
    """A set in parts. drawn: the split that was drawn for it, None when it has parts of its own or a split was given.
    test may be empty. videos: not pictures."""

    train: tuple[LabelledFile, ...]
    validation: tuple[LabelledFile, ...]
    test: tuple[LabelledFile, ...]
    drawn: split.Split | None
    videos: bool

    @property
    def labels(self) -> tuple[str, ...]:
        """Its classes, in the order of their names."""
        return tuple(sorted({file.label for file in (*self.train, *self.validation, *self.test)}))


def labelled_files(path: Path, actions: Actions) -> list[LabelledFile]:
    """The files below the folders of the classes in `path`, in the order of their names (class/file).

    A label that `actions` knows is that action, as everywhere; any other is itself. Raises InputError for what is no
    such folder, a class without a file, and fewer than two classes.
    """
    if not path.is_dir():
        raise InputError("no such folder" if not path.exists() else "is a file", file=path, expected=_LAYOUT)
    found: list[LabelledFile] = []
    for folder in sorted(path.iterdir()):
        if not folder.is_dir() or folder.name.startswith("."):
            continue
        files = sorted(file for file in folder.iterdir() if file.suffix.lower() in (*VIDEOS, *PICTURES))
        if not files:
            if any(folder.glob("*_test_split[0-9].txt")):  # HMDB51's published splits
                continue
            raise InputError("a class of which no video or picture is there", file=folder,
                             hint="put some there, or take the folder away")  # fmt: skip
        for file in files:
            label, source = shown(path, file)
            name = class_of(label, actions)
            if not name:
                raise InputError("not a label", file=folder, expected="letters or digits")
            found.append(LabelledFile(file, name, f"{folder.name}/{file.stem}", source))
    labels = sorted({file.label for file in found})
    if len(labels) < 2:
        raise InputError("too few classes to tell apart", file=path, expected=f"two or more, {_LAYOUT}",
                         found=", ".join(labels) or "none")  # fmt: skip
    kinds = {file.path.suffix.lower() in VIDEOS for file in found}
    if len(kinds) > 1:
        raise InputError("holds videos and pictures", file=path, expected="one of them")
    return found


def in_parts(path: Path, actions: Actions, split_file: Path | None = None, seed: int = 0) -> FileParts:
    """The set at `path` in the parts that it has (folders train/, validation/, test/), that `split_file` says, or that
    are drawn by `seed`: whoever shares a source is on one side, and every class in all parts.

    Without a folder validation/ a share of the training files of each class becomes it. Raises InputError as
    `labelled_files`, for a split that can't be trusted, and when a part lacks a class.
    """
    folders = {part: next((path / name for name in names if (path / name).is_dir()), None)
               for part, names in _FOLDERS.items()}  # fmt: skip
    if folders["train"] is not None:
        if split_file is not None:
            raise InputError("has parts of its own", file=path, field="split", hint="leave the split out")
        return _of_folders({part: folder for part, folder in folders.items() if folder is not None}, actions, seed)
    files = labelled_files(path, actions)
    items = _items(files)
    drawn = None
    if split_file is None:
        parts = drawn = split.make(items, seed)
    else:
        parts = split.load(split_file)
        for part in ("train", "validation"):
            split.part_of(parts, part, split_file)
        split.check(parts, items, split_file)
    by_name = {file.name: file for file in files}
    chosen = {part: tuple(by_name[name] for name in parts.get(part, ())) for part in split.PARTS}
    return FileParts(**chosen, drawn=drawn, videos=_are_videos(files))


def part_files(path: Path, actions: Actions, split_file: Path | None = None, part: str = "test") -> list[LabelledFile]:
    """The files of the set at `path`, or with a split those of its `part`. Raises InputError as `in_parts`."""
    has_parts = path.is_dir() and any((path / name).is_dir() for name in _FOLDERS["train"])
    if has_parts:
        raise InputError("has parts", file=path, expected="one of them", hint=f"--data {path / 'test'}")
    files = labelled_files(path, actions)
    if split_file is None:
        return files
    parts = split.load(split_file)
    wanted = split.part_of(parts, part, split_file)
    split.check(parts, _items(files), split_file)
    return [file for file in files if file.name in wanted]


def _of_folders(folders: Mapping[str, Path], actions: Actions, seed: int) -> FileParts:
    found = {part: labelled_files(folder, actions) for part, folder in folders.items()}
    if "validation" not in found:
        drawn = split.make(_items(found["train"]), seed, shares=(0.8, 0.1, 0.1))
        held_out = {*drawn["validation"], *drawn["test"]}
        found["validation"] = [file for file in found["train"] if file.name in held_out]
        found["train"] = [file for file in found["train"] if file.name not in held_out]
    labels = {file.label for file in found["train"]}
    for part, files in found.items():
        other = sorted(labels ^ {file.label for file in files})
        if other:
            raise InputError("not the classes that train/ has", file=folders.get(part), field=f"class {other[0]}")
    return FileParts(tuple(found["train"]), tuple(found["validation"]), tuple(found.get("test", ())), None,
                     _are_videos(found["train"]))  # fmt: skip


def _items(files: Sequence[LabelledFile]) -> list[split.Item]:
    return [split.Item(file.name, frozenset({f"source {file.group}"}), frozenset({file.label})) for file in files]


def _are_videos(files: Sequence[LabelledFile]) -> bool:
    return files[0].path.suffix.lower() in VIDEOS
