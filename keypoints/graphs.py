"""Models as onnxruntime has optimised them, kept on disk: the next start need not do it again."""

from __future__ import annotations

import hashlib
import os
import platform
import re
from collections.abc import Callable
from pathlib import Path
from typing import Final

import onnxruntime as ort

from keypoints.files import sha256

#: Files that are kept, the newest: somebody who trains many heads should not find all of them here.
KEPT: Final = 24


class Graphs:
    """A folder of optimised models. An optimised model fits the runtime and the processor that it was made by, and its
    name tells them. trouble: why nothing can be kept, in one line, or None; everything else goes on without."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.trouble: str | None = None

    def place(self, model: Path) -> Path:
        """Where the optimised form of a model file is kept."""
        made_by = f"{sha256(model)} {ort.__version__} {_processor()}"
        return self.folder / f"{model.stem}-{hashlib.sha256(made_by.encode()).hexdigest()[:24]}.onnx"

    def make(self, place: Path, write: Callable[[Path], ort.InferenceSession]) -> ort.InferenceSession | None:
        """The session of `write`, which also writes the optimised model to the path that it is given; None when that
        can't be done, or what that raises. The file gets its name when it is whole."""
        partial = place.with_name(f".{place.name}.{os.getpid()}")
        try:
            self.folder.mkdir(parents=True, exist_ok=True)
            partial.touch()
        except OSError as error:
            self.give_up(error.strerror)
            return None
        try:
            session = write(partial)
            with partial.open("rb+") as file:
                os.fsync(file.fileno())
            partial.replace(place)
            self._tidy()
        except OSError as error:
            self.give_up(error.strerror)
            return None
        finally:
            partial.unlink(missing_ok=True)
        return session

    def give_up(self, why: str | None) -> None:
        """Nothing can be kept."""
        self.trouble = f"{self.folder}: optimised models can't be kept here: {why}; every start makes them anew"

    def _tidy(self) -> None:
        """Let the oldest go."""
        files = sorted(self.folder.glob("*.onnx"), key=lambda path: path.stat().st_mtime, reverse=True)
        for path in files[KEPT:]:
            path.unlink(missing_ok=True)


def default_folder() -> Path:
    """The user's cache, which may be emptied any time."""
    return Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "repsight" / "graphs"


def _processor() -> str:
    """What onnxruntime may choose kernels by: the processor's name and abilities."""
    try:
        text = Path("/proc/cpuinfo").read_text(encoding="utf-8", errors="replace")
    except OSError:
        text = ""
    fields = r"^(?:model name|flags|Features|CPU implementer|CPU part)\s*:\s*(.*)$"
    return " ".join([platform.machine(), platform.processor(), *sorted(set(re.findall(fields, text, re.MULTILINE)))])
