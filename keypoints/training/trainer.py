"""Ultralytics' pose trainer on the very network that it is given, pruned or not, on pictures that were looked at.

What differs from theirs: a network keeps its shape, also when a run goes on (theirs builds it again from its yaml);
nothing is fetched, reported or written beside the user's pictures, and no pickled cache is read from there; checkpoints
appear whole, hold the weights themselves beside their moving average, in float, and each epoch draws its chance by its
number, so that a run that was killed ends in the same weights on the same machine.
"""

from __future__ import annotations

import copy
import io
import os
import random
import shutil
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import distributed, nn
from ultralytics.data.dataset import YOLODataset
from ultralytics.models.yolo.pose import PoseTrainer, PoseValidator
from ultralytics.utils import DEFAULT_CFG
from ultralytics.utils.torch_utils import ModelEMA, unwrap_model

from configs.pose_training import TrainPose
from keypoints import skeleton
from keypoints.errors import InputError, RepSightError
from keypoints.files import whole
from keypoints.told import Report, nothing
from keypoints.training.loss import pose_loss
from keypoints.training.pictures import UNKNOWN, Picture, Pictures

#: Below so many bytes a disk is full.
_FULL = 10_000_000


@dataclass(slots=True)
class Watch:
    """Who is told how it goes: `report` each epoch's figures, `progress` steps done and steps in all."""

    report: Report = nothing
    progress: Callable[[int, int], None] = nothing
    curve: list[dict[str, float]] = field(default_factory=list)


class _Labelled(YOLODataset):
    """The pictures that were looked at; their labels come with them."""

    npy_files: list[Path]  # Ultralytics names no types

    def __init__(self, pictures: Sequence[Picture], unknown: bool, **settings: Any) -> None:
        self.pictures, self.unknown = pictures, unknown
        super().__init__(img_path="", task="pose", **settings)
        # It would take a NAME.npy beside a picture for the picture, and remove it if it is none.
        self.npy_files = [Path(os.devnull) / "none" for _ in self.npy_files]

    def get_img_files(self, img_path: str) -> list[str]:
        return [str(one.file) for one in self.pictures]

    def get_labels(self) -> list[dict[str, Any]]:
        return [self.label(one, self.unknown) for one in self.pictures]

    @staticmethod
    def label(one: Picture, unknown: bool) -> dict[str, Any]:
        """A picture's people as Ultralytics has them. unknown: joints that are not labelled are not to be judged."""
        joints = one.people[:, 5:].reshape(-1, skeleton.COUNT, 3).copy()
        if unknown:
            # At the box's middle, so that no view cuts it off from the person: what is cut off is not there.
            joints = np.where(joints[..., 2:] > 0, joints, UNKNOWN)
            joints[..., :2] = np.where(joints[..., 2:] == UNKNOWN, one.people[:, None, 1:3], joints[..., :2])
        return {
            "im_file": str(one.file), "shape": one.size, "cls": one.people[:, :1].copy(),
            "bboxes": one.people[:, 1:5].copy(), "segments": [], "keypoints": joints.astype(np.float32),
            "normalized": True, "bbox_format": "xywh",
        }  # fmt: skip

    def forget(self) -> None:
        """Let go of the pictures that mosaics are made of: an epoch is to begin as it would in another process."""
        for i in self.buffer:
            self.ims[i] = self.im_hw0[i] = self.im_hw[i] = None
        self.buffer.clear()


