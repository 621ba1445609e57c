"""Ultralytics pose checkpoints as float ONNX files; how they are read and written is in `keypoints.checkpoint`."""

from __future__ import annotations

import shutil
from pathlib import Path
from typing import Any

from keypoints.checkpoint import load_network, open_yolo, require, save_network

__all__ = ["load_network", "open_copy", "own_pictures", "require", "save_network", "to_onnx"]


def to_onnx(checkpoint: Path, folder: Path, size: tuple[int, int]) -> Path:
    """Let Ultralytics write the float ONNX file into `folder`, in forms of the same that ONNX Runtime is faster at."""
    from compression.joins import multiply_small

    yolo = open_copy(checkpoint, folder)
    head = yolo.model.model[-1]
    if type(getattr(head, "dfl", None)).__name__ == "DFL":  # YOLO26 has no bins
        from compression.boxes import Expectation

        head.dfl = Expectation(head.reg_max)
    exported = Path(yolo.export(format="onnx", imgsz=list(size), simplify=True, verbose=False))
    multiply_small(exported, exported)
    return exported


def open_copy(checkpoint: Path, folder: Path) -> Any:
    """The `ultralytics.YOLO` of a copy in `folder`: what it exports lies beside it, and the checkpoint's own folder may
    be read-only."""
    require(checkpoint)
    own = folder / "checkpoint.pt"
    shutil.copyfile(checkpoint, own)
    return open_yolo(own, checkpoint)


def own_pictures() -> list[Path]:
    """The two photographs that come with Ultralytics."""
    from ultralytics.utils import ASSETS

    return sorted(ASSETS.glob("*.jpg"))
