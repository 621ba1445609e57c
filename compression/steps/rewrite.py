"""The step `rewrite`: convolutions whose output is split are written as two; results stay the same."""

from __future__ import annotations

import copy

import torch

from compression.blocks import rewrite
from compression.checkpoint import load_network, save_network
from compression.cost import costs
from compression.step import Artefact, Context, Metrics, register
from configs.compression import RewriteStep
from keypoints.errors import InputError, RepSightError

#: Largest difference of an output, relative to the size of the outputs, that is still called the same.
TOLERANCE = 1e-5

_SIDE = 256


@register("rewrite")
def step(artefact: Artefact, config: RewriteStep, context: Context) -> tuple[Artefact, Metrics]:
    """Rewrite a pose checkpoint, and hold the written file against it."""
    if artefact.kind != "pose":
        raise InputError("heads have nothing to rewrite", file=artefact.path, field="step", expected="a pose model")
    original = load_network(artefact.path)
    network = copy.deepcopy(original)
    count = rewrite(network)
    context.report(f"{count} blocks")
    path = context.folder / "pose.pt"
    save_network(network, path)
    off = difference(original, load_network(path))
    if not off <= TOLERANCE:
        raise RepSightError(f"{artefact.path}: the rewritten model differs by {off:.1g} (expected {TOLERANCE})")
    return Artefact(path, "pose"), {"blocks": count, "difference": off, **costs(network, _SIDE).as_metrics()}


@torch.no_grad()
def difference(one: torch.nn.Module, other: torch.nn.Module) -> float:
    """The largest difference between what two networks predict of a picture of noise, relative to the largest value of
    each of the outputs' channels (boxes are some hundred pixels large, scores at most 1)."""
    picture = torch.rand(1, 3, _SIDE, _SIDE, generator=torch.Generator().manual_seed(0))
    expected, found = (raw_outputs(network, picture) for network in (one, other))
    return max(float(((a - b).abs() / a.abs().amax().clamp(min=1)).max()) for a, b in zip(expected, found, strict=True))


def raw_outputs(network: torch.nn.Module, picture: torch.Tensor) -> list[torch.Tensor]:
    """Every tensor that a network in evaluation gives for a picture, but for the order of its detections."""
    _, raw = network.eval()(picture)
    return [tensor for _, tensor in sorted(_flat(raw))]


def _flat(value: object, name: str = "") -> list[tuple[str, torch.Tensor]]:
    if isinstance(value, torch.Tensor):
        return [(name, value)]
    if isinstance(value, dict):
        return [pair for key, part in value.items() for pair in _flat(part, f"{name}.{key}")]
    if isinstance(value, list | tuple):
        return [pair for i, part in enumerate(value) for pair in _flat(part, f"{name}.{i:03}")]
    return []
