"""Random changes of a batch of windows that leave its labels true."""

from __future__ import annotations

import math

import torch
from torch import Tensor

from configs.schema import Augment
from keypoints import skeleton

_MIRROR = torch.tensor(skeleton.MIRROR)

#: Parts of the body that go missing as a whole: the face (not every source has it), what a picture cuts off, what a
#: body hides from the side.
_PARTS = (
    (1, 2, 3, 4), (1, 2, 3, 4), (0, 1, 2, 3, 4), (13, 14, 15, 16), (15, 16), (11, 12, 13, 14, 15, 16), (7, 9), (8, 10),
    (9, 10), (5, 7, 9, 11, 13, 15), (6, 8, 10, 12, 14, 16), (13, 15), (14, 16),
)  # fmt: skip
#: Parts that a pose model makes up when it does not see them, from what it does see.
_MADE_UP = ((13, 14, 15, 16), (13, 14, 15, 16), (15, 16), (11, 12, 13, 14, 15, 16), (13, 15), (14, 16), (9, 10), (7, 9))
#: Keypoints that are published squared mostly come without their confidences as well.
_SURE_IF_SQUARED = 0.7


def _masks(parts: tuple[tuple[int, ...], ...]) -> Tensor:
    return torch.stack([torch.isin(torch.arange(skeleton.COUNT), torch.tensor(part)) for part in parts])


_PART_MASKS, _MADE_UP_MASKS = _masks(_PARTS), _masks(_MADE_UP)


def augment(keypoints: Tensor, how: Augment, generator: torch.Generator) -> tuple[Tensor, Tensor]:
    """Change windows (B, T, 17, 3) in pixels; missing joints stay missing.

    Returns the changed copy and, for each of its samples, which sample of the input its labels come from, int64
    (B, T), or -1 where it has none.

    Mirroring (half of the windows), time-warp, roll, stretch, jitter in shares of the body's size, joints missing for
    the whole window or at single samples, parts of the body missing or made up, confidences of another window (they
    differ between sources more than poses do), each frame stretched to a square of its own and every joint sure of
    itself, as some published keypoints are, and a history cut short: the samples before a random one repeat it, as
    at the beginning of a recording.
    """
    batch, length = keypoints.shape[:2]

    def uniform(*shape: int) -> Tensor:
        return torch.rand(shape, generator=generator)

    keypoints, origin = _warp(keypoints, 1 + (uniform(batch) * 2 - 1) * how.time_warp)
    points, confidence = keypoints[..., :2], keypoints[..., 2]

    flip = uniform(batch) < 0.5
    mirrored = points[:, :, _MIRROR] * torch.tensor([-1.0, 1.0])
    points = torch.where(flip[:, None, None, None], mirrored, points)
    confidence = torch.where(flip[:, None, None], confidence[:, :, _MIRROR], confidence)
    seen = confidence > 0

    angle = (uniform(batch) * 2 - 1) * math.radians(how.roll_deg)
    stretch = 1 + (uniform(batch, 2) * 2 - 1) * how.stretch
    turn = torch.stack([torch.cos(angle), -torch.sin(angle), torch.sin(angle), torch.cos(angle)], -1).view(-1, 2, 2)
    points = torch.einsum("btjc,bdc->btjd", points * stretch[:, None, None], turn)

    low, high = _box(points, seen, (1, 2))
    size = (high - low).norm(dim=-1, keepdim=True) / 3  # near a torso's length
    noise = torch.randn(points.shape, generator=generator) * uniform(batch)[:, None, None, None]
    points = points + noise * size * how.jitter

    made_up = _MADE_UP_MASKS[(uniform(batch) * len(_MADE_UP)).long()] & (uniform(batch) < how.made_up)[:, None]
    points, confidence = _make_up(points, confidence, made_up[:, None], size, generator)

    drop_share = uniform(batch) * how.joint_dropout
    whole = uniform(batch, 1, skeleton.COUNT) < drop_share[:, None, None] / 2
    single = uniform(batch, length, skeleton.COUNT) < drop_share[:, None, None] / 2
    part = _PART_MASKS[(uniform(batch) * len(_PARTS)).long()] & (uniform(batch) < how.part_dropout)[:, None]
    kept = seen & ~whole & ~single & ~part[:, None]

    low, high = _box(points, seen, (2,))
    square = (points - low) / (high - low).clamp(min=1e-3)
    squared = uniform(batch) < how.squared
    points = torch.where(squared[:, None, None, None], square, points)

    strange = confidence[torch.randperm(batch, generator=generator)]
    strange = torch.where(strange > 0, strange, confidence)
    confidence = torch.where((uniform(batch) < how.strange_confidence)[:, None, None], strange, confidence)
    sure = uniform(batch) < torch.where(squared, _SURE_IF_SQUARED, how.sure)
    confidence = torch.where(sure[:, None, None], torch.ones_like(confidence), confidence)

    keypoints = torch.cat([points, confidence[..., None]], -1) * kept[..., None]
    start = (uniform(batch) * length).long() * (uniform(batch) < how.short_history)
    samples = torch.arange(length)[None]
    keypoints = keypoints.gather(1, torch.maximum(samples, start[:, None])[:, :, None, None].expand_as(keypoints))
    return keypoints, torch.where(samples < start[:, None], -1, origin)


def _make_up(
    points: Tensor, confidence: Tensor, which: Tensor, size: Tensor, generator: torch.Generator
) -> tuple[Tensor, Tensor]:
    """Put the joints `which` (B, 1, 17) near other joints, as a pose model does that sees no legs: it finds some."""
    batch, _, joints = which.shape
    near = torch.randint(joints, (batch, 1, joints), generator=generator).expand(confidence.shape)
    share = 0.4 + 0.6 * torch.rand(batch, 1, joints, 1, generator=generator)
    offset = 0.2 * size * torch.randn(batch, 1, joints, 2, generator=generator)
    other = points.gather(2, near[..., None].expand_as(points))
    moved = points + share * (other - points) + offset
    known = confidence.gather(2, near) > 0
    doubt = 0.2 + 0.8 * torch.rand(batch, 1, joints, generator=generator)
    which = which & known & (confidence > 0)
    return torch.where(which[..., None], moved, points), torch.where(which, confidence * doubt, confidence)


def _warp(keypoints: Tensor, speed: Tensor) -> tuple[Tensor, Tensor]:
    """Windows in which time passes `speed` (B,) times as fast, with the same newest sample; and the sample each
    comes from, int64 (B, T), -1 before the window's beginning."""
    length = keypoints.shape[1]
    place = (length - 1) + (torch.arange(length) - (length - 1)) * speed[:, None]
    inside = place >= 0
    place = place.clamp(min=0)
    older = place.floor().long()
    share = (place - older)[..., None, None]
    newer = (older + 1).clamp(max=length - 1)
    one, two = (keypoints.gather(1, i[:, :, None, None].expand_as(keypoints)) for i in (older, newer))
    both = ((one[..., 2:] > 0) & (two[..., 2:] > 0)) | (share == 0)
    return (one * (1 - share) + two * share) * both, torch.where(inside, place.round().long(), -1)


def _box(points: Tensor, seen: Tensor, over: tuple[int, ...]) -> tuple[Tensor, Tensor]:
    """The lowest and highest x and y of the joints that are seen, over the dimensions `over`, which are kept."""
    hidden = (~seen)[..., None] * 1e6
    low = (points + hidden).amin(over, keepdim=True)
    return low, torch.maximum((points - hidden).amax(over, keepdim=True), low)
