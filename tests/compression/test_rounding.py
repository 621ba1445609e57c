"""Training in 8 bits: what is rounded, and that it is undone."""

from __future__ import annotations

import copy

import torch
from torch import nn

from compression.rounding import Rounded, restore, rounded


class Block(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.conv, self.bn = nn.Conv2d(3, 4, 3), nn.BatchNorm2d(4)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return torch.relu(self.bn(self.conv(x)))


def test_weights_and_input_are_rounded_and_still_learn() -> None:
    torch.manual_seed(0)
    network = nn.Sequential(Block(), nn.Conv2d(4, 1, 1))
    picture = torch.rand(2, 3, 8, 8)
    plain = network[0].conv(picture)
    with rounded(network):
        assert type(network[0].conv) is Rounded and type(network[1]) is nn.Conv2d
        off = (network[0].conv(picture) - plain).abs().max()
        assert 0 < off < 0.02
        network(picture).sum().backward()
        assert network[0].conv.weight.grad.abs().max() > 0
        twin = copy.deepcopy(network)
    assert type(network[0].conv) is nn.Conv2d and set(vars(network[0].conv)) == set(vars(nn.Conv2d(3, 4, 3)))
    assert torch.equal(network[0].conv(picture), plain)
    restore(twin)
    assert type(twin[0].conv) is nn.Conv2d
