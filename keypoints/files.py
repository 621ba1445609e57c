"""Files that appear whole or not at all, and what tells them apart."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path


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
