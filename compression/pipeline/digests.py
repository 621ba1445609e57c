"""Hashes of what a pipeline is given from outside, kept so that large sets are not read again each time."""

from __future__ import annotations

import hashlib
import json
import time
from contextlib import suppress
from pathlib import Path

from keypoints.errors import InputError
from keypoints.files import sha256, whole

#: A file that was written so short a time ago may be written again within the same tick of the file system's clock.
_FRESH_NS = 2_000_000_000

#: What is no content: caches that other programs leave among pictures.
_NOT_CONTENT = (".cache", ".partial")


class Digests:
    """The content of files and folders as one hash; a file of the same size and time is not read twice."""

    def __init__(self, file: Path) -> None:
        self._file = file
        self._known: dict[str, list[int | str]] = {}
        with suppress(OSError, ValueError, TypeError):  # it only saves time
            self._known = dict(json.loads(file.read_text(encoding="utf-8")))
        self._new = False

    def of(self, path: Path) -> str:
        """SHA-256 of a file, or of the names and contents of all that is in a folder.

        Raises InputError when there is no such thing or it can't be read.
        """
        try:
            if path.is_file():
                return self._of_file(path)
            if not path.is_dir():
                raise InputError("no such file or folder", file=path)
            parts = [[name, self._of_file(path / name)] for name in _names(path)]
        except OSError as error:
            raise InputError(f"can't be read: {error.strerror}", file=error.filename or path) from None
        return hashlib.sha256(json.dumps(parts).encode()).hexdigest()

    def save(self) -> None:
        """Keep what was read."""
        if self._new:
            self._file.parent.mkdir(parents=True, exist_ok=True)
            with whole(self._file) as partial:
                partial.write_text(json.dumps(self._known))

    def _of_file(self, path: Path) -> str:
        stat = path.stat()
        name, now = str(path.resolve()), [stat.st_size, stat.st_mtime_ns, stat.st_ino]
        kept = self._known.get(name)
        if kept is not None and kept[:3] == now:
            return str(kept[3])
        digest = sha256(path)
        if time.time_ns() - stat.st_mtime_ns > _FRESH_NS:
            self._known[name], self._new = [*now, digest], True
        return digest


def _names(folder: Path) -> list[str]:
    """The files in a folder and all folders in it; what is hidden is no content."""
    found = (path.relative_to(folder) for path in folder.rglob("*") if path.is_file())
    seen = (path for path in found if path.suffix not in _NOT_CONTENT and not path.as_posix().startswith("."))
    return sorted(str(path) for path in seen if "/." not in path.as_posix())
