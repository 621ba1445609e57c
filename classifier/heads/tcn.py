"""A temporal convolutional network: dilated causal convolutions, each layer seeing twice as far back.

Bai, Kolter and Koltun, "An Empirical Evaluation of Generic Convolutional and Recurrent Networks" (2018).
"""

from __future__ import annotations

import math
from typing import cast

import torch
from torch import Tensor, nn

from classifier.heads.registry import register

_KERNEL = 3


class _Block(nn.Module):
    """A causal depthwise convolution and a mixing of the channels, added to what came in; (B, T, channels).

    A sum of shifted products: the library's own depthwise convolutions with gaps train several times slower here.
    """

    def __init__(self, channels: int, dilation: int) -> None:
        super().__init__()
        self.dilation = dilation
        self.taps = nn.Parameter(torch.empty(_KERNEL, channels).uniform_(-1, 1) / math.sqrt(_KERNEL))
        self.bias = nn.Parameter(torch.zeros(channels))
        self.mix = nn.Sequential(nn.Linear(channels, channels), nn.ReLU(), nn.Linear(channels, channels))

    def forward(self, x: Tensor) -> Tensor:
        length = x.shape[1]
        before = x[:, : (_KERNEL - 1) * self.dilation] * 0
        padded = torch.cat([before, x], 1)
        summed = x * self.taps[-1] + self.bias
        for tap in range(_KERNEL - 1):
            start = tap * self.dilation
            summed = summed + padded[:, start : start + length] * self.taps[tap]
        return cast(Tensor, x + self.mix(summed))


@register("tcn")
class Tcn(nn.Module):
    """As many blocks as it takes for the newest sample to see the whole window."""

    def __init__(self, features: int, hidden: int, window: int) -> None:
        super().__init__()
        self.width = hidden
        self.narrow = nn.Linear(features, hidden)
        blocks = max(1, math.ceil(math.log2(max(1.0, (window - 1) / (_KERNEL - 1) + 1))))
        self.blocks = nn.Sequential(*(_Block(hidden, 2**i) for i in range(blocks)))

    def forward(self, features: Tensor) -> Tensor:
        return cast(Tensor, self.blocks(self.narrow(features)))
