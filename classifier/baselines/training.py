"""Train a baseline: pictures of labelled videos in, the best network out; a killed run goes on where it stopped."""

from __future__ import annotations

import hashlib
import json
import math
import time
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn

from classifier.baselines.clips import Pictures, resized, whole_views
from classifier.baselines.network import Network, begin
from classifier.baselines.varied import varied
from classifier.saved import safely_loaded
from configs.baselines import OF_THE_MACHINE, TrainBaseline
from keypoints.errors import InputError
from keypoints.files import whole
from keypoints.told import Report, Say, nothing


@dataclass(frozen=True, slots=True)
class Labelled:
    """What is learnt from: the pictures of each video, a little larger than the network's, and its class by number."""

    pictures: Sequence[Pictures]
    classes: Sequence[int]


@dataclass(frozen=True, slots=True)
class Fitted:
    """The best network of a run. metrics: of that network on the validation part; weights: what it began with;
    seconds: what the training of its epochs took, without their validation: of the processor, or with a GPU of the
    clock; curve: every epoch's metrics."""

    network: Network
    metrics: dict[str, float]
    weights: str
    seconds: float
    curve: list[dict[str, float]] = field(default_factory=list)


def device_of(settings: TrainBaseline) -> torch.device:
    """Where it is trained. Raises InputError for a GPU that is not there."""
    there = torch.cuda.is_available()
    if settings.device == "cuda" and not there:
        raise InputError("no such device here", field="device", expected="auto or cpu", found="cuda")
    return torch.device("cuda" if there and settings.device != "cpu" else "cpu")


def fit(
    training: Labelled,
    validation: Labelled,
    classes: int,
    settings: TrainBaseline,
    checkpoint: Path,
    report: Report = nothing,
    say: Say = nothing,
) -> Fitted:
    """Train on `training`, keep the epoch with the lowest loss on `validation`; settings: `resolved`.

    checkpoint: written after every epoch; when the file is there the run goes on from it, and ends in the same
    weights as a run that was never stopped. Raises InputError when it was made with other settings.
    """
    torch.set_num_threads(settings.threads)
    device = device_of(settings)
    # What other programs on the machine take is no cost of a training.
    clock = time.process_time if device.type == "cpu" else time.perf_counter
    kept = _read(checkpoint, settings, training) if checkpoint.exists() else None
    if kept is None:
        network, weights = begin(settings, classes, say)
    else:
        network, weights = Network(settings, classes), kept["weights"]
    network.to(device)
    wanted = [parameter for parameter in network.parameters() if parameter.requires_grad]
    optimizer = torch.optim.AdamW(wanted, settings.learning_rate, weight_decay=settings.weight_decay)
    steps = math.ceil(len(training.classes) / settings.batch) * settings.epochs
    schedule = torch.optim.lr_scheduler.OneCycleLR(optimizer, settings.learning_rate, total_steps=steps)
    loss_of = nn.CrossEntropyLoss(label_smoothing=settings.label_smoothing)
    state: dict[str, Any] = {"epoch": 0, "best": math.inf, "stale": 0, "curve": [], "seconds": 0.0, "of": None}
    if kept is not None:
        network.load_state_dict(kept["network"])
        optimizer.load_state_dict(kept["optimizer"])
        schedule.load_state_dict(kept["schedule"])
        state = kept["state"]

    while state["epoch"] < settings.epochs and state["stale"] < settings.patience:
        began = clock()
        # Everything random in an epoch depends on its number alone, so that a resumed run sees the same clips.
        torch.manual_seed(settings.seed * 1000 + state["epoch"])
        order = np.random.default_rng([settings.seed, state["epoch"]]).permutation(len(training.classes))
        network.train()
        total = 0.0
        for start in range(0, len(order), settings.batch):
            chosen = order[start : start + settings.batch]
            if len(chosen) == 1 < len(order):
                chosen = order[[start - 1, start]]  # batch statistics need two
            clips = _batch(training, chosen, settings, state["epoch"]).to(device)
            truth = torch.tensor([training.classes[number] for number in chosen], device=device)
            loss = loss_of(network(clips), truth)
            optimizer.zero_grad()
            loss.backward()
            nn.utils.clip_grad_norm_(wanted, 1.0)
            optimizer.step()
            schedule.step()
            total += float(loss.detach()) * len(chosen)
        state["seconds"] += clock() - began
        metrics = judge(network, validation, settings)
        metrics = {"epoch": state["epoch"] + 1.0, "training_loss": total / len(order), **metrics}
        state["curve"].append(metrics)
        state["epoch"] += 1
        state["stale"] += 1
        if metrics["loss"] < state["best"]:
            state.update(
                best=metrics["loss"], stale=0, of={k: v.cpu().clone() for k, v in network.state_dict().items()}
            )
        report(metrics)
        content = {
            "network": network.state_dict(), "optimizer": optimizer.state_dict(), "schedule": schedule.state_dict(),
            "state": state, "settings": settings.model_dump_json(), "weights": weights, "data": _digest(training),
        }  # fmt: skip
        with whole(checkpoint) as partial:
            torch.save(content, partial)

    network.load_state_dict(state["of"])
    network.cpu().eval()
    best = min(state["curve"], key=lambda point: float(point["loss"]))
    found = {name: best[name] for name in ("loss", "accuracy")}
    return Fitted(network, found, weights, state["seconds"], state["curve"])


