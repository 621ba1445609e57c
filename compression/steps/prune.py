"""The step `prune`: whole channels of a pose network, or hidden units of a head, leave."""

from __future__ import annotations

import json
from typing import Any

import torch
from torch import nn

from compression import pruning
from compression.checkpoint import load_network, save_network
from compression.cost import costs
from compression.head_pruning import prune_head
from compression.heads import read_head, write_head
from compression.masks import masks_of
from compression.pose_head import head_of
from compression.step import Artefact, Context, Metrics, register
from configs.compression import PruneStep
from keypoints.errors import InputError, RepSightError

_BATCH = 16

#: Which output channels of each convolution are left, for steps that look at the network before.
KEPT = "kept.json"


@register("prune")
def step(artefact: Artefact, config: PruneStep, context: Context) -> tuple[Artefact, Metrics]:
    """Prune a checkpoint, and hold the written file against what was asked for."""
    return _head(artefact, config, context) if artefact.kind == "head" else _pose(artefact, config, context)


def _pose(artefact: Artefact, config: PruneStep, context: Context) -> tuple[Artefact, Metrics]:
    network = load_network(artefact.path)
    if masks_of(network):
        raise InputError("carries masks, which pruning would tear", file=artefact.path, hint="prune before you mask")
    before = costs(network, config.side)
    if config.criterion == "taylor":
        gradients(network, config, context)
    groups = pruning.prunable(network, config.criterion, config.head)
    asked = pruning.ask(groups, config.ratio, _ratios(config, context), scope=config.scope, round_to=config.round_to)
    network.zero_grad(set_to_none=True)
    kept = pruning.prune(network, asked)
    (context.folder / KEPT).write_text(json.dumps(kept))
    path = context.folder / "pose.pt"
    save_network(network, path)
    written = load_network(path)
    shares = pruning.require_sparsity(
        written, asked, scope=config.scope, round_to=config.round_to, tolerance=config.tolerance
    )
    after = costs(written, config.side)
    context.report(f"{1 - after.macs / before.macs:.0%} of the MACs and {1 - after.parameters / before.parameters:.0%} "
                   "of the parameters are gone")  # fmt: skip
    return Artefact(path, "pose"), {
        **after.as_metrics(), "side": config.side, "before": before.as_metrics(), **shares,
        "blocks": pruning.shares(asked),
        "layers": {layer: [p.channels.count, p.keep] for p in asked for layer in p.channels.layers},
    }  # fmt: skip


def _ratios(config: PruneStep, context: Context) -> dict[str, float]:
    """The ratios by block, written in the plan or proposed by the sensitivity step before."""
    if config.ratios == "sensitivity":
        proposed: dict[str, float] = context.record("sensitivity").metrics["proposed"]
        return proposed
    return dict(config.ratios)


def gradients(network: Any, config: PruneStep, context: Context) -> None:
    """Leave the gradient of the labels' loss in the parameters of a network, its batch norms as they are."""
    from compression.images import training_images
    from compression.views import batches
    from configs.tuning import Views
    from keypoints.training.loss import pose_loss

    assert config.images is not None
    sets = training_images(config.images, context.root / "images", context.report)
    loss_of = pose_loss(network)
    network.eval().requires_grad_(True).zero_grad(set_to_none=True)
    head_of(network).training = True  # the raw outputs, while all batch norms keep their statistics
    views = batches(sets, Views(), sides=[config.side], batch=_BATCH, last=config.batches)
    for number, batch in enumerate(views, 1):
        context.report(f"gradients, batch {number} of {config.batches}")
        inputs = batch.on("cpu")
        parts, _ = loss_of(network(inputs["img"]), inputs)
        parts.sum().backward()
    network.eval()
    if not any(_has_gradient(p) for p in network.parameters()):
        raise RepSightError("the images give no gradient: is there a person in them?")


def _has_gradient(parameter: nn.Parameter) -> bool:
    return parameter.grad is not None and bool(torch.isfinite(parameter.grad).all() and parameter.grad.any())


def _head(artefact: Artefact, config: PruneStep, context: Context) -> tuple[Artefact, Metrics]:
    head = read_head(artefact.path)
    if config.ratio is None or config.ratios:
        raise InputError("a head has no blocks", field="ratios", expected="one ratio")
    if config.criterion not in ("l1", "l2"):
        raise InputError("not a criterion for heads", field="criterion", expected="l1 or l2", found=config.criterion)
    if masks_of(head.model):
        raise InputError("carries masks, which pruning would tear", file=artefact.path, hint="prune before you mask")
    pruned = prune_head(head, config.ratio, config.criterion, config.round_to)
    path = context.folder / "head.pt"
    write_head(pruned, path)
    hidden = read_head(path).hidden
    gone = 1 - hidden / head.hidden
    if abs(gone - config.ratio) > config.tolerance:
        raise RepSightError(
            f"{gone:.1%} of the hidden units would be gone, not the {config.ratio:.1%} asked for (tolerance "
            f"{config.tolerance:.0%}); a smaller round_to than {config.round_to} comes nearer"
        )
    return Artefact(path, "head"), {
        "hidden": hidden, "hidden_before": head.hidden, "units_gone": round(gone, 4),
        "parameters": sum(p.numel() for p in pruned.model.parameters()),
        "parameters_before": sum(p.numel() for p in head.model.parameters()),
    }  # fmt: skip
