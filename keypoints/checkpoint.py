"""Ultralytics pose checkpoints, read and written: networks of any shape, pruned or not."""

from __future__ import annotations

import copy
import logging
import os
import pickle
from pathlib import Path
from typing import Any

from keypoints.errors import InputError, ModelError

#: Said where a user names a checkpoint.
WARNING = "a checkpoint is a Python pickle: loading it runs what its maker put into it, so use those that you trust"

#: Where checkpoints are; nothing here fetches them by itself.
PLACE = "get one from https://github.com/ultralytics/assets/releases"


def require(checkpoint: Path) -> None:
    """Raise InputError, with the place to get one, when there is no such checkpoint."""
    if not checkpoint.is_file():
        raise InputError("no such checkpoint", file=checkpoint, hint=f"{PLACE} and give its path")


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
    network.__dict__.pop("pt_path", None)  # where it was read from is nobody's business
    content = {"epoch": -1, "best_fitness": None, "model": network, "ema": None, "updates": None, "optimizer": None,
               "train_args": network.args, "version": ultralytics.__version__, "license": "AGPL-3.0"}  # fmt: skip
    torch.save(content, path)


def open_yolo(file: Path, checkpoint: Path) -> Any:
    """The `ultralytics.YOLO` of `file`, which is (a copy of) `checkpoint`."""
    keep_to_itself()
    from ultralytics import YOLO

    try:
        yolo = YOLO(file)
    except (pickle.UnpicklingError, RuntimeError, EOFError, KeyError, AttributeError, TypeError, OSError):
        # What Ultralytics says here recommends models of its own and names the copy.
        raise ModelError("not an Ultralytics checkpoint", file=checkpoint, expected="a YOLO pose .pt file") from None
    if isinstance(yolo.model, str):  # it takes exported files as well, and leaves them to its predictors
        raise ModelError("not an Ultralytics checkpoint", file=checkpoint, expected="a YOLO pose .pt file")
    head = yolo.model.model[-1]
    joints = tuple(getattr(head, "kpt_shape", ()))
    if yolo.task != "pose" or joints != (17, 3):
        raise ModelError("not a pose model", file=checkpoint, field="task and keypoints", expected="pose, (17, 3)",
                         found=f"{yolo.task}, {joints or 'no keypoints'}")  # fmt: skip
    return yolo


def keep_to_itself() -> None:
    """Keep Ultralytics, which is loaded next, from running pip, from the network, and from writing to the terminal."""
    for name, value in (("YOLO_AUTOINSTALL", "false"), ("YOLO_OFFLINE", "true")):
        os.environ.setdefault(name, value)
    import ultralytics  # noqa: F401  (sets its logger up, and would raise the level again)

    logging.getLogger("ultralytics").setLevel(logging.ERROR)
