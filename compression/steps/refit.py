"""The step `refit`: a changed pose network answers in every layer as nearly as it can as the one it was made from."""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import Any

import torch
from torch import nn

from compression.blocks import is_rewritten, rewrite
from compression.checkpoint import load_network, save_network
from compression.codebook import counts
from compression.cost import costs
from compression.images import training_images
from compression.masks import masks_of
from compression.refit import refit
from compression.step import Artefact, Context, Metrics, register
from compression.steps.prune import KEPT
from compression.views import batches
from configs.compression import RefitStep
from configs.tuning import Views
from keypoints.errors import InputError

_BATCH = 16

#: Whole pictures and people who fill them, in plain light: what a layer is shown is what it will mostly see.
_VIEWS = Views(turned=0.05, blur=0.05, wear=0.05)


@register("refit")
def step(artefact: Artefact, config: RefitStep, context: Context) -> tuple[Artefact, Metrics]:
    """Refit a pose checkpoint; metrics: by layer, the share of its answer's variance that is not met."""
    if artefact.kind != "pose":
        raise InputError("a head is not refitted but trained", file=artefact.path, field="step",
                         expected="a pose model")  # fmt: skip
    network = load_network(artefact.path)
    if masks_of(network):
        raise InputError("carries masks, which refitting would fill", file=artefact.path, hint="refit before you mask")
    like = context.model(config.like, "refit.like")
    source = load_network(like)
    if is_rewritten(network) and not is_rewritten(source):
        rewrite(source)
    rectify(network, config.relu)
    kept = _kept(network, source, config, context)
    sets = training_images(config.images, context.root / "images", context.report)
    coming = batches(sets, _VIEWS, sides=[config.side], batch=_BATCH, seed=config.seed, last=config.batches)
    seen = [batch.on("cpu")["img"] for batch in coming]
    missed = refit(network, source, kept, seen, context.report, counts(config.levels, config.least_weights))
    path = context.folder / "pose.pt"
    save_network(network, path)
    return Artefact(path, "pose"), {
        **costs(network, config.side).as_metrics(), "side": config.side, "like": like.name,
        "missed": {name: round(share, 4) for name, share in missed.items()},
        "missed_mean": round(sum(missed.values()) / len(missed), 4),
    }  # fmt: skip


def rectify(network: nn.Module, where: Sequence[str]) -> None:
    """ReLU in place of SiLU in these blocks, or in `all`, in place of the network.

    A quantized convolution cuts off below zero by itself, while SiLU asks for a sigmoid and a product of the whole
    feature map: in int8 on ONNX Runtime more than a quarter of the time of YOLO11n-pose, most of it in the first
    blocks, whose maps are the largest. Raises InputError for a block without SiLU.
    """
    left = set(where) - {"all"}
    for name, module in network.named_modules():
        block = next((block for block in where if block == "all" or f"{name}.".startswith(f"{block}.")), None)
        if block is not None and isinstance(getattr(module, "act", None), nn.SiLU):
            module.act = nn.ReLU()
            left.discard(block)
    if left:
        raise InputError("has no SiLU", field="refit.relu", found=sorted(left), expected="blocks such as model.0")


def _kept(network: nn.Module, source: nn.Module, config: RefitStep, context: Context) -> dict[str, torch.Tensor]:
    """Which output channels of the source's convolutions the network still has, from what prune steps wrote."""
    of_source: dict[str, Any] = {name: m for name, m in source.named_modules() if isinstance(m, nn.Conv2d)}
    kept = {name: torch.arange(m.out_channels) for name, m in of_source.items()}
    since = max((record.number for record in context.history if config.like in record.names), default=0)
    for record in context.history:
        if record.step == "prune" and record.number > since:
            for name, left in json.loads(context.file(record, KEPT).read_text(encoding="utf-8")).items():
                if max(left) < len(kept[name]):  # else it was pruned from another one, which is told below
                    kept[name] = kept[name][left]
    for name, module in network.named_modules():
        if isinstance(module, nn.Conv2d) and (name not in kept or len(kept[name]) != module.out_channels):
            found = len(kept[name]) if name in kept else "no such layer"
            raise InputError("is not what this model was pruned from", field="refit.like", expected=f"{name} with "
                             f"{module.out_channels} channels left of it", found=found)  # fmt: skip
    return kept
