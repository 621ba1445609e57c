"""Ultralytics pose checkpoints: read, written, and as a float ONNX file."""

from __future__ import annotations

import copy
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


def load_network(checkpoint: Path) -> Any:
    """The float torch network of a checkpoint, ready to be run: its own shape, pruned or not, batch norms unfolded.

    Raises InputError when there is no such file, ModelError when it is no pose model of 17 keypoints.
    """
    require(checkpoint)
    return open_yolo(checkpoint, checkpoint).model.float().eval()


def save_network(network: Any, path: Path) -> None:
    """Write a network as an Ultralytics checkpoint, in float, that loads again with the shape it has.

    `ultralytics.YOLO(path)` predicts, validates and exports with it wherever this package can be imported.
    """
    import torch
    import ultralytics

    args = getattr(network, "args", {"task": "pose"})
    args = args if isinstance(args, dict) else vars(args)
    network = copy.deepcopy(network).float().eval()
    network.requires_grad_(True)
    network.args = {name: args[name] for name in ("task", "imgsz", "single_cls") if name in args}
    network.criterion = None
    content = {"epoch": -1, "best_fitness": None, "model": network, "ema": None, "updates": None, "optimizer": None,
               "train_args": network.args, "version": ultralytics.__version__, "license": "AGPL-3.0"}  # fmt: skip
    torch.save(content, path)


def open_yolo(file: Path, checkpoint: Path) -> Any:
    """The `ultralytics.YOLO` of `file`, which is (a copy of) `checkpoint`."""
    os.environ.setdefault("YOLO_AUTOINSTALL", "false")  # Ultralytics would run pip by itself
    from ultralytics import YOLO

    logging.getLogger("ultralytics").setLevel(logging.ERROR)
    try:
        yolo = YOLO(file)
    except (pickle.UnpicklingError, RuntimeError, EOFError, KeyError, AttributeError, TypeError, OSError):
        # What Ultralytics says here recommends models of its own and names the copy.
        raise ModelError("not an Ultralytics checkpoint", file=checkpoint, expected="a YOLO pose .pt file") from None
    head = yolo.model.model[-1]
    joints = tuple(getattr(head, "kpt_shape", ()))
    if yolo.task != "pose" or joints != (17, 3):
        raise ModelError("not a pose model", file=checkpoint, field="task and keypoints", expected="pose, (17, 3)",
                         found=f"{yolo.task}, {joints or 'no keypoints'}")  # fmt: skip
    return yolo


def own_pictures() -> list[Path]:
    """The two photographs that come with Ultralytics."""
    from ultralytics.utils import ASSETS

    return sorted(ASSETS.glob("*.jpg"))
