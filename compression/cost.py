"""What a network costs: parameters and multiply-accumulate operations."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import torch
from torch import nn


@dataclass(frozen=True, slots=True)
class Costs:
    """parameters: how many numbers are learned. macs: multiply-accumulates of the convolutions and linear layers for
    one input."""

    parameters: int
    macs: int

    def as_metrics(self) -> dict[str, Any]:
        """For a record."""
        return {"parameters": self.parameters, "macs": self.macs}


@torch.no_grad()
def costs(network: nn.Module, side: int) -> Costs:
    """The costs of a pose network for a square picture with this side, px."""
    return costs_of(network, torch.zeros(1, 3, side, side))


@torch.no_grad()
def costs_of(network: nn.Module, example: torch.Tensor) -> Costs:
    """The costs of any network for a batch of one."""
    macs = 0

    def count(module: nn.Module, _: object, output: torch.Tensor) -> None:
        nonlocal macs
        weight: Any = module.weight
        places = output.numel() // weight.shape[0] if isinstance(module, nn.Linear) else output[0, 0].numel()
        macs += places * weight.numel()

    hooks = [m.register_forward_hook(count) for m in network.modules() if isinstance(m, _COUNTED)]
    training = network.training
    try:
        network.eval()(example)
    finally:
        network.train(training)
        for hook in hooks:
            hook.remove()
    return Costs(sum(p.numel() for p in network.parameters()), macs)


_COUNTED = (nn.Conv1d, nn.Conv2d, nn.Linear)
