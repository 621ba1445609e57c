"""Which videos a batch extraction goes over, what each one's output is called, and the index of what is done."""

from __future__ import annotations

import glob
import hashlib
import json
import os
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from itertools import takewhile
from pathlib import Path

from pydantic import ValidationError

from configs.base import Schema
from keypoints.errors import InputError
from keypoints.extract import digest
from keypoints.files import sha256, whole
from keypoints.video import SUFFIXES

#: The index of an output folder. Readers of Parquet data sets pass over names that begin with an underscore.
INDEX = "_index.jsonl"


class Entry(Schema):
    """One line of the index: a video that is done.

    name: unique in the folder; that of the video below its SOURCE. source: its absolute path. output: below the folder.
    frames, duration_s (from the first frame to the last), size (width, height) px: of the sequence. sha256, size_bytes,
    modified_ns: of the video. recipe: hash of the model file and settings that it was made with. output_sha256: of the
    output. notice: what is wrong with a video that ends early, or null.
    """

    name: str
    source: str
    output: str
    frames: int
    duration_s: float
    size: tuple[int, int]
    sha256: str
    size_bytes: int
    modified_ns: int
    recipe: str
    output_sha256: str
    notice: str | None = None


@dataclass(frozen=True, slots=True)
class Item:
    """A video to look at: its absolute path, its name in the output folder, and its output below that."""

    path: Path
    name: str
    output: str


def find(sources: Sequence[str | Path]) -> dict[Path, str]:
    """Every video (absolute path) of files, folders (recursively) and patterns such as `clips/**/*.mp4`, each once,
    with its path below the SOURCE that it was found by.

    A file that is named is taken whatever its suffix. Raises InputError for a SOURCE without any video.
    """
    found: dict[Path, str] = {}
    for source in map(Path, sources):
        here = dict(_below(source))
        if not here:
            raise InputError(
                "no videos found", file=source, expected=f"a video, or {', '.join(SUFFIXES)} files below it"
            )
        for path, name in here.items():
            found.setdefault(path, name)
    return found


def _below(source: Path) -> Iterator[tuple[Path, str]]:
    if source.is_dir():
        for path in sorted(source.rglob("*")):
            if path.suffix.lower() in SUFFIXES and path.is_file() and not path.name.startswith("."):
                yield _absolute(path), path.relative_to(source).as_posix()
    elif source.exists():
        yield _absolute(source), source.name
    elif glob.has_magic(str(source)):
        fixed = _absolute(Path(*takewhile(lambda part: not glob.has_magic(part), source.parts)))
        for match in map(Path, sorted(glob.glob(str(source), recursive=True))):  # noqa: PTH207 - of any folder
            if match.is_dir() or match.suffix.lower() in SUFFIXES:
                for path, _ in _below(match):
                    yield path, path.relative_to(fixed).as_posix()
    else:
        raise InputError("no such file or folder", file=source, expected="a video, a folder, or a pattern in quotes")


def _absolute(path: Path) -> Path:
    """Without `..`; a link stays one, so that what it is called stays its name."""
    return Path(os.path.abspath(path))  # noqa: PTH100 - resolve() follows links


def plan(found: dict[Path, str], known: Iterable[Entry], suffix: str) -> list[Item]:
    """An item for each video. One that is in the index keeps its name; another whose name is taken, by a video that is
    still there or by one found before it, gets a hash of its path into it: `clip-1a2b3c4d.mp4`."""
    names = {Path(entry.source): entry.name for entry in known}
    taken = {name for path, name in names.items() if path in found or path.exists()}
    items = []
    for path, wanted in found.items():
        name = names.get(path)
        if name is None:
            name = wanted if wanted not in taken else _hashed(wanted, path)
            taken.add(name)
        items.append(Item(path, name, name + suffix))
    return items


def _hashed(name: str, path: Path) -> str:
    stem, dot, suffix = name.rpartition(".")
    return f"{stem}-{hashlib.sha256(os.fsencode(path)).hexdigest()[:8]}{dot}{suffix}"


def is_done(item: Item, entry: Entry | None, recipe: str, out: Path) -> bool:
    """Whether the entry is of this video as it is now, made by the same recipe, and its output is whole.

    A video of the same size and time is taken to be the same; another is told by its content.
    """
    if entry is None or (entry.output, entry.recipe) != (item.output, recipe):
        return False
    try:
        stat = item.path.stat()
        now = (str(item.path), stat.st_size, stat.st_mtime_ns)
        if now != (entry.source, entry.size_bytes, entry.modified_ns) and digest(item.path) != entry.sha256:
            return False
        return sha256(out / entry.output) == entry.output_sha256
    except (OSError, InputError):
        return False


def read_index(out: Path) -> dict[str, Entry]:
    """The entries of an output folder by name; of a name that is in it twice the later one.

    A last line that a kill cut off counts for nothing. Raises InputError when the file is no index.
    """
    file = out / INDEX
    try:
        lines = file.read_bytes().split(b"\n")
    except FileNotFoundError:
        return {}
    except OSError as error:
        raise InputError(f"can't be read: {error.strerror}", file=file) from None
    entries: dict[str, Entry] = {}
    for number, line in enumerate(lines[:-1], 1):  # what follows the last line end is nothing, or a line cut off
        try:
            entry = Entry.model_validate(json.loads(line))
        except (ValueError, ValidationError):
            raise InputError("not an index of `repsight extract`", file=file, field=f"line {number}",
                             hint="remove the file, and all is made anew; or give another --out") from None  # fmt: skip
        entries[entry.name] = entry
    return entries


def write_index(out: Path, entries: Iterable[Entry]) -> None:
    """The whole index anew, by name."""
    with whole(out / INDEX) as partial:
        partial.write_text("".join(map(line, sorted(entries, key=lambda entry: entry.name))))


def line(entry: Entry) -> str:
    """An entry as the index has it."""
    return json.dumps(entry.model_dump()) + "\n"


def recipe_of(said: str, form: str) -> str:
    """What an entry calls its recipe: a hash of what `keypoints.extract.recipe` says and of the format."""
    return hashlib.sha256(f"{said} {form}".encode(errors="surrogateescape")).hexdigest()[:16]