@torch.no_grad()
def judge(network: Network, of: Labelled, settings: TrainBaseline) -> dict[str, float]:
    """Loss and accuracy over whole videos: the mean of the probabilities of `settings.views` clips of each."""
    network.eval()
    side, frames = settings.side, settings.frames
    assert side is not None and frames is not None
    device = next(network.parameters()).device
    losses, right = [], []
    for pictures, truth in zip(of.pictures, of.classes, strict=True):
        views = whole_views(resized(pictures, side), frames, settings.views)
        answers = [network(torch.from_numpy(view[None]).to(device)).softmax(-1) for view in views]
        mean = torch.cat(answers).mean(0)
        losses.append(-math.log(max(float(mean[truth]), 1e-12)))
        right.append(int(mean.argmax()) == truth)
    return {"loss": float(np.mean(losses)), "accuracy": float(np.mean(right))}


def _batch(training: Labelled, chosen: Any, settings: TrainBaseline, epoch: int) -> Tensor:
    side, frames = settings.side, settings.frames
    assert side is not None and frames is not None
    clips = [
        varied(training.pictures[number], frames, side, settings.augment,
               np.random.default_rng([settings.seed, epoch, int(number)])) for number in chosen
    ]  # fmt: skip
    return torch.from_numpy(np.stack(clips))


def _same(settings: TrainBaseline) -> TrainBaseline:
    """The settings that a run is known by."""
    usual = TrainBaseline()
    return settings.model_copy(update={name: getattr(usual, name) for name in OF_THE_MACHINE})


def _digest(training: Labelled) -> str:
    """What tells the videos of a training from others."""
    sizes = [len(pictures) for pictures in training.pictures]
    return hashlib.sha256(json.dumps([list(training.classes), sizes]).encode()).hexdigest()


def _read(path: Path, settings: TrainBaseline, training: Labelled) -> dict[str, Any]:
    """A checkpoint. Raises InputError when it is none, or one of other settings or videos."""
    try:
        content: dict[str, Any] = safely_loaded(path)
        same = _same(TrainBaseline.model_validate_json(content["settings"])) == _same(settings)
        other = "config" if not same else "data" if content["data"] != _digest(training) else None
    except (KeyError, ValueError):  # of a version with other settings, or none at all
        other = "config"
    if other:
        raise InputError(f"made with other {'videos' if other == 'data' else 'settings'}", file=path, field=other,
                         hint="train without --resume, or with those it began with")  # fmt: skip
    return content
