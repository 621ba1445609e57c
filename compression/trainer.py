"""The loop that trains a pose network of any shape, pruned or not: it goes on after a kill, to the same weights."""

from __future__ import annotations

import copy
import math
import time
from collections.abc import Callable, Generator, Sequence
from contextlib import closing, nullcontext
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import cv2
import torch
from torch import Tensor, nn

from compression.distillation import Distiller
from compression.images import PictureSet
from compression.masks import hold
from compression.views import Batch, batches
from configs.tuning import Tuning
from keypoints.errors import InputError, RepSightError
from keypoints.files import whole
from keypoints.training.loss import pose_loss, raw

#: Called every so many steps with the means of the losses since the last call.
OnCurve = Callable[[dict[str, float]], None]

#: How often the curve gets a point.
POINTS = 100


@dataclass(frozen=True, slots=True)
class Tuned:
    """network: the moving average of the weights, in float on the processor. curve: losses over steps, from the first.

    images_per_s: of training, pictures and all, since it was last taken up.
    """

    network: Any
    curve: list[dict[str, float]]
    images_per_s: float


@dataclass
class _State:
    """What goes on from step to step."""

    network: Any
    average: Any
    optimizer: torch.optim.Optimizer
    distiller: Distiller | None
    step: int = 0
    curve: list[dict[str, float]] = field(default_factory=list)
    since: dict[str, Tensor] = field(default_factory=dict)  # sums of the losses since the last point of the curve


