"""Raw windows to features, inside the graph, so that training and serving cannot drift apart.

Input: float (B, T, 17, 3), pixels and confidence. Output: float (B, T, FEATURES), invariant to where the person
stands in the picture and how large they are; not to mirroring or rotation, which training augments.
"""

from __future__ import annotations

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
    + 2 * len(skeleton.ANGLES)  # cosine and sine of the joint angles
    + 2  # the centre about its place at the newest sample
)


def joint_features(features: Tensor) -> Tensor:
    """The part of the features that belongs to single joints, (B, T, 17, 5): place, motion, confidence."""
    joints = skeleton.COUNT
    place, motion, confidence = torch.split(features[..., : 5 * joints], [2 * joints, 2 * joints, joints], -1)
    pairs = [part.reshape(*part.shape[:-1], joints, 2) for part in (place, motion)]
    return torch.cat([*pairs, confidence[..., None]], -1)


class Normalize(nn.Module):
    """Centring, scale, confidence masking, motion, bones and angles of a window.

    The scale is the median valid torso of the window (shoulder midpoint to hip midpoint), yet never below the
    median shoulder width, since a torso that points at the camera has next to no length in the picture; without
    a torso it is the shoulder width, else the larger side of the keypoints' box, else 1.
    """

    joint_a: Tensor
    joint_b: Tensor
    angle: Tensor

    def __init__(self, rate_hz: float) -> None:
        super().__init__()
        self.rate_hz = rate_hz
        self.register_buffer("joint_a", torch.tensor([a for a, _ in skeleton.LIMBS]), persistent=False)
        self.register_buffer("joint_b", torch.tensor([b for _, b in skeleton.LIMBS]), persistent=False)
        self.register_buffer("angle", torch.tensor(list(skeleton.ANGLES.values())), persistent=False)

    def forward(self, keypoints: Tensor) -> Tensor:
        confidence = keypoints[..., 2].clamp(0, 1)
        seen = (confidence > 0).to(keypoints.dtype)
        points = keypoints[..., :2] * seen[..., None]

        hips, hips_seen = _middle(points, seen, skeleton.L_HIP, skeleton.R_HIP)
        shoulders, shoulders_seen = _middle(points, seen, skeleton.L_SHOULDER, skeleton.R_SHOULDER)
        scale = self._scale(points, seen, hips, hips_seen, shoulders, shoulders_seen)

        any_hip = hips_seen[..., None]
        any_shoulder = shoulders_seen[..., None]
        mean = points.sum(2) / seen.sum(2, keepdim=True).clamp(min=1)
        torso = (hips * any_hip + shoulders * any_shoulder) / (any_hip + any_shoulder).clamp(min=1)
        centre = torch.where(any_hip + any_shoulder > 0, torso, mean)

        body = ((points - centre[:, :, None]) / scale).clamp(-LIMIT, LIMIT) * seen[..., None]
        travel = (centre - centre[:, -1:]) / scale[:, :, 0]
        present = (seen.sum(2, keepdim=True) > 0).to(points.dtype)
        travel = (travel * present * present[:, -1:]).clamp(-LIMIT, LIMIT)

        both = seen[:, 1:] * seen[:, :-1]
        step = (points[:, 1:] - points[:, :-1]) / scale * both[..., None] * self.rate_hz
        motion = torch.cat([torch.zeros_like(step[:, :1]), step], 1).clamp(-LIMIT, LIMIT)

        bones = self._directions(points, seen, scale)
        angles = self._angles(points, seen, scale)
        parts = [body, motion, confidence, bones, angles, travel]
        return torch.cat([part.flatten(2) for part in parts], -1)

    @staticmethod
    def _scale(
        points: Tensor, seen: Tensor, hips: Tensor, hips_seen: Tensor, shoulders: Tensor, shoulders_seen: Tensor
    ) -> Tensor:
        """The size of a torso in pixels, (B, 1, 1, 1)."""
        torso = _length(shoulders - hips)
        torso, torso_known = _masked_median(torso, hips_seen * shoulders_seen)
        left, right = skeleton.L_SHOULDER, skeleton.R_SHOULDER
        width = _length(points[:, :, left] - points[:, :, right])
        width, width_known = _masked_median(width, seen[:, :, left] * seen[:, :, right])

        far = 1e6
        hidden = (1 - seen[..., None]) * far
        low = (points + hidden).flatten(1, 2).amin(1)
        high = (points - hidden).flatten(1, 2).amax(1)
        box = (high - low).amax(1, keepdim=True).clamp(min=0)

        scale = torch.where(torso_known, torch.where(width_known, torch.maximum(torso, width), torso),
                            torch.where(width_known, width, box))  # fmt: skip
        return torch.where(scale > 1e-3, scale, torch.ones_like(scale))[:, :, None, None]

    def _directions(self, points: Tensor, seen: Tensor, scale: Tensor) -> Tensor:
        """Each bone as a unit vector, (B, T, limbs, 2); a bone shorter than a tenth of a torso fades out."""
        bone = (points[:, :, self.joint_b] - points[:, :, self.joint_a]) / scale
        known = seen[:, :, self.joint_a] * seen[:, :, self.joint_b]
        return bone / (_length(bone)[..., None] + 0.1) * known[..., None]

    def _angles(self, points: Tensor, seen: Tensor, scale: Tensor) -> Tensor:
        """Cosine and sine of each joint angle, (B, T, angles, 2), from the two bones that meet there."""
        ends, vertex, others = self.angle[:, 0], self.angle[:, 1], self.angle[:, 2]
        one = (points[:, :, ends] - points[:, :, vertex]) / scale
        two = (points[:, :, others] - points[:, :, vertex]) / scale
        known = seen[:, :, ends] * seen[:, :, vertex] * seen[:, :, others]
        size = _length(one) * _length(two) + 0.02
        cosine = (one * two).sum(-1) / size
        sine = (one[..., 0] * two[..., 1] - one[..., 1] * two[..., 0]) / size
        return torch.stack([cosine * known, sine * known], -1)


def _length(vector: Tensor) -> Tensor:
    # The small term keeps the gradient finite at zero.
    return ((vector * vector).sum(-1) + 1e-12).sqrt()


def _middle(points: Tensor, seen: Tensor, left: int, right: int) -> tuple[Tensor, Tensor]:
    """The mean of the pair's joints that are seen, (B, T, 2), and whether one was, (B, T)."""
    weight = seen[:, :, left] + seen[:, :, right]
    return (points[:, :, left] + points[:, :, right]) / weight.clamp(min=1)[..., None], weight.clamp(max=1)


def _masked_median(values: Tensor, known: Tensor) -> tuple[Tensor, Tensor]:
    """The lower median over T of the values with known = 1, (B, 1), and whether there was one."""
    count = known.sum(1, keepdim=True)
    hidden = torch.where(known > 0, values, torch.full_like(values, 1e6))
    ordered = torch.sort(hidden, dim=1).values
    middle = ((count - 1).clamp(min=0) / 2).floor().to(torch.int64)
    return ordered.gather(1, middle), count > 0
