"""What a run leaves behind as JSON: totals, segments and reps as they were shown live, and latencies."""

from __future__ import annotations

import json
import os
import time
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Final

import numpy as np

from edge.keep_up import Change
from edge.reading import STAGES, Reading
from keypoints.errors import InputError, RepSightError, without_password

#: Latencies are kept of this many frames, the newest, so that a long session does not grow.
KEPT: Final = 20_000


class _Newest:
    """The newest KEPT values, in memory that is all taken at once: a session grows by nothing while it runs."""

    def __init__(self) -> None:
        self._values = np.full(KEPT, np.nan, np.float32)
        self.count = 0

    def add(self, value: float) -> None:
        self._values[self.count % KEPT] = value
        self.count += 1

    def percentiles(self) -> dict[str, float]:
        p50, p90, p99 = np.percentile(self._values[: self.count], (50, 90, 99))
        return {"p50": round(float(p50), 3), "p90": round(float(p90), 3), "p99": round(float(p99), 3)}


class Report:
    """Gathers readings, and says what came of them."""

    def __init__(self, source: str, models: Mapping[str, Any] | None = None) -> None:
        """models: what the pipeline says of its files, by `pose` and `head`."""
        self.source = source
        self.models = dict(models or {})
        self.frames = 0
        self.duration_s = 0.0
        self.totals: dict[str, int] = {}
        self.holds_s: dict[str, float] = {}
        self.steps: list[Change] = []
        self._segments: list[dict[str, Any]] = []
        self._shown: str | None = None
        self._reps: list[dict[str, Any]] = []
        self._latency_ms = {stage: _Newest() for stage in STAGES}
        self._looks_ms: dict[str, _Newest] = {}
        self._first_s = self._last_s = 0.0

    def add(self, reading: Reading) -> None:
        """One reading, in the order of time. A reading without a frame (camera lost) has no stages."""
        now_s = time.perf_counter()
        if reading.stage_ms:
            self._first_s = self._first_s if self.frames else now_s
            self._last_s = now_s
            self.frames += 1
        self.duration_s = reading.time_s
        self.totals, self.holds_s = dict(reading.reps), dict(reading.holds_s)
        self._show(reading)
        for rep in reading.new_reps:
            self._reps.append({"action": rep.action, "start_s": round(rep.start_s, 3), "end_s": round(rep.end_s, 3),
                               "counted_at_s": round(rep.counted_at_s, 3)})  # fmt: skip
        for stage, milliseconds in reading.stage_ms.items():
            self._latency_ms[stage].add(milliseconds)
        if reading.look is not None and "chain" in reading.stage_ms:
            if reading.look not in self._looks_ms:
                self._looks_ms[reading.look] = _Newest()
            self._looks_ms[reading.look].add(reading.stage_ms["chain"])

    @property
    def fps(self) -> float:
        """Frames that were read in a second of real time."""
        seconds = self._last_s - self._first_s
        return (self.frames - 1) / seconds if self.frames > 1 and seconds > 0 else 0.0

    def content(self) -> dict[str, Any]:
        """The report as JSON holds it."""
        return {
            "source": without_password(self.source),
            "frames": self.frames,
            "duration_s": round(self.duration_s, 3),
            "fps": round(self.fps, 2),
            "models": self.models,
            "totals": {action: count for action, count in self.totals.items() if count},
            "holds": {action: round(seconds, 2) for action, seconds in self.holds_s.items() if seconds > 0},
            "segments": [
                {**segment, "start_s": round(segment["start_s"], 3), "end_s": round(segment["end_s"], 3)}
                for segment in self._segments
            ],
            "reps": self._reps,
            # When a slow or hot machine did less, or more again.
            "steps": [change.described() for change in self.steps],
            "latency_ms": {stage: kept.percentiles() for stage, kept in self._latency_ms.items() if kept.count},
            # The chain of frames in which the pose model was shown the whole picture, a crop, or a tile.
            "looks": {
                look: {"frames": kept.count, "chain": kept.percentiles()} for look, kept in self._looks_ms.items()
            },
        }

    def write(self, path: Path) -> None:
        """Write the file whole or not at all. Raises RepSightError when that fails (a full disk)."""
        write_whole(path, json.dumps(self.content(), indent=1))

    def _show(self, reading: Reading) -> None:
        """A segment is what the screen said: it starts when its action first shows and ends when another does."""
        if self._shown is not None:
            self._segments[-1]["end_s"] = reading.time_s
        if reading.action != self._shown:
            self._shown = reading.action
            if reading.action is not None:
                now_s = reading.time_s
                self._segments.append({"action": reading.action, "start_s": now_s, "end_s": now_s, "reps": 0})
        for rep in reading.new_reps:
            segment = next((s for s in reversed(self._segments) if s["action"] == rep.action), None)
            if segment is not None:
                segment["reps"] += 1


def check_writable(path: Path, what: str) -> None:
    """Raise InputError when a file can't be made at `path`: better before the first frame than after the last."""
    if path.exists() and not path.is_file():
        raise InputError("is not a file that can be replaced", file=path, field=what)
    beside = _beside(path)
    try:
        beside.touch()
        beside.unlink()
    except OSError as error:
        raise InputError(f"can't be written: {error.strerror}", file=path, field=what) from None


def write_whole(path: Path, text: str) -> None:
    """Write a file whole or not at all. Raises RepSightError when that fails (a full disk)."""
    beside = _beside(path)
    try:
        with beside.open("w", encoding="utf-8") as file:
            file.write(text)
            file.flush()
            os.fsync(file.fileno())
        beside.replace(path)
    except OSError as error:
        beside.unlink(missing_ok=True)
        raise RepSightError(f"{path}: the report can't be written: {error.strerror}") from None


def _beside(path: Path) -> Path:
    return path.with_name(f".{path.name}.{os.getpid()}")
