"""An Ultralytics pose checkpoint as a float ONNX file, and as the network to compare an export with."""

from __future__ import annotations

import logging
import os
import pickle
import shutil
from pathlib import Path
from typing import Any

from keypoints.errors import InputError, ModelError


def require(checkpoint: Path) -> None:
    """Raise InputError, with the place to get one, when there is no such checkpoint."""
    if not checkpoint.is_file():
        hint = "get one from https://github.com/ultralytics/assets/releases and give its path"
        raise InputError("no such checkpoint", file=checkpoint, hint=hint)


def to_onnx(checkpoint: Path, folder: Path, size: tuple[int, int]) -> tuple[Path, Any]:
    """Let Ultralytics write the float ONNX file into `folder`; also the torch network, to compare with."""
    require(checkpoint)
    os.environ.setdefault("YOLO_AUTOINSTALL", "false")  # Ultralytics would run pip by itself
    from ultralytics import YOLO

    logging.getLogger("ultralytics").setLevel(logging.ERROR)
    copy = folder / "checkpoint.pt"  # Ultralytics writes beside the checkpoint, which may be read-only
    shutil.copyfile(checkpoint, copy)
    try:
        yolo = YOLO(copy)
    except (pickle.UnpicklingError, RuntimeError, EOFError, KeyError, AttributeError, TypeError, OSError):
        # What Ultralytics says here recommends models of its own and names the copy.
        raise ModelError("not an Ultralytics checkpoint", file=checkpoint, expected="a YOLO pose .pt file") from None
    head = yolo.model.model[-1]
    joints = tuple(getattr(head, "kpt_shape", ()))
    if yolo.task != "pose" or joints != (17, 3):
        raise ModelError("not a pose model", file=checkpoint, field="task and keypoints", expected="pose, (17, 3)",
                         found=f"{yolo.task}, {joints or 'no keypoints'}")  # fmt: skip
    written = Path(yolo.export(format="onnx", imgsz=list(size), simplify=True, verbose=False))
    return written, YOLO(copy).model.float().eval()


def own_pictures() -> list[Path]:
    """The two photographs that come with Ultralytics."""
    from ultralytics.utils import ASSETS

    return sorted(ASSETS.glob("*.jpg"))
