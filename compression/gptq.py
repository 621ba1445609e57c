"""Rounding of a layer's weights such that it answers as before (GPTQ: Frantar et al., ICLR 2023, algorithm 1)."""

from __future__ import annotations

from collections.abc import Callable

import torch
from torch import Tensor

#: Added to the matrix that is inverted, as a share of its mean diagonal (Frantar et al. 2023).
_DAMPING = 0.01


class Rounder:
    """Rounds the weights of one layer, column by column; what that changes is made good by columns still free."""

    def __init__(self, square: Tensor) -> None:
        """square: (in, in), the products of what the layer reads, summed over many places."""
        square = square.double()
        width = len(square)
        damped = square + _DAMPING * square.diagonal().mean().clamp(min=1e-12) * torch.eye(width, dtype=torch.double)
        # What weighs most is rounded while most is left to make it good.
        self._order = square.diagonal().argsort(descending=True)
        damped = damped[self._order][:, self._order]
        self._upper = torch.linalg.cholesky(torch.cholesky_inverse(torch.linalg.cholesky(damped)), upper=True)

    def __call__(self, weight: Tensor, nearest: Callable[[Tensor], Tensor]) -> Tensor:
        """weight: (out, in). nearest: from a column's values (out,) to those that they may have."""
        left, found = weight.double()[:, self._order].clone(), torch.empty_like(weight, dtype=torch.double)
        for column in range(len(self._order)):
            found[:, column] = nearest(left[:, column])
            change = (left[:, column] - found[:, column]) / self._upper[column, column]
            left[:, column + 1 :] -= change[:, None] * self._upper[column, column + 1 :]
        back = torch.empty_like(self._order)
        back[self._order] = torch.arange(len(self._order))
        return found[:, back]
