"""Train a head: labelled sequences in, the best model out; a killed run goes on where it stopped."""

from __future__ import annotations

import json
import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn

from classifier.augment import augment
from classifier.examples import UNKNOWN, Examples
from classifier.export import round_weights
from classifier.heads import HeadModel
from classifier.parts import split_by_subject
from classifier.restore import begin
from classifier.saved import safely_loaded
from configs.schema import TrainHead
from keypoints.errors import InputError
from keypoints.files import whole
from keypoints.told import Report, nothing

#: What another loss makes of that of a batch: given it, keypoints (B, T, 17, 3), logits (B, P, C), phases (B, P, 2).
Beside = Callable[[Tensor, Tensor, Tensor, Tensor], Tensor]


@dataclass(frozen=True, slots=True)
class Trained:
    """The best model of a run. metrics: of that model on the validation part; curve: every epoch's metrics."""

    model: HeadModel
    temperature: float
    metrics: dict[str, float]
    curve: list[dict[str, float]] = field(default_factory=list)


def train(
    examples: Examples,
    subjects: Sequence[str],
    classes: int,
    config: TrainHead,
    checkpoint: Path | None = None,
    report: Report = nothing,
    *,
    start: HeadModel | None = None,
    beside: Beside = lambda loss, keypoints, logits, phase: loss,
    keep: Callable[[nn.Module], None] = lambda model: None,
) -> Trained:
    """Train on `examples`, keep the epoch with the lowest validation loss, and calibrate its temperature.

    checkpoint: written after every epoch; when the file is there the run goes on from it, and ends in the same
    weights as a run that was never stopped. start: the model to train, in place of what `config` says to begin with.
    beside: adds to the loss of a batch. keep: is called whenever the weights have changed, to hold some of them.
    """
    torch.manual_seed(config.seed)
    torch.set_num_threads(config.threads)
    training, validation = split_by_subject(examples, subjects, config.validation, config.seed)
    windows = Windows(examples)
    held_out = windows[torch.from_numpy(validation)]

    model = start or begin(config, classes)
    optimizer = torch.optim.AdamW(model.parameters(), config.learning_rate, weight_decay=config.weight_decay)
    steps = math.ceil(len(training) / config.batch)
    schedule = torch.optim.lr_scheduler.OneCycleLR(optimizer, config.learning_rate, total_steps=steps * config.epochs)
    loss_of = _Loss(torch.from_numpy(examples.action[training]), classes, config)
    state: dict[str, Any] = {"epoch": 0, "best": math.inf, "stale": 0, "weights": None, "curve": []}
    if checkpoint is not None and checkpoint.exists():
        state = _restore(checkpoint, model, optimizer, schedule, config)

    while state["epoch"] < config.epochs and state["stale"] < config.patience:
        # The draw of an epoch depends on its number alone, so that a resumed run sees the same windows.
        torch.manual_seed(config.seed * 1000 + state["epoch"])
        generator = torch.Generator().manual_seed(config.seed * 1000 + state["epoch"])
        order = torch.from_numpy(training)[torch.randperm(len(training), generator=generator)]
        model.train()
        total = 0.0
        for batch in torch.split(order, config.batch):
            keypoints, action, phase = windows[batch]
            keypoints, origin = augment(keypoints, config.augment, generator)
            logits, found = model.history(keypoints)
            loss = beside(loss_of(logits, found, *relabelled(action, phase, origin)), keypoints, logits, found)
            optimizer.zero_grad()
            loss.backward()  # type: ignore[no-untyped-call]
            nn.utils.clip_grad_norm_(model.parameters(), 1.0)
            optimizer.step()
            keep(model)
            schedule.step()
            total += float(loss.detach()) * len(batch)
        metrics = validate(model, *held_out, loss_of)
        metrics = {"epoch": state["epoch"] + 1.0, "training_loss": total / len(order), **metrics}
        state["curve"].append(metrics)
        state["epoch"] += 1
        state["stale"] += 1
        if metrics["loss"] < state["best"]:
            state.update(best=metrics["loss"], stale=0, weights={k: v.clone() for k, v in model.state_dict().items()})
        report(metrics)
        if checkpoint is not None:
            _save(checkpoint, model, optimizer, schedule, state, config)

    model.load_state_dict(state["weights"])
    model.eval()
    if config.weights == "int8":
        round_weights(model)
    temperature = calibrate(model, held_out[0], held_out[1][:, -1])
    return Trained(model, temperature, validate(model, *held_out, loss_of), state["curve"])


