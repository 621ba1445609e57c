"""Arrays of joints out of `.npy` and `.npz` files, and what any such array needs to become a sequence."""

from __future__ import annotations

import re
import zipfile
import zlib
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from keypoints.errors import InputError
from keypoints.types import FloatArray, KeypointSequence

Array = NDArray[Any]
_BROKEN = (OSError, ValueError, EOFError, KeyError, AttributeError, zipfile.BadZipFile, zlib.error)


def load_npy(file: Path) -> Array:
    """The array of an `.npy`; nothing is unpickled. Raises InputError when it is cut off or no array of numbers."""
    try:
        array = np.load(file, allow_pickle=False)
    except _BROKEN:
        raise InputError("not an array, or cut off", file=file, expected="an .npy without pickled objects") from None
    if not isinstance(array, np.ndarray) or array.dtype.kind not in "fiu":
        raise InputError("not an array of numbers", file=file, found=getattr(array, "dtype", type(array).__name__))
    return array


def npy_shape(file: Path) -> tuple[int, ...]:
    """The shape that an `.npy` says that it has, without reading it; () when it is none."""
    try:
        return tuple(np.load(file, allow_pickle=False, mmap_mode="r").shape)
    except _BROKEN:
        return ()


def npz_names(file: Path) -> tuple[str, ...]:
    """The names of an `.npz`'s arrays, without reading them; () when it is none."""
    try:
        with np.load(file, allow_pickle=False) as arrays:
            return tuple(arrays.files)
    except _BROKEN:
        return ()


def load_npz(file: Path) -> Iterator[tuple[str, Array | None]]:
    """Each array of an `.npz` with its name; None for one that is damaged. Raises InputError when it is no `.npz`."""
    try:
        arrays = np.load(file, allow_pickle=False)
    except _BROKEN:
        raise InputError("not an .npz, or cut off", file=file, expected="an .npz without pickled objects") from None
    with arrays:
        for name in arrays.files:
            try:
                yield name, arrays[name]
            except _BROKEN:
                yield name, None


def to_sequence(
    keypoints: Array, where: str | Path, size: tuple[int, int] | None, fps: float, source: str
) -> KeypointSequence:
    """A sequence of (N, 17, 3) joints at a steady rate; a joint that is not a number becomes a missing one.

    size: (width, height) px; without one, the reach of the joints. Raises InputError, naming `where`, for an array of
    another shape, without any joint, or of a single frame, in which nothing can move.
    """
    if keypoints.ndim != 3 or keypoints.shape[1:] != (17, 3):
        raise InputError("wrong shape", file=where, expected="(frames, 17, 3)", found=keypoints.shape)
    if len(keypoints) < 2:
        found = "a single frame" if len(keypoints) else "no frame"
        raise InputError("nothing moves in it", file=where, expected="two frames or more", found=found)
    joints = keypoints.astype(np.float32)
    seen = np.isfinite(joints).all(-1) & (joints[..., 2] > 0)
    if not seen.any():
        raise InputError("no joint is seen in any frame", file=where)
    joints = np.where(seen[..., None], joints, np.float32(0))
    joints[..., 2] = np.clip(joints[..., 2], 0, 1)
    reach = size or _reach(joints[seen][:, :2])
    return KeypointSequence(joints, np.arange(len(joints)) / fps, reach, source=source, subject=source)


def _reach(points: FloatArray) -> tuple[int, int]:
    width, height = (max(int(np.ceil(v)) + 1, 2) for v in points.max(0))
    return width, height


def label_of(file: Path, root: Path) -> str:
    """What a file shows, by the folder that it is in, else by its own name without numbers and `sample`, `good`, `bad`
    and the like: bicep/bicep_bad_1.npy is a bicep, sample_front_raise.npy a front_raise."""
    if file.parent != root:
        return file.parent.name
    words = re.split(r"[\s_\-.]+", file.stem)
    kept = [word for word in words if not re.fullmatch(r"\d+|sample|good|bad|correct|incorrect|wrong", word.lower())]
    return "_".join(kept) or file.stem
