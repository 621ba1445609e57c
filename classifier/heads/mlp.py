"""A multilayer perceptron over the window's samples laid side by side."""

from __future__ import annotations

from typing import cast

from torch import Tensor, nn

from classifier.heads.registry import register

#: What each sample is narrowed to before all samples are joined; it bounds the size of the file.
_SAMPLE = 12


@register("mlp")
class Mlp(nn.Module):
    """Each sample is narrowed by the same layer; two layers read all of them at once."""

    def __init__(self, features: int, hidden: int, window: int) -> None:
        super().__init__()
        self.width = hidden
        self.narrow = nn.Sequential(nn.Linear(features, _SAMPLE), nn.ReLU())
        self.read = nn.Sequential(
            nn.Flatten(1), nn.Linear(window * _SAMPLE, hidden), nn.ReLU(), nn.Linear(hidden, hidden), nn.ReLU()
        )

    def forward(self, features: Tensor) -> Tensor:
        return cast(Tensor, self.read(self.narrow(features)))[:, None]
