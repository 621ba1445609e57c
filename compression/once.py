"""Work that is done once: a folder that has its name when all is in it, and a record of what it was made from."""

from __future__ import annotations

import errno
import json
import resource
import shutil
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, TypeVar

from configs.schema import Schema
from keypoints.errors import InputError, RepSightError
from keypoints.files import sha256

#: The description of finished work, in its folder; written last.
RECORD = "record.json"

#: What marks the folder of work that is not done, and what such a folder was begun for.
PARTIAL, BEGUN = ".partial", "begun.json"

#: In such a folder: what is needed to go on after a kill.
SCRATCH = ".scratch"

#: Free space that any work needs, bytes.
LEAST_FREE = 200_000_000


class Done(Schema):
    """What finished work tells; `record.json` in its folder.

    key: hash of all that its result depends on. config: its settings. made: SHA-256 of every file in its folder, by
    name. seconds, cpu_s, peak_memory_mb: what it took.
    """

    config: dict[str, Any]
    key: str
    made: dict[str, str]
    metrics: dict[str, Any]
    seconds: float
    cpu_s: float
    peak_memory_mb: float


R = TypeVar("R", bound=Done)


def recorded(folder: Path, kind: type[R]) -> R | None:
    """The record in a folder; None when there is none that can be read."""
    try:
        return kind.model_validate_json((folder / RECORD).read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return None


def changed(folder: Path, record: Done) -> list[str]:
    """The files of a folder that are no longer those that its record was written for."""

    def differs(name: str) -> bool:
        try:
            return sha256(folder / name) != record.made[name]
        except OSError:
            return True

    return [name for name in record.made if differs(name)]


def finished(folder: Path, key: str, kind: type[R]) -> R | None:
    """The record in a folder, if it is of `key` and the files are those that it was written for."""
    record = recorded(folder, kind)
    return record if record is not None and record.key == key and not changed(folder, record) else None


@contextmanager
def once(folder: Path, key: str, needed: int = LEAST_FREE) -> Iterator[Path]:
    """The folder to work in in place of `folder`; it gets that name in the end, when `settle` and the record are done.

    Its `.scratch` is there again after a kill, when the work is taken up for the same `key`. needed: free space,
    bytes. Raises InputError when the disk has not so much or the folder can't be written.
    """
    partial = folder.with_name(folder.name + PARTIAL)
    _begin(partial, key)
    require_space(partial, needed)
    try:
        yield partial
        shutil.rmtree(folder, ignore_errors=True)
        partial.replace(folder)
    except (OSError, RuntimeError) as error:
        # torch.save reports a full disk as a RuntimeError of its zip writer.
        if getattr(error, "errno", None) == errno.ENOSPC or shutil.disk_usage(partial.parent).free < 10_000_000:
            raise _full(partial, LEAST_FREE) from None
        raise


def settle(partial: Path) -> dict[str, str]:
    """What finished work leaves in its folder, SHA-256 by name; what it needed to go on with is gone."""
    shutil.rmtree(partial / SCRATCH, ignore_errors=True)
    (partial / BEGUN).unlink()
    names = sorted(str(path.relative_to(partial)) for path in partial.rglob("*") if path.is_file())
    return {name: sha256(partial / name) for name in names}


def begun_for(folder: Path) -> str | None:
    """The key of work on `folder` that was stopped; None when none was."""
    try:
        return str(json.loads((folder.with_name(folder.name + PARTIAL) / BEGUN).read_text(encoding="utf-8"))["key"])
    except (OSError, ValueError, KeyError, TypeError):
        return None


class Usage:
    """What work takes, from the moment that this is made."""

    def __init__(self) -> None:
        self._began, self._cpu_s = time.monotonic(), _cpu_s()

    def so_far(self) -> dict[str, float]:
        """The fields of `Done` that tell it."""
        peak_kb = max(resource.getrusage(who).ru_maxrss for who in _SELVES)
        return {
            "seconds": round(time.monotonic() - self._began, 2), "cpu_s": round(_cpu_s() - self._cpu_s, 2),
            "peak_memory_mb": round(peak_kb / 1024, 1),
        }  # fmt: skip


_SELVES = (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN)


def _cpu_s() -> float:
    """CPU time of this process and of those that it waited for, s."""
    used = [resource.getrusage(who) for who in _SELVES]
    return sum(part.ru_utime + part.ru_stime for part in used)


def _begin(partial: Path, key: str) -> None:
    """An empty folder to work in, or the one that a killed run left when it was begun for the same."""
    begun = partial / BEGUN
    if begun_for(partial.with_name(partial.name.removesuffix(PARTIAL))) == key:
        for path in partial.iterdir():  # what work goes on from is in its scratch; the rest may be half-written
            if path.is_dir() and path.name != SCRATCH:
                shutil.rmtree(path)
            elif path.is_file() and path != begun:
                path.unlink()
        return
    try:
        shutil.rmtree(partial, ignore_errors=True)
        partial.mkdir(parents=True)
        begun.write_text(json.dumps({"key": key}))
    except OSError as error:
        raise InputError(f"can't be written: {error.strerror}", file=partial) from None


def require_space(folder: Path, needed: int) -> None:
    """Raise InputError when the disk has less room than work may need."""
    if shutil.disk_usage(folder).free < needed:
        raise _full(folder, needed)


def _full(folder: Path, needed: int) -> RepSightError:
    free = shutil.disk_usage(folder.parent).free
    return InputError(
        "not enough room on the disk", file=folder, expected=f"{needed / 1e6:.0f} MB free",
        found=f"{free / 1e6:.0f} MB", hint="make room and run the same command: it goes on where it was",
    )  # fmt: skip
