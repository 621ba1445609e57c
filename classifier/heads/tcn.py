"""A temporal convolutional network: dilated causal convolutions, each layer seeing twice as far back.

Bai, Kolter and Koltun, "An Empirical Evaluation of Generic Convolutional and Recurrent Networks" (2018).
"""

from __future__ import annotations

import math
from typing import cast

from torch import Tensor, nn

from classifier.heads.registry import register

_KERNEL = 3


class _Block(nn.Module):
    """A causal depthwise convolution and a mixing of the channels, added to what came in."""

    def __init__(self, channels: int, dilation: int) -> None:
        super().__init__()
        self.pad = nn.ConstantPad1d(((_KERNEL - 1) * dilation, 0), 0.0)
        self.depthwise = nn.Conv1d(channels, channels, _KERNEL, dilation=dilation, groups=channels)
        self.mix = nn.Sequential(nn.Conv1d(channels, channels, 1), nn.ReLU(), nn.Conv1d(channels, channels, 1))

    def forward(self, x: Tensor) -> Tensor:
        return cast(Tensor, x + self.mix(self.depthwise(self.pad(x))))


@register("tcn")
class Tcn(nn.Module):
    """As many blocks as it takes for the newest sample to see the whole window."""

    def __init__(self, features: int, hidden: int, window: int) -> None:
        super().__init__()
        self.width = hidden
        self.narrow = nn.Conv1d(features, hidden, 1)
        blocks = max(1, math.ceil(math.log2(max(1.0, (window - 1) / (_KERNEL - 1) + 1))))
        self.blocks = nn.Sequential(*(_Block(hidden, 2**i) for i in range(blocks)))

    def forward(self, features: Tensor) -> Tensor:
        return cast(Tensor, self.blocks(self.narrow(features.transpose(1, 2))).transpose(1, 2))
