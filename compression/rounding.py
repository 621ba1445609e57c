"""Training with weights and activations rounded to 8 bits, as `quantize` will round them (quantization-aware training,
Jacob et al. 2018): the rounding is seen by the loss, and passed over by the gradient."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any, ClassVar

import torch
from torch import Tensor, nn

#: How fast the range of an activation follows what is seen.
_FOLLOW = 0.05


class Rounding(nn.Conv2d):
    """A convolution that rounds while its network is trained. extras: what it has beside those of any other."""

    extras: ClassVar[tuple[str, ...]] = ()


class Rounded(Rounding):
    """A convolution whose weights lie on 255 steps a channel, and its input on 256 steps of the range seen so far."""

    extras = ("low", "high")
    low: float
    high: float

    def forward(self, input: Tensor) -> Tensor:
        if self.training:
            low, high = min(0.0, float(input.detach().amin())), max(0.0, float(input.detach().amax()))
            if self.low == self.high:
                self.low, self.high = low, high
            self.low += _FOLLOW * (low - self.low)
            self.high += _FOLLOW * (high - self.high)
        scale = max(self.high - self.low, 1e-6) / 255
        offset = min(255, max(0, round(-self.low / scale)))
        seen = torch.fake_quantize_per_tensor_affine(input, scale, offset, 0, 255)
        steps = self.weight.detach().abs().amax(dim=(1, 2, 3)).clamp(min=1e-9) / 127
        weight = torch.fake_quantize_per_channel_affine(
            self.weight, steps, torch.zeros_like(steps, dtype=torch.int32), 0, -127, 127
        )
        output: Tensor = self._conv_forward(seen, weight, self.bias)
        return output


@contextmanager
def rounded(network: nn.Module) -> Iterator[None]:
    """While it lasts, every convolution with a batch norm behind it is `Rounded`; a branch's last one, which has none,
    stays in float, as `quantize` keeps it. Copies that are made meanwhile need `restore`."""
    for module in network.modules():
        convolution: Any = getattr(module, "conv", None)
        if type(convolution) is nn.Conv2d and isinstance(getattr(module, "bn", None), nn.BatchNorm2d):
            convolution.__class__ = Rounded
            vars(convolution).update(low=0.0, high=0.0)
    try:
        yield
    finally:
        restore(network)


def restore(network: nn.Module) -> None:
    """Make the convolutions what they were, with the weights that they have learned, not rounded."""
    for module in network.modules():
        if isinstance(module, Rounding):
            for name in module.extras:
                delattr(module, name)
            module.__class__ = nn.Conv2d  # type: ignore[assignment]
