"""The types that cross a room's door: `Frame`, `Pose`, `KeypointSequence`."""

from __future__ import annotations

import zipfile
import zlib
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Any

import numpy as np
from numpy.typing import NDArray

from keypoints import skeleton
from keypoints.errors import InputError
from keypoints.files import whole

FloatArray = NDArray[np.float32]


def _require(condition: bool, what: str, expected: object, found: object, field: str) -> None:
    if not condition:
        raise InputError(what, field=field, expected=expected, found=found)


def _require_intervals(value: NDArray[np.float64], last_s: float, field: str) -> None:
    """(start, end) in seconds, (k, 2), of which some begin before the recording's last frame."""
    _require(value.ndim == 2 and value.shape[1] == 2, "wrong shape", "(k, 2)", value.shape, field)
    _require(bool(np.isfinite(value).all()), "not finite", "seconds", "NaN or infinity", field)
    backwards = bool((value[:, 1] < value[:, 0]).any())
    _require(not backwards, "ends before it starts", "(start, end) in seconds", "an end before its start", field)
    first_s = float(value[:, 0].min()) if len(value) else last_s
    _require(first_s <= last_s, "after the recording's end", f"at most {last_s:.2f} s", f"{first_s:.2f} s", field)


@dataclass(frozen=True, slots=True)
class Frame:
    """One picture of a source.

    image: uint8 (H, W, 3), BGR. time_s: seconds since the source began, from the source's own clock.
    index: how many frames the source gave before this one.
    """

    image: NDArray[np.uint8]
    time_s: float
    index: int


@dataclass(frozen=True, slots=True)
class Pose:
    """One person in one frame.

    keypoints: float32 (17, 3), COCO order: x px, y px, confidence 0-1; a missing joint is exactly (0, 0, 0).
    box: float32 (4,), x1 y1 x2 y2 px. score: 0-1.
    """

    keypoints: FloatArray
    box: FloatArray
    score: float

    def __post_init__(self) -> None:
        expected = (skeleton.COUNT, 3)
        _require(self.keypoints.shape == expected, "wrong shape", expected, self.keypoints.shape, "keypoints")
        _require(self.box.shape == (4,), "wrong shape", (4,), self.box.shape, "box")


@dataclass(frozen=True, slots=True)
class KeypointSequence:
    """One person over time, in pixels.

    keypoints: float32 (N, 17, 3), COCO order; a missing joint is exactly (0, 0, 0), never NaN.
    time_s: float64 (N,), strictly increasing. size: (width, height) px of the frame the pixels belong to.
    action: one label for all frames, or one a frame. reps_s: float64 (k, 2), start and end of each rep.
    holds_s: float64 (k, 2), start and end of each hold. phase: float32 (N, 2), cos and sin of the rep's
    phase; (0, 0) where it is not known. subject and source: who, and from where; splits go by them.
    """

    keypoints: FloatArray
    time_s: NDArray[np.float64]
    size: tuple[int, int]
    action: str | tuple[str, ...] | None = None
    reps_s: NDArray[np.float64] | None = None
    holds_s: NDArray[np.float64] | None = None
    phase: FloatArray | None = None
    subject: str | None = None
    source: str | None = None

    def __post_init__(self) -> None:
        n = len(self.time_s)
        expected = (n, skeleton.COUNT, 3)
        _require(n > 0, "the sequence is empty", "at least one frame", 0, "time_s")
        _require(self.keypoints.shape == expected, "wrong shape", expected, self.keypoints.shape, "keypoints")
        _require(bool(np.isfinite(self.keypoints).all()), "not finite", "numbers", "NaN or infinity", "keypoints")
        finite = bool(np.isfinite(self.time_s).all())
        _require(finite and bool((np.diff(self.time_s) > 0).all()), "not increasing", "increasing seconds",
                 "times that stand still or go back", "time_s")  # fmt: skip
        _require(min(self.size) > 0, "not a size", "width and height above 0", self.size, "size")
        if isinstance(self.action, tuple):
            _require(len(self.action) == n, "wrong length", n, len(self.action), "action")
        for name in ("reps_s", "holds_s"):
            value = getattr(self, name)
            if value is not None:
                _require_intervals(value, float(self.time_s[-1]), name)
        if self.phase is not None:
            _require(self.phase.shape == (n, 2), "wrong shape", (n, 2), self.phase.shape, "phase")

    def __len__(self) -> int:
        return len(self.time_s)

    @property
    def actions(self) -> tuple[str, ...] | None:
        """The label of each frame, or None without labels."""
        return (self.action,) * len(self) if isinstance(self.action, str) else self.action

    def save(self, path: str | Path) -> None:
        """Write an `.npz` with the fields that are set, each under its own name."""
        with whole(Path(path)) as partial, partial.open("wb") as file:  # numpy would add a suffix of its own to a name
            self.write(file)

    def write(self, file: IO[bytes]) -> None:
        """What `save` writes, into an open file; equal sequences give equal bytes."""
        arrays: dict[str, Any] = {"keypoints": self.keypoints, "time_s": self.time_s, "size": np.array(self.size)}
        for name in ("action", "reps_s", "holds_s", "phase", "subject", "source"):
            value = getattr(self, name)
            if value is not None:
                arrays[name] = np.array(value)
        np.savez_compressed(file, **arrays)

    @classmethod
    def load(cls, path: str | Path) -> KeypointSequence:
        """Read an `.npz`; other dtypes are cast, unknown keys are ignored, nothing is unpickled.

        Raises InputError when the file is missing, is not an npz, or a field is absent or does not fit.
        """
        path = Path(path)
        try:
            with np.load(path, allow_pickle=False) as file:
                fields = {name: file[name] for name in file.files if name in cls.__slots__}
        except FileNotFoundError:
            raise InputError("no such file", file=path) from None
        except (OSError, ValueError, EOFError, KeyError, AttributeError, zipfile.BadZipFile, zlib.error):
            raise InputError("not a keypoint sequence", file=path, expected="an .npz without pickled objects") from None
        try:
            return cls._from_fields(fields)
        except KeyError as error:
            raise InputError("missing", file=path, field=str(error.args[0])) from None
        except InputError as error:
            raise InputError(str(error), file=path) from None
        except (ValueError, TypeError) as error:
            raise InputError(f"a field does not fit: {error}", file=path) from None

    @classmethod
    def _from_fields(cls, fields: dict[str, NDArray[Any]]) -> KeypointSequence:
        def optional(name: str, dtype: type) -> NDArray[Any] | None:
            return fields[name].astype(dtype) if name in fields else None

        def text(name: str) -> str | None:
            return str(fields[name]) if name in fields else None

        action: str | tuple[str, ...] | None = None
        if "action" in fields:
            value = fields["action"]
            action = str(value) if value.ndim == 0 else tuple(str(v) for v in value)
        width, height = (int(v) for v in fields["size"])
        return cls(
            keypoints=fields["keypoints"].astype(np.float32),
            time_s=fields["time_s"].astype(np.float64),
            size=(width, height),
            action=action,
            reps_s=optional("reps_s", np.float64),
            holds_s=optional("holds_s", np.float64),
            phase=optional("phase", np.float32),
            subject=text("subject"),
            source=text("source"),
        )
