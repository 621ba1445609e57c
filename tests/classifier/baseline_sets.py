"""Tiny labelled videos and pictures for the tests of pixel baselines, and the settings of tiny networks."""

from __future__ import annotations

from pathlib import Path

import cv2
import numpy as np

#: Settings of networks that train in a second.
TINY = {
    "vit": ["width=16", "side=32", "views=2"],
    "r3d": ["width=4", "side=32", "frames=4", "views=2"],
    "slowfast": ["width=8", "side=32", "frames=8", "views=2"],
}
FAST = ["threads=1", "pretrained=false", "device=cpu", "tensorrt=false", "epochs=2", "batch=4"]


def film(path: Path, level: int, number: int, frames: int = 12, fps: float = 8.0) -> Path:
    """A video of 40 x 32 px on which a square of some brightness wanders over grey."""
    path.parent.mkdir(parents=True, exist_ok=True)
    writer = cv2.VideoWriter(str(path), cv2.VideoWriter.fourcc(*"MJPG"), fps, (40, 32))
    for i in range(frames):
        image = np.full((32, 40, 3), 100 + number, np.uint8)
        x = (3 * i + 5 * number) % 20
        image[6:26, x : x + 18] = level
        writer.write(image)
    writer.release()
    return path


def films(folder: Path, each: int = 4) -> Path:
    """A set of two classes that a single picture tells apart."""
    for number in range(each):
        film(folder / "squat" / f"{number}.avi", 250, number)
        film(folder / "lunge" / f"{number}.avi", 5, number)
    return folder


def parted(folder: Path) -> Path:
    """The same as train/, validation/ and test/."""
    for part, each in (("train", 4), ("validation", 2), ("test", 2)):
        films(folder / part, each)
    return folder


def pictures(folder: Path, each: int = 4) -> Path:
    """A set of pictures."""
    for number in range(each):
        for label, level in (("squat", 250), ("lunge", 5)):
            path = folder / label / f"{number}.png"
            path.parent.mkdir(parents=True, exist_ok=True)
            cv2.imwrite(str(path), np.full((40, 40, 3), level - number % 3, np.uint8))
    return folder
