"""Raw windows to features, inside the graph, so that training and serving cannot drift apart.

Input: float (B, T, 17, 3), pixels and confidence. Output: float (B, T, FEATURES), invariant to where the person
stands in the picture and how large they are; not to mirroring or rotation, which training augments.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

import torch
from torch import Tensor, nn

from keypoints import skeleton

#: Joint values end here, in torsos; beyond it a keypoint is an error of the pose model.
LIMIT: Final = 6.0

FEATURES: Final = (
    2 * skeleton.COUNT  # joints about the body's centre
    + 2 * skeleton.COUNT  # motion of each joint, torsos a second
    + skeleton.COUNT  # confidence
    + 2 * len(skeleton.LIMBS)  # directions of the bones
    + 2 * len(skeleton.ANGLES)  # cosine and sine of the joint angles, of bones that fade out likewise
    + 2  # the centre about its place at the first sample
)


#: Two of these are one, rounded down, and one is none: also where 8 bits have moved them a little.
_HALF: Final = 0.51
#: More than all joints; a row of it and of ones is stored in 8 bits.
_MANY: Final = 127

#: Features of each axis: place and motion of the joints, directions of the bones, travel of the centre.
_AXIS: Final = 2 * skeleton.COUNT + len(skeleton.LIMBS) + 1


def joint_features(features: Tensor) -> Tensor:
    """The part of the features that belongs to single joints, (B, T, 17, 5): place, motion, confidence."""
    joints = skeleton.COUNT
    starts = [0, _AXIS, joints, _AXIS + joints, 2 * _AXIS]
    return torch.stack([features[..., start : start + joints] for start in starts], -1)


def _mirror() -> tuple[list[int], list[float]]:
    """Which feature, and with which sign, each feature is in the mirrored picture."""
    of = skeleton.MIRROR
    joints = [(of[joint], 1) for joint in range(skeleton.COUNT)]
    limbs = [_place((of[start], of[end]), skeleton.LIMBS) for start, end in skeleton.LIMBS]
    corners = list(skeleton.ANGLES.values())
    angles = [_place((of[a], of[vertex], of[b]), corners) for a, vertex, b in corners]
    parts = []
    for side in (-1, 1):  # x turns round, y does not
        parts += [[(place, side * sign) for place, sign in part] for part in (joints, joints, limbs, [(0, 1)])]
    # An angle of the mirrored body turns the other way, unless its two bones are taken in the other order as well.
    parts += [joints, [(place, 1) for place, _ in angles], [(place, -sign) for place, sign in angles]]
    order: list[int] = []
    signs: list[float] = []
    for part in parts:
        start = len(order)
        order += [start + place for place, _ in part]
        signs += [float(sign) for _, sign in part]
    return order, signs


def _place(joints: tuple[int, ...], among: Sequence[tuple[int, ...]]) -> tuple[int, int]:
    """Where a limb or an angle is in its list, and 1, or -1 if it is there the other way round."""
    return (among.index(joints), 1) if joints in among else (among.index(joints[::-1]), -1)


class Normalize(nn.Module):
    """Centring, scale, confidence masking, motion, bones and angles of a window.

    The scale is the median valid torso of the window (shoulder midpoint to hip midpoint), yet never below the
    median shoulder width, since a torso that points at the camera has next to no length in the picture; without
    a torso it is the shoulder width, else the larger side of the joints' box about the centre, else 1.

    On one window it is the number of graph nodes, and of copies, that takes time, not that of sums. So sums and
    differences, of joints as of samples, are each one product with a matrix, and time is the last axis inside: parts
    are joined and picked in whole rows.
    """

    sums: Tensor
    counts: Tensor
    step: Tensor
    pair: Tensor
    order: Tensor
    signs: Tensor

    def __init__(self, rate_hz: float, window: int) -> None:
        super().__init__()
        self.rate_hz = rate_hz
        angles = skeleton.ANGLES.values()
        pairs = [(skeleton.R_SHOULDER, skeleton.L_SHOULDER), *skeleton.LIMBS,
                 *((v, a) for a, v, _ in angles), *((v, b) for _, v, b in angles)]  # fmt: skip
        torso = [[skeleton.L_HIP, skeleton.R_HIP], [skeleton.L_SHOULDER, skeleton.R_SHOULDER]]
        sums = torch.zeros(3 + len(pairs), skeleton.COUNT)
        counts = torch.zeros(3 + len(sums), skeleton.COUNT)
        sums[2] = counts[2] = 1
        counts[5] = 1
        for row, joints in enumerate(torso):
            sums[row, joints] = counts[row, joints] = counts[3 + row, joints] = 1
            counts[5, joints] = -_MANY  # below zero as soon as one of them is seen
        for row, (start, end) in enumerate(pairs, 3):
            sums[row, start], sums[row, end] = -1, 1
            counts[3 + row, [start, end]] = _HALF
        before = torch.eye(window).roll(1, 1)
        before[:, 0] = torch.eye(window)[:, 0]  # nothing was before the first sample
        self.register_buffer("sums", sums, persistent=False)
        self.register_buffer("counts", counts, persistent=False)
        self.register_buffer("step", torch.eye(window) - before, persistent=False)
        self.register_buffer("pair", (torch.eye(window) + before) * _HALF, persistent=False)
        order, signs = _mirror()
        self.register_buffer("order", torch.tensor(order, dtype=torch.int32), persistent=False)
        self.register_buffer("signs", torch.tensor(signs)[:, None], persistent=False)

    def forward(self, keypoints: Tensor) -> Tensor:
        return self._features(keypoints).transpose(1, 2)

    def both_ways(self, keypoints: Tensor) -> Tensor:
        """The features of the windows and then those of their mirror images, (2 B, T, FEATURES)."""
        features = self._features(keypoints)
        mirrored = features.index_select(1, self.order) * self.signs
        return torch.cat([features, mirrored]).transpose(1, 2)

    def _features(self, keypoints: Tensor) -> Tensor:
        """(B, FEATURES, T). Inside, axes are (B, x and y, joints or bones, T)."""
        length = self.step.shape[0]
        pixels, confidence = torch.split(keypoints.permute(0, 3, 2, 1), [2, 1], 1)
        confidence = confidence.clamp(0, 1)
        seen = confidence.sign()
        points = pixels * seen
        bone_count = len(self.sums) - 4
        of_groups, shoulder_line, bones = torch.split(self.sums @ points, [3, 1, bone_count], 2)
        groups, weight, ends_seen = torch.split(self.counts @ seen, [3, 3, bone_count + 1], 2)
        known = ends_seen.floor()

        # The centre: of hip midpoint and shoulder midpoint what is seen, else the mean of all joints that are.
        places = of_groups / groups.clamp(min=1)
        weight = weight.clamp(0, 1)
        parts = weight.sum(2, keepdim=True)
        centre = (places * weight).sum(2, keepdim=True) / parts.clamp(min=1)
        about = (points - centre) * seen

        hips, shoulders, _ = torch.split(places, 1, 2)
        shoulders_known, known = torch.split(known, [1, bone_count], 2)
        lengths = _length(torch.cat([shoulders - hips, shoulder_line], 2))
        scale = self._scale(lengths, torch.cat([(parts - 1).relu(), shoulders_known], 2), about)
        unit = 1 / scale

        body = (about * unit).clamp(-LIMIT, LIMIT)
        motion = (points @ self.step * (unit * self.rate_hz)).clamp(-LIMIT, LIMIT) * (seen @ self.pair).floor()
        present = parts.clamp(max=1)
        travel = ((centre - centre[..., :1]) * present * (present[..., :1] * unit)).clamp(-LIMIT, LIMIT)

        # A bone shorter than a tenth of a torso fades out.
        bones = bones * (known / (_length(bones) + 0.1 * scale))
        directions, one, two = torch.split(bones, [len(skeleton.LIMBS), len(skeleton.ANGLES), len(skeleton.ANGLES)], 2)
        cosine = (one * two).sum(1, keepdim=True)
        ahead, aside = torch.split(one * two.flip(1), 1, 1)
        by_axis = torch.cat([body, motion, directions, travel], 2)
        parts_of_all = [by_axis.reshape(-1, 1, 2 * _AXIS, length), confidence, cosine, ahead - aside]
        return torch.cat(parts_of_all, 2).squeeze(1)

    @staticmethod
    def _scale(lengths: Tensor, known: Tensor, about: Tensor) -> Tensor:
        """The size of a torso in pixels, (B, 1, 1, 1). lengths: of torso and shoulder width, (B, 1, 2, T)."""
        # The lower median over T of the known ones: those that are not known come last, as zeros.
        ordered = (lengths * known).topk(int(lengths.shape[3]), 3).values
        median = ordered.gather(3, (known.sum(3, keepdim=True) * 0.5).to(torch.int64))
        box = (about.amax((2, 3), keepdim=True) - about.amin((2, 3), keepdim=True)).amax(1, keepdim=True)
        scale = median.amax(2, keepdim=True)
        scale = torch.where(scale > 0, scale, box)
        return torch.where(scale > 1e-3, scale, 1.0)


def _length(vector: Tensor) -> Tensor:
    """Of vectors (B, 2, K, T), (B, 1, K, T)."""
    length: Tensor = torch.linalg.vector_norm(vector, dim=1, keepdim=True)
    return length
