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


class Normalize(nn.Module):
    """Centring, scale, confidence masking, motion, bones and angles of a window.

    The scale is the median valid torso of the window (shoulder midpoint to hip midpoint), yet never below the
    median shoulder width, since a torso that points at the camera has next to no length in the picture; without
    a torso it is the shoulder width, else the larger side of the keypoints' box, else 1.

    Sums and differences of joints are one product with a matrix of 0, 1 and -1: on one window the number of graph
    nodes, not of sums, is what takes time.
    """

    sums: Tensor

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

    def forward(self, keypoints: Tensor) -> Tensor:
        x = keypoints.transpose(2, 3)  # (B, T, 3, 17)
        confidence = x[:, :, 2:].clamp(0, 1)
        seen = confidence.sign()
        points = x[:, :, :2] * seen
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

        lengths = torch.cat([_length(places[..., 1:2] - places[..., :1]), _length(bones[..., :1])], -1)
        lengths_known = torch.cat([any_seen[..., :1] * any_seen[..., 1:2], known[..., :1]], -1)
        scale = self._scale(lengths[:, :, 0], lengths_known[:, :, 0], points, seen)
        unit = 1 / scale

        body = ((points - centre) * unit).clamp(-LIMIT, LIMIT) * seen
        step = (points[:, 1:] - points[:, :-1]) * (unit * self.rate_hz) * (seen[:, 1:] * seen[:, :-1])
        motion = torch.cat([points[:, :1] * 0, step], 1).clamp(-LIMIT, LIMIT)
        present = any_seen[..., 2:]
        travel = ((centre - centre[:, :1]) * unit * present * present[:, :1]).clamp(-LIMIT, LIMIT)

        # A bone shorter than a tenth of a torso fades out.
        bones = bones * unit
        bones = bones / (_length(bones) + 0.1) * known
        directions, one, two = torch.split(bones, [len(skeleton.LIMBS), len(skeleton.ANGLES), len(skeleton.ANGLES)], -1)
        cosine = (one * two).sum(2, keepdim=True)
        sine = one[:, :, :1] * two[:, :, 1:] - one[:, :, 1:] * two[:, :, :1]
        by_axis = torch.cat([body, motion, directions, travel], -1)
        others = torch.cat([confidence, cosine, sine], -1)
        return torch.cat([by_axis[:, :, 0], by_axis[:, :, 1], others[:, :, 0]], -1)

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
        return torch.where(scale > 1e-3, scale, torch.ones_like(scale))[:, :, None, None]


def _length(vector: Tensor) -> Tensor:
    """Of vectors (B, T, 2, K), (B, T, 1, K). The small term keeps the gradient finite at zero."""
    return ((vector * vector).sum(2, keepdim=True) + 1e-12).sqrt()
