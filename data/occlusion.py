"""What a camera does not see: joints behind the body itself or behind the plates of a bar, and turned-away faces."""

from __future__ import annotations

import numpy as np

from data.body import PART, Body
from data.kinematics import Floats, unit
from data.posture import Solved
from keypoints import skeleton as sk


def hidden(body: Body, solved: Solved, points: Floats, eye: Floats) -> Floats:
    """How much (N, 17), 0-1, the body itself hides each keypoint (N, 17, 3) from a camera at `eye` (N, 3)."""
    scale = body.torso / 0.5

    def at(name: str) -> Floats:
        return solved.joints[:, PART[name]]

    capsules = [(at("pelvis"), at("chest"), 0.13 * scale, {sk.L_HIP, sk.R_HIP, sk.L_SHOULDER, sk.R_SHOULDER}),
                (at("head"), at("head") + 0.1 * scale * solved.turns[:, PART["head"], :, 2], 0.085 * scale, set()),
                ]  # fmt: skip
    for i, s in enumerate("LR"):
        capsules += [
            (at(f"thigh.{s}"), at(f"shin.{s}"), 0.07 * scale, {sk.L_HIP + i, sk.L_KNEE + i}),
            (at(f"shin.{s}"), at(f"foot.{s}"), 0.045 * scale, {sk.L_KNEE + i, sk.L_ANKLE + i}),
            (at(f"upper_arm.{s}"), at(f"forearm.{s}"), 0.045 * scale, {sk.L_SHOULDER + i, sk.L_ELBOW + i}),
            (at(f"forearm.{s}"), at(f"hand.{s}"), 0.035 * scale, {sk.L_ELBOW + i, sk.L_WRIST + i}),
        ]  # fmt: skip
    share = np.zeros(points.shape[:2])
    ray = points - eye[:, None]
    length = np.linalg.norm(ray, axis=-1)
    for begin, end, radius, own in capsules:
        gap, along = _closest(eye[:, None], ray / length[..., None], begin[:, None], (end - begin)[:, None])
        cover = np.clip((1.35 * radius - gap) / (0.7 * radius), 0, 1) * (along < length - 1.2 * radius)
        cover[:, list(own)] = 0.0
        if radius == 0.085 * scale:  # the head hides only its own far side
            cover[:, 5:] *= 0.8
        share = np.maximum(share, cover)
    return _face(solved, ray / length[..., None], share)


def behind_plates(solved: Solved, points: Floats, eye: Floats, plates: Floats) -> Floats:
    """How much (N, 17), 0-1, the plates of a bar in the hands hide each keypoint (N, 17, 3) from `eye` (N, 3).

    plates: (N, 2) their radius and their distance from the middle of the hands, m; see `Move.plates`.
    """
    share = np.zeros(points.shape[:2])
    rows = np.flatnonzero(plates[:, 0] > 0)
    if not len(rows):
        return share
    left, right = (solved.joints[rows, PART[f"hand.{s}"]] for s in "LR")
    bar = unit(left - right)[:, None]
    ray = points[rows] - eye[rows, None]
    length = np.linalg.norm(ray, axis=-1)
    ray = ray / length[..., None]
    radius, apart = plates[rows, 0, None], plates[rows, 1, None, None]
    across = (ray * bar).sum(-1)
    across = np.where(np.abs(across) < 1e-3, 1e-3, across)
    for sign in (1, -1):
        gap = ((left + right) / 2)[:, None] + sign * apart * bar - eye[rows, None]
        far = (gap * bar).sum(-1) / across  # where the line of sight meets the plate's plane
        off = np.linalg.norm(far[..., None] * ray - gap, axis=-1)
        cover = np.clip((1.05 * radius - off) / (0.15 * radius), 0, 1) * (far > 0.05) * (far < length - 0.04)
        share[rows] = np.maximum(share[rows], cover)
    return share


def facing(solved: Solved, eye: Floats) -> Floats:
    """How much (N,) the chest faces a camera at `eye` (N, 3): 1 towards it, 0 from the side, -1 away from it."""
    chest = PART["chest"]
    return np.asarray((unit(eye - solved.joints[:, chest]) * -solved.turns[:, chest, :, 1]).sum(-1), np.float64)


def _face(solved: Solved, ray: Floats, share: Floats) -> Floats:
    """Face points are hidden when the side of the head on which they lie is turned away."""
    head = solved.turns[:, PART["head"]]
    normals = unit(np.array([[0, -1, 0], [0.35, -1, 0], [-0.35, -1, 0], [1, 0.05, 0], [-1, 0.05, 0]], float))
    facing = -np.einsum("nij,kj,nki->nk", head, normals, ray[:, :5])
    share = share.copy()
    share[:, :5] = np.clip(np.array([-0.1, 0.3, 0.3, 0.3, 0.3]) - facing * np.array([1.4, 1.5, 1.5, 0.7, 0.7]), 0, 1)
    return share


def _closest(origin: Floats, ray: Floats, begin: Floats, axis: Floats) -> tuple[Floats, Floats]:
    """Distance between rays and segments, and how far along the ray it is."""
    w = begin - origin
    a, b = (ray * axis).sum(-1), (axis * axis).sum(-1)
    d, e = (ray * w).sum(-1), (axis * w).sum(-1)
    t = np.clip((a * d - e) / np.maximum(b - a * a, 1e-6), 0, 1)
    s = d + t * a
    gap = np.linalg.norm(w + t[..., None] * axis - s[..., None] * ray, axis=-1)
    return gap, s
