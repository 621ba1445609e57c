"""What a format of labelled recordings is, and the registry: another format is one module with `@register(...)`."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import TypeVar

from data.formats.job import Job
from keypoints.errors import InputError
from keypoints.labels import Labelled

Read = Callable[[Path, Job], Iterator[Labelled]]
Recognise = Callable[[Path], bool]
R = TypeVar("R", bound=Read)


@dataclass(frozen=True, slots=True)
class Format:
    """One format. name: as a user writes it. looks: what it looks like, for messages. recognise: tells it by looking,
    without reading much. read: the recordings of a path. raw: its keypoints are as an estimator gave them, not yet
    smoothed as at run time."""

    name: str
    looks: str
    recognise: Recognise
    read: Read
    raw: bool


_FORMATS: dict[str, Format] = {}


def register(name: str, looks: str, recognise: Recognise, *, raw: bool = False) -> Callable[[R], R]:
    """Register a function `(path, job) -> Iterator[Labelled]` as the format `name`."""

    def add(read: R) -> R:
        _FORMATS[name] = Format(name, looks, recognise, read, raw)
        return read

    return add


def formats() -> tuple[Format, ...]:
    """Every registered format."""
    import data.formats.clips
    import data.formats.coco
    import data.formats.images
    import data.formats.penn
    import data.formats.pyskl
    import data.formats.segments
    import data.formats.skeletons
    import data.formats.videos  # noqa: F401

    return tuple(_FORMATS.values())


def recognise(path: Path, name: str | None = None) -> Format:
    """The format of a file or folder, by looking at it, or the one called `name`.

    Raises InputError when there is nothing, no format or more than one fits, or none is called `name`.
    """
    if not path.exists():
        raise InputError("no such file or folder", file=path, expected="a set of labelled recordings")
    known = formats()
    names = ", ".join(f.name for f in known)
    if name is not None:
        found = [f for f in known if f.name == name]
        if not found:
            raise InputError("no such format", field="format", expected=names, found=name)
        return found[0]
    found = [f for f in known if f.recognise(path)]
    if not found:
        raise InputError("no sequences in a format that is known", file=path, expected=f"one of {names}",
                         hint="`repsight data formats` tells what each looks like")  # fmt: skip
    if len(found) > 1:
        both = " and ".join(f"{f.name} ({f.looks})" for f in found)
        raise InputError(f"looks like {both}", file=path, expected="one format",
                         hint=f"name it (--format {found[0].name}), or give a folder for each")  # fmt: skip
    return found[0]
