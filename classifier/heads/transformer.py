"""A small transformer encoder; no sample looks at later ones.

Vaswani et al., "Attention Is All You Need" (2017), with normalisation before each part.
"""

from __future__ import annotations

import torch
from torch import Tensor, nn

from classifier.heads.registry import register

_HEADS = 4


class _Block(nn.Module):
    """Self-attention and a feed-forward layer, each added to what came in."""

    future: Tensor

    def __init__(self, width: int, window: int) -> None:
        super().__init__()
        self.register_buffer("future", torch.ones(window, window).triu(1) * -1e4, persistent=False)
        self.before_attention, self.before_mix = nn.LayerNorm(width), nn.LayerNorm(width)
        self.project, self.merge = nn.Linear(width, 3 * width), nn.Linear(width, width)
        self.mix = nn.Sequential(nn.Linear(width, 2 * width), nn.GELU(), nn.Linear(2 * width, width))

    def forward(self, x: Tensor) -> Tensor:
        batch, length, width = x.shape
        queries, keys, values = (
            part.reshape(batch, length, _HEADS, width // _HEADS).transpose(1, 2)
            for part in self.project(self.before_attention(x)).chunk(3, -1)
        )
        weights = (queries @ keys.transpose(2, 3) / (width // _HEADS) ** 0.5 + self.future).softmax(-1)
        x = x + self.merge((weights @ values).transpose(1, 2).reshape(batch, length, width))
        mixed: Tensor = x + self.mix(self.before_mix(x))
        return mixed


@register("transformer")
class Transformer(nn.Module):
    """Two blocks over the samples, with learned positions."""

    def __init__(self, features: int, hidden: int, window: int) -> None:
        super().__init__()
        self.width = max(_HEADS, hidden // _HEADS * _HEADS)
        self.narrow = nn.Linear(features, self.width)
        self.position = nn.Parameter(torch.zeros(1, window, self.width))
        self.blocks = nn.Sequential(_Block(self.width, window), _Block(self.width, window))
        self.last = nn.LayerNorm(self.width)

    def forward(self, features: Tensor) -> Tensor:
        summary: Tensor = self.last(self.blocks(self.narrow(features) + self.position))
        return summary