def train(
    network: Any,
    sets: Sequence[PictureSet],
    config: Tuning,
    *,
    checkpoint: Path | None = None,
    distiller: Distiller | None = None,
    on_curve: OnCurve = lambda point: None,
    stop: Callable[[int], bool] = lambda step: False,
) -> Tuned:
    """Train `network`, a pose network of Ultralytics, on `sets`; it keeps its shape and its masks, and is itself not
    changed.

    checkpoint: file written every `config.save_every` steps, and gone on from if it is there; removed in the end.
    distiller: adds a teacher's losses. stop: ends training before a step, after saving; the same call goes on there.
    Raises RepSightError when the loss is no number any more, InputError for a checkpoint of other settings.
    """
    torch.set_num_threads(config.threads)
    cv2.setNumThreads(1)  # pictures are prepared side by side, each by one thread
    torch.manual_seed(config.seed)
    device = chosen_device(config.device)
    # Channels last: what convolutions are fastest with, on both kinds of device.
    network = copy.deepcopy(network).float().to(device=device, memory_format=torch.channels_last)
    network.requires_grad_(True)
    for name, parameter in network.named_parameters():
        fixed = ".dfl." in name  # the bins of the box distribution
        if fixed or (config.trained == "norms" and parameter.dim() > 1):
            parameter.requires_grad_(False)
    state = _State(network, copy.deepcopy(network).eval(), _optimizer(network, distiller, config), distiller)
    if distiller is not None:
        distiller.to_device(device)
    loss_of = pose_loss(network)
    if checkpoint is not None and checkpoint.is_file():
        _restore(checkpoint, state, config)
    began, first = time.monotonic(), state.step
    every = max(1, config.steps // POINTS)
    watching = distiller.watching(network) if distiller is not None else nullcontext()
    with watching, closing(_ahead(sets, config, state.step)) as seen:
        while state.step < config.steps and not stop(state.step):
            losses = _learn(state, next(seen), loss_of, config, device)
            hold(state.network)
            _follow(state, config)
            hold(state.average)
            state.step += 1
            for name, value in losses.items():
                state.since[name] = state.since.get(name, torch.zeros((), device=device)) + value / every
            if state.step % every == 0:
                point = {"step": float(state.step)} | {name: float(value) for name, value in state.since.items()}
                if not math.isfinite(point["loss"]):
                    raise RepSightError(f"the loss is no number after step {state.step}: lower learning_rate")
                state.curve.append(point)
                state.since = {}
                on_curve(point)
            if checkpoint is not None and (state.step % config.save_every == 0 or stop(state.step)):
                _save(checkpoint, state, config)
    seconds = time.monotonic() - began
    if checkpoint is not None and state.step >= config.steps:
        checkpoint.unlink(missing_ok=True)
    speed = (state.step - first) * config.batch / max(seconds, 1e-9)
    return Tuned(state.average.cpu().to(memory_format=torch.contiguous_format), state.curve, round(speed, 2))


def chosen_device(name: str) -> torch.device:
    """The device of that name; auto is CUDA where it is. Raises InputError when it is not there."""
    if name == "auto":
        return torch.device("cuda" if torch.cuda.is_available() else "cpu")
    try:
        device = torch.device(name)
        torch.zeros(1, device=device)
    except (RuntimeError, AssertionError):
        raise InputError("no such device here", field="device", expected="auto, cpu or cuda", found=name) from None
    return device


def rate(step: int, config: Tuning) -> float:
    """The learning rate of a step: up in a line, then down along half a cosine."""
    warm_up = max(1.0, config.warm_up * config.steps)
    if step < warm_up:
        return config.learning_rate * (step + 1) / (warm_up + 1)
    share = (step - warm_up) / max(1.0, config.steps - warm_up)
    return config.learning_rate * (config.last_rate + (1 - config.last_rate) * (1 + math.cos(math.pi * share)) / 2)


def _ahead(sets: Sequence[PictureSet], config: Tuning, first: int) -> Generator[Batch]:
    return batches(sets, config.views, sides=config.sides, batch=config.batch, seed=config.seed, first=first,
                   last=config.steps, workers=config.threads)  # fmt: skip


def _optimizer(network: nn.Module, distiller: Distiller | None, config: Tuning) -> torch.optim.Optimizer:
    """AdamW; weights of convolutions decay, biases, batch norms and adaptors do not."""
    parameters = [p for p in network.parameters() if p.requires_grad]
    groups = [{"params": [p for p in parameters if p.dim() > 1], "weight_decay": config.weight_decay},
              {"params": [p for p in parameters if p.dim() <= 1], "weight_decay": 0.0}]  # fmt: skip
    if distiller is not None:
        groups.append({"params": list(distiller.parameters()), "weight_decay": 0.0})
    return torch.optim.AdamW(groups, config.learning_rate, betas=(0.9, 0.99))


def _learn(state: _State, batch: Batch, loss_of: Any, config: Tuning, device: torch.device) -> dict[str, Tensor]:
    """One step of the optimizer; the losses, on the device, so that nothing waits for them."""
    for group in state.optimizer.param_groups:
        group["lr"] = rate(state.step, config)
    state.network.train()
    if config.norms == "kept":
        for module in state.network.modules():
            if isinstance(module, nn.BatchNorm2d):
                module.eval()
    inputs = batch.on(device)
    half = device.type == "cuda" and torch.cuda.is_bf16_supported()
    teacher = None
    with torch.autocast(device.type, torch.bfloat16, enabled=half):
        if state.distiller is not None:
            teacher = state.distiller.see(inputs["img"])
        outputs = state.network(inputs["img"])
    outputs = _floats(outputs)
    parts, _ = loss_of(outputs, inputs)
    hard = parts.sum() / len(batch.images)
    losses = {"labels": hard}
    loss = hard
    if state.distiller is not None and teacher is not None:
        soft = state.distiller(raw(outputs), _floats(teacher), batch.images.shape[-1])
        losses |= soft
        loss = state.distiller.soft.labels * hard + torch.stack(list(soft.values())).sum()
    state.optimizer.zero_grad(set_to_none=True)
    loss.backward()
    nn.utils.clip_grad_norm_([p for g in state.optimizer.param_groups for p in g["params"]], config.clip)
    state.optimizer.step()
    return {name: value.detach() for name, value in ({"loss": loss} | losses).items()}


@torch.no_grad()
def _follow(state: _State, config: Tuning) -> None:
    """The moving average takes a step towards the weights; early on a larger one, so that it forgets its start."""
    decay = min(config.average, (1 + state.step) / (10 + state.step))
    own, now = state.average.state_dict(), state.network.state_dict()
    floating = [name for name, value in own.items() if value.dtype.is_floating_point]
    torch._foreach_lerp_([own[name] for name in floating], [now[name] for name in floating], 1 - decay)
    for name in own.keys() - set(floating):
        own[name].copy_(now[name])


def _floats(outputs: Any) -> Any:
    """Outputs of mixed precision in float."""
    if isinstance(outputs, Tensor):
        return outputs.float() if outputs.is_floating_point() else outputs
    if isinstance(outputs, dict):
        return {name: _floats(value) for name, value in outputs.items()}
    if isinstance(outputs, list | tuple):
        return type(outputs)(_floats(value) for value in outputs)
    return outputs


def _stamp(state: _State, config: Tuning) -> str:
    """What a checkpoint must share with the run that goes on from it."""
    shapes = {name: tuple(value.shape) for name, value in state.network.state_dict().items()}
    return f"{config.model_dump_json()} {sorted(shapes.items())}"


def _save(path: Path, state: _State, config: Tuning) -> None:
    content = {
        "stamp": _stamp(state, config), "step": state.step, "curve": state.curve,
        "since": state.since,
        "network": state.network.state_dict(), "average": state.average.state_dict(),
        "optimizer": state.optimizer.state_dict(),
        "distiller": state.distiller.state_dict() if state.distiller is not None else None,
    }  # fmt: skip
    with whole(path) as partial:
        torch.save(content, partial)


def _restore(path: Path, state: _State, config: Tuning) -> None:
    content = torch.load(path, weights_only=True, map_location="cpu")
    if content["stamp"] != _stamp(state, config):
        raise InputError("made with other settings or of another shape", file=path,
                         hint="remove it to begin again, or go on with the settings it began with")  # fmt: skip
    state.network.load_state_dict(content["network"])
    state.average.load_state_dict(content["average"])
    state.optimizer.load_state_dict(content["optimizer"])
    if state.distiller is not None:
        state.distiller.load_state_dict(content["distiller"])
    state.step, state.curve = content["step"], content["curve"]
    device = next(state.network.parameters()).device
    state.since = {name: value.to(device) for name, value in content["since"].items()}
