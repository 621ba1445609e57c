"""Weights on few levels a channel: found so that a layer answers as before, stored in a few bits, run as int8."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from functools import cache
from math import log

import numpy as np
import torch
from torch import Tensor, nn

from compression.gptq import Rounder
from compression.rounding import Rounding, restore

#: How many levels a weight can have: the most of which 3, 4, 5 or 6 fit into a word of 16 bits.
COUNTS = (40, 16, 9, 6)


@cache
def levels(count: int) -> tuple[int, ...]:
    """The levels, in 127ths of a channel's largest weight, rising.

    Quantiles of the Laplace distribution: a layer's weights spread evenly between them. QLoRA's NF4 takes those
    of the normal distribution (Dettmers et al., NeurIPS 2023, appendix E); the weights of YOLO11n-pose have heavier
    tails, and sixteen such levels miss an eighth less of their squares.
    """
    middles = [2 * (i + 0.5) / count - 1 for i in range(count)]
    values = [-log(1 - abs(m)) * (1 if m > 0 else -1) for m in middles]
    return tuple(round(127 * value / values[-1]) for value in values)


#: Shares of a channel's largest weight that are tried as the outermost level: cutting off a few large ones makes the
#: steps between all others smaller.
_CUTS = tuple(np.linspace(0.4, 1.0, 13))

#: The least outermost level, as a share of the median of all channels: one that is zero has a scale as well.
_LEAST_SHARE = 0.01


def clustered(weight: Tensor, square: Tensor, count: int = 16) -> Tensor:
    """Weights (out, in) on so many levels, each channel's largest on the outermost, the layer's answer as it was.

    square: (in, in), the products of what the layer reads, summed over many places: see `gptq`.
    """
    weight, rounder = weight.double(), Rounder(square)
    outermost = _cut(weight, square.diagonal().double(), count)
    floor = _LEAST_SHARE * outermost.median()
    while True:
        outermost = outermost.clamp(min=floor)
        found = rounder(weight, lambda column, most=outermost: nearest(column / most, count) * most)  # type: ignore[misc]
        # Int8 takes its scale from the largest weight: one in each channel must be there.
        short = found.abs().amax(1) < 0.999 * outermost
        if not (short & (outermost > floor)).any():
            break
        outermost = torch.where(short, 0.93 * outermost, outermost)
    largest = found[short].abs().argmax(1)
    found[short, largest] = outermost[short]
    return found


def nearest(shares: Tensor, count: int = 16) -> Tensor:
    """The nearest levels of weights, both as shares of the outermost level."""
    found = torch.tensor(levels(count), dtype=shares.dtype) / 127
    return found[torch.bucketize(shares.contiguous(), (found[1:] + found[:-1]) / 2)]


def _cut(weight: Tensor, importance: Tensor, count: int = 16) -> Tensor:
    """The outermost level of each channel (out,) at which rounding alone changes the answer least."""
    largest = weight.abs().amax(1).clamp(min=1e-9)
    errors = []
    for cut in _CUTS:
        outermost = (cut * largest)[:, None]
        off = nearest(weight / outermost, count) * outermost - weight
        errors.append((off**2 * importance).sum(1))
    return torch.tensor(_CUTS, dtype=weight.dtype)[torch.stack(errors).argmin(0)] * largest


class Clustered(Rounding):
    """A convolution whose weights lie on levels when it is run; the gradient passes the rounding over."""

    extras = ("cut", "count")
    cut: Tensor
    count: int

    def rounded(self) -> Tensor:
        """Its weights on their levels."""
        weight = self.weight.detach().flatten(1)
        outermost = (self.cut * weight.abs().amax(1).clamp(min=1e-9))[:, None]
        return (nearest(weight / outermost, self.count) * outermost).view_as(self.weight)

    def forward(self, input: Tensor) -> Tensor:
        off = self.rounded() - self.weight.detach()
        output: Tensor = self._conv_forward(input, self.weight + off, self.bias)
        return output


#: By a layer's name and the number of its weights: of how many levels they are, None for any value.
Counts = Callable[[str, int], int | None]


def counts(levels: Mapping[str, int], least: int) -> Counts:
    """A layer has the levels of its block, else those of `all`; with fewer than `least` weights it has none."""

    def of(name: str, size: int) -> int | None:
        block = next((block for block in levels if f"{name}.".startswith(f"{block}.")), "all")
        return levels.get(block) if size >= least else None

    return of


@contextmanager
def clustering(network: nn.Module, of: Counts) -> Iterator[None]:
    """While it lasts, convolutions that have levels are `Clustered`. Copies that are made meanwhile need `settle`."""
    for name, module in network.named_modules():
        count = of(name, module.weight.numel()) if type(module) is nn.Conv2d and module.groups == 1 else None
        if count is not None:
            weight = module.weight.detach().flatten(1)
            cut = _cut(weight, torch.ones(weight.shape[1]), count) / weight.abs().amax(1).clamp(min=1e-9)
            module.__class__ = Clustered
            vars(module).update(cut=cut, count=count)
    try:
        yield
    finally:
        restore(network)


def settle(network: nn.Module) -> None:
    """Make clustered convolutions ordinary ones, with their weights on the levels that they were run with."""
    with torch.no_grad():
        for module in network.modules():
            if isinstance(module, Clustered):
                module.weight.copy_(module.rounded())
    restore(network)