class Windows:
    """Batches of windows with the labels of all their samples: keypoints (B, T, 17, 3), action (B, T), phase
    (B, T, 2)."""

    def __init__(self, examples: Examples) -> None:
        self._parts = [torch.from_numpy(a) for a in (examples.samples, examples.labels, examples.phases)]
        self._start = torch.from_numpy(examples.start)
        self._within = torch.arange(examples.length)

    def __getitem__(self, which: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        rows = self._start[which][:, None] + self._within
        keypoints, action, phase = (part[rows] for part in self._parts)
        return keypoints, action, phase


def relabelled(action: Tensor, phase: Tensor, origin: Tensor) -> tuple[Tensor, Tensor]:
    """Labels (B, T) and (B, T, 2) after augmentation moved samples; UNKNOWN and (0, 0) where there is none."""
    known = origin >= 0
    origin = origin.clamp(min=0)
    moved = phase.gather(1, origin[..., None].expand_as(phase))
    return torch.where(known, action.gather(1, origin), UNKNOWN), moved * known[..., None]


class _Loss:
    """Cross-entropy of the action, weighted against rare classes, plus the squared error of the known phases.

    It takes every sample that the model answers for, but those with less than a third of a window before them.
    """

    def __init__(self, action: Tensor, classes: int, config: TrainHead) -> None:
        share = torch.bincount(action, minlength=classes).float().clamp(min=1)
        weight = (share.mean() / share).sqrt().clamp(0.5, 2.0)
        self._action = nn.CrossEntropyLoss(weight, label_smoothing=config.label_smoothing, ignore_index=UNKNOWN)
        self._weight = config.phase_weight
        self._answers = config.window - config.window // 3

    def __call__(self, logits: Tensor, phase: Tensor, action: Tensor, true_phase: Tensor) -> Tensor:
        answers = min(self._answers, logits.shape[1])
        logits, phase, action, true_phase = (part[:, -answers:] for part in (logits, phase, action, true_phase))
        known = ((true_phase != 0).any(-1) & (action != UNKNOWN)).float()
        squared = ((phase - true_phase) ** 2).sum(-1)
        phase_loss: Tensor = (squared * known).sum() / known.sum().clamp(min=1)
        loss: Tensor = self._action(logits.flatten(0, 1), action.flatten()) + self._weight * phase_loss
        return loss


@torch.no_grad()
def validate(model: HeadModel, keypoints: Tensor, action: Tensor, phase: Tensor, loss_of: _Loss) -> dict[str, float]:
    """Loss, accuracy of the action, and mean absolute error of the share of the range of motion."""
    model.eval()
    parts = [model(k) for k in torch.split(keypoints, 4096)]
    logits, found = (torch.cat(p) for p in zip(*parts, strict=True))
    action, phase = action[:, -1], phase[:, -1]
    known = (phase != 0).any(1)
    error = ((found[:, 0] - phase[:, 0]).abs() / 2)[known]
    return {
        "loss": float(loss_of(logits[:, None], found[:, None], action[:, None], phase[:, None])),
        "accuracy": float((logits.argmax(1) == action).float().mean()),
        "excursion_error": float(error.mean()) if len(error) else math.nan,
    }


@torch.no_grad()
def _logits(model: HeadModel, keypoints: Tensor) -> Tensor:
    return torch.cat([model(k)[0] for k in torch.split(keypoints, 4096)])


@torch.no_grad()
def calibrate(model: HeadModel, keypoints: Tensor, action: Tensor) -> float:
    """The temperature that minimises the log loss on the validation part.

    Guo et al., "On Calibration of Modern Neural Networks" (2017).
    """
    logits = _logits(model, keypoints)
    # One number to find: trying them all can't diverge, as a gradient did on few examples.
    tried = torch.logspace(-1, 1, 101)
    losses = torch.stack([nn.functional.cross_entropy(logits / t, action) for t in tried])
    return float(tried[losses.argmin()])


def _save(
    path: Path, model: nn.Module, optimizer: Any, schedule: Any, state: dict[str, Any], config: TrainHead
) -> None:
    content = {
        "model": model.state_dict(), "optimizer": optimizer.state_dict(), "schedule": schedule.state_dict(),
        "state": state, "config": config.model_dump_json(),
    }  # fmt: skip
    with whole(path) as partial:
        torch.save(content, partial)


def _restore(path: Path, model: nn.Module, optimizer: Any, schedule: Any, config: TrainHead) -> dict[str, Any]:
    """Go on from a checkpoint. Raises InputError when it is none, or one of other settings."""
    try:
        content = safely_loaded(path)
        before = json.loads(content["config"])
    except (KeyError, TypeError, ValueError):
        raise InputError("not a checkpoint, or a damaged one", file=path, hint="train without --resume") from None
    now = config.model_dump(mode="json")
    other = [name for name in now if before.get(name) != now[name]]
    if other:
        raise InputError("made with other settings", file=path, field="config",
                         expected=", ".join(f"{name}={before.get(name)}" for name in other),
                         found=", ".join(f"{name}={now[name]}" for name in other),
                         hint="train without --resume, or with the settings it began with")  # fmt: skip
    model.load_state_dict(content["model"])
    optimizer.load_state_dict(content["optimizer"])
    schedule.load_state_dict(content["schedule"])
    state: dict[str, Any] = content["state"]
    return state
