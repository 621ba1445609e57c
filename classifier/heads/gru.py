"""A gated recurrent unit over the window; its state after each sample is the summary so far."""

from __future__ import annotations

from typing import cast

from torch import Tensor, nn

from classifier.heads.registry import register


@register("gru")
class Gru(nn.Module):
    """Features are first narrowed to `hidden`, which keeps the file small, then read oldest first."""

    def __init__(self, features: int, hidden: int, window: int) -> None:
        super().__init__()
        self.width = hidden
        self.narrow = nn.Sequential(nn.Linear(features, hidden), nn.ReLU())
        self.gru = nn.GRU(hidden, hidden, batch_first=True)

    def forward(self, features: Tensor) -> Tensor:
        states, _ = self.gru(self.narrow(features))
        return cast(Tensor, states)
