"""Masks: weights that are zero and stay zero, in pose networks and heads.

They travel with the network as its attribute `masks`, into checkpoints and out of them. Training holds them by calling
`hold` after every step of the optimizer. No dense runtime is faster for zeros among its weights: a mask makes a file
that compresses better, and shows how much a network could do without.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Literal

import torch
from torch import Tensor, nn

from keypoints.errors import InputError, RepSightError

#: True where a weight is kept, by the name of the parameter.
Masks = dict[str, Tensor]

#: Layers whose weights are masked; biases and batch norms are not.
_LAYERS = (nn.Conv1d, nn.Conv2d, nn.Linear, nn.GRU)


def masks_of(network: nn.Module) -> Masks:
    """The masks that a network carries; none when it was not masked."""
    return dict(getattr(network, "masks", {}))


def carry(network: nn.Module, masks: Mapping[str, Tensor]) -> None:
    """Give a network masks to carry, and hold them. Raises InputError when they are of a network of another shape."""
    shapes = {name: parameter.shape for name, parameter in network.named_parameters()}
    for name, mask in masks.items():
        if shapes.get(name) != mask.shape:
            raise InputError("the mask is of a network of another shape", field=name, expected=tuple(mask.shape),
                             found=tuple(shapes[name]) if name in shapes else "no such weights")  # fmt: skip
    network.masks = dict(masks)  # type: ignore[assignment]
    hold(network)


@torch.no_grad()
def hold(network: nn.Module, masks: Mapping[str, Tensor] | None = None) -> None:
    """Set the masked weights of a network to exactly zero, by its own masks or by `masks`; nothing without any."""
    masks = masks_of(network) if masks is None else masks
    if masks:
        parameters = dict(network.named_parameters())
        for name, mask in masks.items():
            parameters[name].masked_fill_(~mask.to(parameters[name].device), 0.0)


def maskable(network: nn.Module) -> dict[str, nn.Parameter]:
    """The weights that can be masked, by name; the fixed bins of a box distribution are none."""
    return {
        f"{layer}.{name}": weight
        for layer, module in network.named_modules()
        if isinstance(module, _LAYERS) and not layer.endswith("dfl.conv")
        for name, weight in module.named_parameters(recurse=False)
        if name.startswith("weight")
    }


def smallest(network: nn.Module, ratio: float, scope: Literal["layer", "global"]) -> Masks:
    """Masks that take the share `ratio` of the weights away, those nearest to zero: of each layer, or of all together.

    The number of weights that go is rounded, of each layer or of all. Raises InputError when a layer would be empty.
    """
    weights = {name: weight.detach().abs().flatten() for name, weight in maskable(network).items()}
    if scope == "layer":
        kept = {name: _keep_largest(size, ratio) for name, size in weights.items()}
    else:
        together = _keep_largest(torch.cat(list(weights.values())), ratio)
        parts = torch.split(together, [len(size) for size in weights.values()])
        kept = dict(zip(weights, parts, strict=True))
    for name, mask in kept.items():
        if not mask.any():
            hint = "ask for a smaller ratio" + (", or for scope: layer" if scope == "global" else "")
            raise InputError("would empty a layer", field=name, found=f"{ratio} of {len(mask)} weights", hint=hint)
    shapes = {name: weight.shape for name, weight in maskable(network).items()}
    return {name: mask.view(shapes[name]) for name, mask in kept.items()}


def _keep_largest(size: Tensor, ratio: float) -> Tensor:
    mask = torch.ones(len(size), dtype=torch.bool)
    mask[size.argsort(stable=True)[: round(ratio * len(size))]] = False
    return mask


def require_masked(
    network: nn.Module, ratio: float | None = None, scope: Literal["layer", "global"] = "layer"
) -> dict[str, Any]:
    """Raise RepSightError when a masked weight is not zero, or, given a ratio, when not that share is masked.

    Returns the share of weights that are masked, and of those that are zero.
    """
    masks, weights = masks_of(network), maskable(network)
    for name, mask in masks.items():
        wrong = int((weights[name][~mask.to(weights[name].device)] != 0).sum())
        if wrong:
            raise RepSightError(f"{name}: {wrong} weights that are masked are not zero")
    gone = {name: int((~mask).sum()) for name, mask in masks.items()}
    total = sum(weight.numel() for weight in weights.values())
    if ratio is not None:
        wanted = {name: round(ratio * weight.numel()) for name, weight in weights.items()}
        if scope == "layer":
            for name, number in wanted.items():
                if gone.get(name, 0) != number:
                    raise RepSightError(f"{name}: {gone.get(name, 0)} weights are masked (expected {number})")
        elif sum(gone.values()) != round(ratio * total):
            raise RepSightError(f"{sum(gone.values())} weights are masked (expected {round(ratio * total)})")
    zeros = sum(int((weight == 0).sum()) for weight in weights.values())
    return {"masked": sum(gone.values()), "masked_share": sum(gone.values()) / total, "zero_share": zeros / total,
            "weights": total}  # fmt: skip
