"""Clips as training sees them: begun anywhere, cropped, mirrored, in another light."""

from __future__ import annotations

import cv2
import numpy as np
from numpy.typing import NDArray

from classifier.baselines.clips import Pictures, clip
from configs.baselines import PixelAugment


def varied(
    pictures: Pictures, frames: int, side: int, augment: PixelAugment, rng: np.random.Generator
) -> NDArray[np.uint8]:
    """One clip uint8 (frames, side, side, 3) of a video's pictures, varied; the same crop and light throughout."""
    start = int(rng.integers(max(0, len(pictures) - frames) + 1))
    taken = clip(pictures, start, frames)
    size = taken.shape[1]
    height, width = (max(1, round(size * float(rng.uniform(augment.crop, 1)))) for _ in range(2))
    top, left = int(rng.integers(size - height + 1)), int(rng.integers(size - width + 1))
    mirrored = rng.random() < augment.flip
    contrast, light = 1 + rng.uniform(-augment.light, augment.light, 2)
    levels = np.clip((np.arange(256) - 128) * contrast + 128 * light, 0, 255).astype(np.uint8)
    made = np.empty((frames, side, side, 3), np.uint8)
    for number, picture in enumerate(taken):
        cut = cv2.resize(picture[top : top + height, left : left + width], (side, side), interpolation=cv2.INTER_AREA)
        made[number] = levels[cut[:, ::-1] if mirrored else cut]
    return made