class Trainer(PoseTrainer):
    """One training, from `base` or on from `folder`/last.pt; `folder` holds what it keeps."""

    # Ultralytics names no types. The model is a path first, then a network, then perhaps one over several processes.
    model: Any
    ema: ModelEMA
    batch_size: int

    def __init__(
        self, config: TrainPose, pictures: Pictures, base: Path, folder: Path, device: str, watch: Watch
    ) -> None:
        self.config, self.pictures, self.watch = config, pictures, watch
        last = folder / "last.pt"
        self.resume = last.is_file()
        super().__init__(DEFAULT_CFG, _overrides(config, last if self.resume else base, folder, device))
        self.last, self.best = last, folder / "best.pt"
        torch.set_num_threads(config.threads)
        processes = int(os.environ.get("WORLD_SIZE", "1"))
        if self.device.type == "cpu" and processes > 1:  # theirs knows several processes on GPUs alone
            self.world_size = processes

    # ------------------------------------------------------------------------------------------- what it begins with

    def check_resume(self, overrides: dict[str, Any]) -> None:
        """Whether it goes on is known."""

    def get_dataset(self) -> dict[str, Any]:
        return {"train": "train", "val": "val", "names": {0: "person"}, "nc": 1, "channels": 3, "path": "",
                "kpt_shape": [skeleton.COUNT, 3], "flip_idx": list(skeleton.MIRROR),
                "kpt_names": {0: list(skeleton.NAMES)}}  # fmt: skip

    def get_model(self, cfg: Any = None, weights: Any = None, verbose: bool = True) -> nn.Module:
        weights.criterion = None
        network: nn.Module = weights
        return network

    def set_model_attributes(self) -> None:
        super().set_model_attributes()
        if self.config.unlabelled_joints == "unknown":
            self.model.init_criterion = partial(pose_loss, self.model)

    def build_dataset(self, img_path: str, mode: str = "train", batch: int | None = None) -> _Labelled:
        training = mode == "train"
        part = self.pictures.train if training else self.pictures.validation
        return _Labelled(
            part, training and self.config.unlabelled_joints == "unknown", imgsz=self.args.imgsz, batch_size=batch,
            augment=training, hyp=self.args, rect=not training, cache=None, stride=self.stride,
            pad=0.0 if training else 0.5, data=self.data,
        )  # fmt: skip

    def get_validator(self) -> PoseValidator:
        return PoseValidator(self.test_loader, save_dir=self.save_dir, args=copy.copy(self.args))

    def _setup_ddp(self) -> None:
        if self.device.type == "cpu":
            distributed.init_process_group("gloo")
        else:
            super()._setup_ddp()

    def _setup_train(self) -> None:
        processes = self.world_size
        if self.device.type != "cpu" or processes < 2:
            super()._setup_train()
            return
        self.world_size, self.batch_size = 0, self.batch_size // processes
        self.args.nbs = self.batch_size
        super()._setup_train()
        self.model = nn.parallel.DistributedDataParallel(self.model, find_unused_parameters=True)
        self.world_size = processes

    def _load_checkpoint_state(self, ckpt: dict[str, Any]) -> None:
        super()._load_checkpoint_state(ckpt)
        network = unwrap_model(self.model)
        average = self.ema.ema.state_dict()
        network.load_state_dict(ckpt["network"])
        self.ema = ModelEMA(network, updates=ckpt["updates"])
        self.ema.ema.load_state_dict(average)
        self.watch.curve[:] = ckpt["curve"]

    def optimizer_step(self) -> None:
        super().optimizer_step()
        network = unwrap_model(self.model)
        for name, mask in getattr(network, "masks", {}).items():  # of a masked base: zeros stay zero
            for one in (network, self.ema.ema):
                one.get_parameter(name).data.masked_fill_(~mask.to(self.device), 0.0)

    # ------------------------------------------------------------------------------------------------ what it tells

    def run_callbacks(self, event: str) -> None:
        """In place of those of Ultralytics, which report to others and download."""
        if event == "on_train_epoch_start":
            self._begin_epoch()
        elif event == "on_train_batch_end":
            self._step += 1
            self.watch.progress(self._step, self.epochs * len(self.train_loader))

    def _begin_epoch(self) -> None:
        seed = (self.config.seed * 100_003 + self.epoch) * 64 + max(0, int(os.environ.get("RANK", "0")))
        random.seed(seed)
        np.random.seed(seed % 2**32)  # noqa: NPY002 (theirs draws from it)
        torch.manual_seed(seed)
        self.train_loader.generator.manual_seed(seed)
        self.train_loader.dataset.forget()
        self.train_loader.reset()
        self._step = self.epoch * len(self.train_loader)
        self._began = time.monotonic()

    def save_metrics(self, metrics: dict[str, float]) -> None:
        """One epoch's figures: losses by their parts, average precision, the rate at its end."""
        parts = {name: {key.removeprefix(f"{name}/"): float(value) for key, value in metrics.items()
                        if key.startswith(f"{name}/")} for name in ("train", "val")}  # fmt: skip
        point = {
            "epoch": float(self.epoch + 1), "training_loss": sum(parts["train"].values()),
            "loss": sum(parts["val"].values()), "pose_ap": metrics["metrics/mAP50-95(P)"],
            "pose_ap50": metrics["metrics/mAP50(P)"], "box_ap": metrics["metrics/mAP50-95(B)"],
            "learning_rate": self.optimizer.param_groups[0]["lr"], "fitness": float(self.fitness),
            "seconds": round(time.monotonic() - self._began, 2),
        }  # fmt: skip
        point |= {f"training_{name}": value for name, value in parts["train"].items()}
        point |= {f"validation_{name}": value for name, value in parts["val"].items()}
        self.watch.curve.append({name: float(value) for name, value in point.items()})

    def _handle_nan_recovery(self, epoch: int) -> bool:
        if self.loss is not None and not bool(torch.isfinite(self.loss)):
            raise RepSightError(f"the loss is no number any more in epoch {epoch + 1}: lower learning_rate")
        return False

    # ------------------------------------------------------------------------------------------------ what it keeps

    def save_model(self) -> bool:
        network = unwrap_model(self.model)
        average = copy.deepcopy(self.ema.ema).float().to(memory_format=torch.contiguous_format)
        average.criterion = None
        average.__dict__.pop("init_criterion", None)
        args = {name: value for name, value in vars(self.args).items() if name in ("task", "imgsz", "single_cls")}
        average.args = args
        content = {
            "epoch": self.epoch, "best_fitness": self.best_fitness, "model": None, "ema": average,
            "stopper": {"best_fitness": self.stopper.best_fitness, "best_epoch": self.stopper.best_epoch},
            "updates": self.ema.updates, "network": network.state_dict(), "optimizer": self.optimizer.state_dict(),
            "scaler": self.scaler.state_dict(), "train_args": args, "curve": self.watch.curve,
            "done": bool(self.stop), "license": "AGPL-3.0",
        }  # fmt: skip
        buffer = io.BytesIO()
        torch.save(content, buffer)
        # The better one first: when it goes on, it may be the one that this epoch made, but is never missing.
        for path in [self.best] * (self.best_fitness == self.fitness) + [self.last]:
            try:
                with whole(path) as partial:
                    partial.write_bytes(buffer.getbuffer())
            except OSError as error:
                raise no_room(path, error) from None
        self.watch.report(self.watch.curve[-1])
        return True

    def final_eval(self) -> None:
        """Every epoch was measured as it ended."""


