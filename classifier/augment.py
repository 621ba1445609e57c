"""Random changes of a batch of windows that leave its labels true."""

from __future__ import annotations

import math

import torch
from torch import Tensor

from configs.schema import Augment
from keypoints import skeleton

_MIRROR = torch.tensor(skeleton.MIRROR)


def augment(keypoints: Tensor, how: Augment, generator: torch.Generator) -> Tensor:
    """keypoints: float (B, T, 17, 3) in pixels; returns a changed copy. Missing joints stay missing.

    Mirroring (half of the windows), roll, stretch, jitter in shares of the body's size, joints missing for the
    whole window or at single samples, and a history cut short: the samples before a random one repeat it, as
    at the beginning of a recording.
    """
    batch, length = keypoints.shape[:2]

    def uniform(*shape: int) -> Tensor:
        return torch.rand(shape, generator=generator)

    points, confidence = keypoints[..., :2], keypoints[..., 2]
    seen = confidence > 0

    flip = uniform(batch) < 0.5
    mirrored = points[:, :, _MIRROR] * torch.tensor([-1.0, 1.0])
    points = torch.where(flip[:, None, None, None], mirrored, points)
    confidence = torch.where(flip[:, None, None], confidence[:, :, _MIRROR], confidence)
    seen = confidence > 0

    angle = (uniform(batch) * 2 - 1) * math.radians(how.roll_deg)
    stretch = 1 + (uniform(batch, 2) * 2 - 1) * how.stretch
    turn = torch.stack([torch.cos(angle), -torch.sin(angle), torch.sin(angle), torch.cos(angle)], -1).view(-1, 2, 2)
    points = torch.einsum("btjc,bdc->btjd", points * stretch[:, None, None], turn)

    size = _size(points, seen)
    noise = torch.randn(points.shape, generator=generator) * uniform(batch)[:, None, None, None]
    points = points + noise * size * how.jitter

    drop_share = uniform(batch) * how.joint_dropout
    whole = uniform(batch, 1, skeleton.COUNT) < drop_share[:, None, None] / 2
    single = uniform(batch, length, skeleton.COUNT) < drop_share[:, None, None] / 2
    seen = seen & ~whole & ~single

    keypoints = torch.cat([points, confidence[..., None]], -1) * seen[..., None]
    start = (uniform(batch) * length).long() * (uniform(batch) < how.short_history)
    return keypoints.gather(1, _repeat_from(start, length)[:, :, None, None].expand_as(keypoints))


def _repeat_from(start: Tensor, length: int) -> Tensor:
    """Sample indices (B, T) in which every sample before `start` is replaced by it."""
    return torch.maximum(torch.arange(length)[None], start[:, None])


def _size(points: Tensor, seen: Tensor) -> Tensor:
    """A third of the diagonal of the keypoints' box over the window, near a torso's length, (B, 1, 1, 1)."""
    hidden = (~seen)[..., None] * 1e6
    low = (points + hidden).flatten(1, 2).amin(1)
    high = (points - hidden).flatten(1, 2).amax(1)
    return (((high - low).clamp(min=0) ** 2).sum(-1).sqrt() / 3)[:, None, None, None]
