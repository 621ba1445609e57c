"""Rotations, two-bone inverse kinematics and smooth signals, batched over the frames of a sequence.

World axes in metres: the person faces -y, its left is +x, up is +z, the floor is z = 0.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
from numpy.typing import ArrayLike, NDArray

Floats = NDArray[np.float64]


def vec(forward: ArrayLike, left: ArrayLike, up: ArrayLike) -> Floats:
    """Points or directions (..., 3) from their parts along forward, left and up; parts broadcast."""
    parts = np.broadcast_arrays(left, np.negative(forward), up)
    return np.stack([np.asarray(part, np.float64) for part in parts], -1)


def rotation(flex: ArrayLike = 0.0, lean: ArrayLike = 0.0, twist: ArrayLike = 0.0) -> Floats:
    """Rotations (..., 3, 3) from radians: `flex` bends up towards forward, `lean` up towards left, and
    `twist` turns forward towards left; flex is applied first, twist last."""
    flex, lean, twist = np.broadcast_arrays(*(np.asarray(a, np.float64) for a in (flex, lean, twist)))
    (cx, sx), (cy, sy), (cz, sz) = ((np.cos(a), np.sin(a)) for a in (flex, lean, twist))
    rows = (
        (cz * cy, cz * sy * sx - sz * cx, cz * sy * cx + sz * sx),
        (sz * cy, sz * sy * sx + cz * cx, sz * sy * cx - cz * sx),
        (-sy, cy * sx, cy * cx),
    )
    return np.stack([np.stack(row, -1) for row in rows], -2)


def about(axis: Floats, angle: Floats) -> Floats:
    """Rotations (..., 3, 3) by `angle` radians (...) about unit axes (..., 3): Rodrigues' formula."""
    x, y, z = np.moveaxis(axis, -1, 0)
    zero = np.zeros_like(x)
    rows = (
        np.stack([zero, -z, y], -1),
        np.stack([z, zero, -x], -1),
        np.stack([-y, x, zero], -1),
    )
    k = np.stack(rows, -2)
    s, c = np.sin(angle)[..., None, None], np.cos(angle)[..., None, None]
    return np.asarray(np.eye(3) + s * k + (1 - c) * (k @ k), np.float64)


def unit(v: Floats) -> Floats:
    """Vectors (..., 3) scaled to length 1; zero stays zero."""
    return np.asarray(v / np.maximum(np.linalg.norm(v, axis=-1, keepdims=True), 1e-9), np.float64)


def apply(rotations: Floats, points: Floats) -> Floats:
    """Rotations (..., 3, 3) applied to points (..., 3)."""
    return np.asarray((rotations @ points[..., None])[..., 0], np.float64)


def frame(along: Floats, hinge: Floats) -> Floats:
    """Right-handed frames (..., 3, 3), columns: `along`, `hinge` made square to it, and their cross product."""
    a = unit(along)
    h = unit(hinge - (hinge * a).sum(-1, keepdims=True) * a)
    return np.stack([a, h, np.cross(a, h)], -1)


def orthonormal(matrices: Floats) -> Floats:
    """The rotations (..., 3, 3) nearest to nearly orthonormal matrices, by Gram-Schmidt on the columns."""
    return frame(matrices[..., 0], matrices[..., 1])


def chord(a: ArrayLike, b: ArrayLike, angle: ArrayLike) -> Floats:
    """Distance between the ends of two bones of length a and b with `angle` radians between them."""
    a, b = np.asarray(a), np.asarray(b)
    return np.asarray(np.sqrt(a * a + b * b - 2 * a * b * np.cos(angle)), np.float64)


def two_bone(start: Floats, target: Floats, pole: Floats, a: float, b: float) -> tuple[Floats, Floats, Floats]:
    """The middle joint, the end joint and the hinge axis (..., 3) of a limb that reaches for `target`.

    a, b: lengths of the two bones. The middle joint bends towards the direction `pole`. A target out of
    reach is approached as far as the limb goes.
    """
    line = target - start
    distance = np.clip(np.linalg.norm(line, axis=-1, keepdims=True), abs(a - b) + 1e-3, (a + b) * 0.9995)
    along = unit(line)
    side = unit(pole - (pole * along).sum(-1, keepdims=True) * along)
    cosine = np.clip((a * a + distance**2 - b * b) / (2 * a * distance), -1.0, 1.0)
    middle = start + a * (cosine * along + np.sqrt(1 - cosine**2) * side)
    return middle, start + distance * along, np.cross(along, side)


def ease(x: ArrayLike) -> Floats:
    """Minimum-jerk step: 0 below 0, 1 above 1 (Flash and Hogan, 1985, eq. 5)."""
    x = np.clip(np.asarray(x, np.float64), 0.0, 1.0)
    return np.asarray(x**3 * (10 - 15 * x + 6 * x * x), np.float64)


def mix(a: ArrayLike, b: ArrayLike, share: ArrayLike) -> Floats:
    """a where `share` is 0, b where it is 1; `share` (N,) runs along the first axis of a and b."""
    a, b, share = (np.asarray(value, np.float64) for value in (a, b, share))
    extra = max(a.ndim, b.ndim) - share.ndim
    share = share.reshape(share.shape + (1,) * extra) if share.ndim else share
    return np.asarray(a + (b - a) * share, np.float64)


Signal = Callable[[Floats], Floats]


def wander(rng: np.random.Generator, amplitude: float, period_s: float, axes: int = 1) -> Signal:
    """A smooth random function of time: seconds (N,) to (N, axes), or (N,) for one axis.

    A sum of five sines around `period_s` whose standard deviation is `amplitude`.
    """
    hz = np.exp(rng.uniform(np.log(0.4), np.log(2.2), (5, axes))) / period_s
    shift = rng.uniform(0, 2 * np.pi, (5, axes))
    weight = rng.uniform(0.3, 1.0, (5, axes)) / np.sqrt(hz * period_s)
    weight *= amplitude / np.sqrt((weight**2).sum(0) / 2)

    def signal(time_s: Floats) -> Floats:
        values = (weight * np.sin(2 * np.pi * hz * time_s[:, None, None] + shift)).sum(1)
        return np.asarray(values[:, 0] if axes == 1 else values, np.float64)

    return signal
