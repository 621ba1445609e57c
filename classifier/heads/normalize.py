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
    a torso it is the shoulder width, else the larger side of the keypoints' box, else 1.

    Sums and differences of joints are one product with a matrix of 0, 1 and -1: on one window the number of graph
    nodes, not of sums, is what takes time.
    """

    sums: Tensor
    order: Tensor
    signs: Tensor

    def __init__(self, rate_hz: float) -> None:
        super().__init__()
        self.rate_hz = rate_hz
        angles = skeleton.ANGLES.values()
        pairs = [*skeleton.LIMBS, *((v, a) for a, v, _ in angles), *((v, b) for _, v, b in angles)]
        sums = torch.zeros(skeleton.COUNT, 3 + len(pairs))
        sums[[skeleton.L_HIP, skeleton.R_HIP], 0] = 1
        sums[[skeleton.L_SHOULDER, skeleton.R_SHOULDER], 1] = 1
        sums[:, 2] = 1
        for column, (start, end) in enumerate(pairs, 3):
            sums[start, column], sums[end, column] = -1, 1
        self.register_buffer("sums", sums, persistent=False)
        order, signs = _mirror()
        self.register_buffer("order", torch.tensor(order), persistent=False)
        self.register_buffer("signs", torch.tensor(signs), persistent=False)

    def mirror(self, features: Tensor) -> Tensor:
        """The features (B, T, FEATURES) of the same windows, mirrored."""
        return features[..., self.order] * self.signs

    def forward(self, keypoints: Tensor) -> Tensor:
        pixels, confidence = torch.split(keypoints.transpose(2, 3), [2, 1], 2)  # (B, T, 2, 17) and (B, T, 1, 17)
        confidence = confidence.clamp(0, 1)
        seen = confidence.sign()
        points = pixels * seen
        bone_count = self.sums.shape[1] - 3
        of_groups, bones = torch.split(points @ self.sums, [3, bone_count], -1)
        groups, ends_seen = torch.split(seen @ self.sums.abs(), [3, bone_count], -1)
        known = (ends_seen - 1).clamp(min=0)

        # Hip midpoint, shoulder midpoint, mean of all joints: each of the joints that are seen.
        places = of_groups / groups.clamp(min=1)
        any_seen = groups.clamp(max=1)
        torso_seen = any_seen[..., :2].sum(-1, keepdim=True).clamp(max=1)
        weight = any_seen * torch.cat([torso_seen, torso_seen, 1 - torso_seen], -1)
        centre = (places * weight).sum(-1, keepdim=True) / weight.sum(-1, keepdim=True).clamp(min=1)

        hips, shoulders, _ = torch.split(places, 1, -1)
        hips_seen, shoulders_seen, present = torch.split(any_seen, 1, -1)
        lengths = _length(torch.cat([shoulders - hips, bones[..., :1]], -1))
        lengths_known = torch.cat([hips_seen * shoulders_seen, known[..., :1]], -1)
        scale = self._scale(lengths.squeeze(2), lengths_known.squeeze(2), points, seen)
        unit = 1 / scale

        body = ((points - centre) * unit).clamp(-LIMIT, LIMIT) * seen
        length = int(keypoints.shape[1])
        before = torch.tensor([0, *range(length - 1)], device=keypoints.device)
        step = (points - points[:, before]) * (unit * self.rate_hz)
        motion = step.clamp(-LIMIT, LIMIT) * (seen * seen[:, before])
        travel = ((centre - centre[:, :1]) * unit * present * present[:, :1]).clamp(-LIMIT, LIMIT)

        # A bone shorter than a tenth of a torso fades out.
        bones = bones * unit
        bones = bones / (_length(bones) + 0.1) * known
        directions, one, two = torch.split(bones, [len(skeleton.LIMBS), len(skeleton.ANGLES), len(skeleton.ANGLES)], -1)
        cosine = (one * two).sum(2, keepdim=True)
        sine = one[:, :, :1] * two[:, :, 1:] - one[:, :, 1:] * two[:, :, :1]
        by_axis = torch.cat([body, motion, directions, travel], -1)
        others = torch.cat([confidence, cosine, sine], -1)
        return torch.cat([by_axis.reshape(-1, length, 2 * _AXIS), others.squeeze(2)], -1)

    @staticmethod
    def _scale(lengths: Tensor, known: Tensor, points: Tensor, seen: Tensor) -> Tensor:
        """The size of a torso in pixels, (B, 1, 1, 1). lengths: of torso and shoulder width, (B, T, 2)."""
        far = 1e6
        hidden = (1 - seen) * far
        box = ((points - hidden).amax((1, 3)) - (points + hidden).amin((1, 3))).amax(1, keepdim=True)

        # The lower median over T of the known ones.
        count = known.sum(1, keepdim=True)
        ordered = (lengths + (1 - known) * far).sort(dim=1).values
        median = ordered.gather(1, ((count - 1).clamp(min=0) / 2).floor().to(torch.int64))[:, 0]
        found = median * count[:, 0].clamp(max=1)
        scale = found.amax(1, keepdim=True)
        scale = torch.where(scale > 0, scale, box)
        return torch.where(scale > 1e-3, scale, 1.0)[:, :, None, None]


def _length(vector: Tensor) -> Tensor:
    """Of vectors (B, T, 2, K), (B, T, 1, K). The small term keeps the gradient finite at zero."""
    return ((vector * vector).sum(2, keepdim=True) + 1e-12).sqrt()
