"""Channels that are zero, for speed: integer kernels multiply many output channels at once, and odd ones one by one.

On x86 the 3x3 convolution of YOLO11n-pose's first block to 8 channels takes twice the time of that to 16, and that of
the keypoint branch to 51 channels 1.7 times that to 56 (int8, one thread, ONNX Runtime 1.31, Intel Xeon with VNNI).
"""

from __future__ import annotations

from collections.abc import Iterator
from itertools import pairwise
from typing import Any

import torch
from torch import nn


def align(network: nn.Module, multiple: int, least: int = 1) -> dict[str, tuple[int, int]]:
    """Widen, in place, what is between two plain convolutions and nothing else reads, to a multiple of channels and at
    least so many; the answers stay the same.

    Returns by the name of the first convolution how many channels it had and has.
    """
    changed: dict[nn.Module, tuple[int, int]] = {}
    for owner, first, second in list(_chained(network)):
        count = first.conv.out_channels
        wanted = max(least, -(-count // multiple) * multiple)
        if wanted != count:
            first.conv, first.bn = _wider(first.conv, outputs=wanted), _wider_norm(first.bn, wanted)
            if isinstance(second, nn.Conv2d):
                _put(owner, _wider(second, inputs=wanted), second)
            else:
                second.conv = _wider(second.conv, inputs=wanted)
            changed[first] = (count, wanted)
    return {f"{name}.conv": changed[module] for name, module in network.named_modules() if module in changed}


def _chained(network: nn.Module) -> Iterator[tuple[nn.Module, Any, Any]]:
    """What owns them, a convolution with its norm, and the one behind it that alone reads it: of bottlenecks and of the
    head's branches."""
    for module in network.modules():
        parts: list[Any] = []
        if isinstance(module, nn.Sequential):
            parts = list(module)
        elif type(module).__name__ == "Bottleneck":
            parts = [module.cv1, module.cv2]
        for first, second in pairwise(parts):
            if (
                _plain(getattr(first, "conv", None))
                and hasattr(first, "bn")
                and _plain(getattr(second, "conv", second))
            ):
                yield module, first, second


def _plain(conv: Any) -> bool:
    return isinstance(conv, nn.Conv2d) and conv.groups == 1


def _put(owner: Any, made: nn.Conv2d, instead_of: nn.Conv2d) -> None:
    index = next(i for i, part in enumerate(owner) if part is instead_of)
    owner[index] = made


def _wider(conv: nn.Conv2d, outputs: int | None = None, inputs: int | None = None) -> nn.Conv2d:
    padding: Any = conv.padding
    kernel: Any = conv.kernel_size
    stride: Any = conv.stride
    made = nn.Conv2d(inputs or conv.in_channels, outputs or conv.out_channels, kernel, stride, padding,
                     bias=conv.bias is not None)  # fmt: skip
    with torch.no_grad():
        made.weight.zero_()
        made.weight[: conv.out_channels, : conv.in_channels] = conv.weight
        if made.bias is not None and conv.bias is not None:
            made.bias.zero_()
            made.bias[: conv.out_channels] = conv.bias
    return made.train(conv.training)


def _wider_norm(norm: Any, count: int) -> nn.BatchNorm2d:
    """A norm whose further channels give zero."""
    made = nn.BatchNorm2d(count, norm.eps, norm.momentum)
    with torch.no_grad():
        for name in ("weight", "bias", "running_mean", "running_var"):
            values = getattr(made, name)
            values.fill_(1.0 if name == "running_var" else 0.0)
            values[: norm.num_features] = getattr(norm, name)
    return made.train(norm.training)
