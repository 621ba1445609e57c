"""The decode of box distances from their bins, as two matrix products: what a softmax over bins costs ten times."""

from __future__ import annotations

import torch
from torch import Tensor, nn

#: A bin's score is held below this, px of nothing: its exponential must stay finite in float32.
_LARGEST = 60.0


class Expectation(nn.Module):
    """The mean bin of each side's distribution (DFL, Li et al., "Generalized Focal Loss", NeurIPS 2020), for inference.

    Softmax and mean are one fraction, sum of bin times exponential over sum of exponentials. Ultralytics' own form
    puts the sixteen bins of each side last, one softmax of sixteen values at a time, which on ONNX Runtime takes an
    eighth of the time of an int8 nano model; here the places stay last, and the sums are matrix products over all.
    """

    sums: Tensor

    def __init__(self, bins: int) -> None:
        super().__init__()
        sums = torch.zeros(8, 4 * bins)
        for side in range(4):
            own = slice(side * bins, (side + 1) * bins)
            sums[side, own] = torch.arange(bins, dtype=torch.float32)
            sums[4 + side, own] = 1.0
        self.register_buffer("sums", sums)

    def forward(self, x: Tensor) -> Tensor:
        """Scores (B, 4 x bins, A) to distances (B, 4, A), in cells."""
        both = torch.matmul(self.sums, x.clamp(max=_LARGEST).exp())
        return both[:, :4] / both[:, 4:]