def no_room(path: Path, error: OSError) -> InputError:
    """What is said when `path` can't be written."""
    hint = None
    if shutil.disk_usage(path.parent).free < _FULL:
        hint = "make room; the same command with --resume goes on from the last whole epoch"
    return InputError(f"can't be written: {error.strerror}", file=path, hint=hint)


def _overrides(config: TrainPose, model: Path, folder: Path, device: str) -> dict[str, Any]:
    """The settings in Ultralytics' own words."""
    half = config.mixed_precision and device != "cpu" and torch.cuda.is_bf16_supported()
    augment = config.augment
    return {
        "model": str(model), "save_dir": str(folder), "device": device, "imgsz": config.side,
        "epochs": config.epochs, "patience": config.patience, "batch": config.batch, "workers": config.workers,
        # One step of the optimizer a batch: gradients that are gathered over the end of an epoch would be lost.
        "nbs": config.batch,
        "freeze": config.freeze, "optimizer": config.optimizer, "lr0": config.learning_rate, "lrf": config.last_rate,
        "cos_lr": config.schedule == "cosine", "warmup_epochs": config.warm_up_epochs, "warmup_bias_lr": 0.0,
        "momentum": 0.9, "weight_decay": config.weight_decay, "seed": config.seed,
        # Theirs tries mixed precision with a model that it downloads, but for this kind.
        "amp": "bf16" if half else False,
        "plots": False, "save": True, "val": True, "verbose": False, "cache": False, "exist_ok": True,
        "mosaic": augment.mosaic, "close_mosaic": augment.whole_at_end, "fliplr": augment.flip,
        "degrees": augment.rotate_deg, "translate": augment.shift, "scale": augment.scale, "hsv_h": augment.hue,
        "hsv_s": augment.saturation, "hsv_v": augment.brightness, "erasing": 0.0,
    }  # fmt: skip
