"""A pose network of a few thousand weights, and pictures of one bright figure each, for tests that train."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import cv2
import numpy as np

from compression.images import ABSENT, SEEN, Picture, jpeg
from data.synthesize import yolo_label


def network(width: float = 0.0625, seed: int = 0, family: str = "yolo11") -> Any:
    """The architecture of a nano pose model, narrower."""
    import torch
    from ultralytics.nn.tasks import PoseModel, yaml_model_load

    torch.manual_seed(seed)
    shape = yaml_model_load(f"{family}n-pose.yaml")
    shape.update(scale="n", scales={"n": [0.33, width, 128]}, nc=1)
    made = PoseModel(shape, ch=3, verbose=False)
    made.task = "pose"
    return made.eval()


def figure(rng: np.random.Generator, size: int = 96) -> Picture:
    """A bright box with 17 joints in rows, somewhere on dark ground; ankles are out of sight."""
    image = rng.integers(0, 60, (size, size, 3)).astype(np.uint8)
    width, height = rng.integers(30, 44), rng.integers(48, 64)
    x, y = rng.integers(2, size - width - 2), rng.integers(2, size - height - 2)
    cv2.rectangle(image, (int(x), int(y)), (int(x + width), int(y + height)), (60, 220, 240), -1)
    rows, columns = np.divmod(np.arange(17), 3)
    points = np.column_stack([x + width * (columns + 0.5) / 3, y + height * (rows + 0.5) / 6, np.full(17, SEEN)])
    points[15:] = (0, 0, ABSENT)
    box = np.array([[x, y, x + width, y + height]], np.float32)
    return Picture(jpeg(image), box, points[None].astype(np.float32))


def folder(path: Path, count: int = 4, seed: int = 0, labelled: bool = True) -> Path:
    """A folder of such figures, in the layout of YOLO."""
    rng = np.random.default_rng(seed)
    for name in ("images", "labels")[: 1 + labelled]:
        (path / name).mkdir(parents=True, exist_ok=True)
    for number in range(count):
        picture = figure(rng)
        (path / "images" / f"{number:03}.jpg").write_bytes(picture.encoded)
        if labelled:
            text = yolo_label(picture.keypoints[0], picture.boxes[0], (96, 96))
            (path / "labels" / f"{number:03}.txt").write_text(text)
    return path
