"""Files that appear whole or not at all, what tells them apart, and whether they can be written."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from keypoints.errors import InputError


def sha256(path: Path) -> str:
    """The SHA-256 of a file, in hexadecimal."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


@contextmanager
def whole(path: Path) -> Iterator[Path]:
    """The file to write to in place of `path`; it gets that name in the end, so that whoever sees it, also after a
    kill, sees the whole of it."""
    partial = path.with_name(f"{path.name}.partial")
    yield partial
    partial.replace(path)


def require_writable(path: Path) -> None:
    """Make the folder of a file that is to be written after long work. Raises InputError when it can't be written."""
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        trial = path.with_suffix(".trial")
        trial.touch()
        trial.unlink()
    except OSError as error:
        raise InputError(f"can't be written: {error.strerror}", file=path) from None
