"""Blocks of YOLO pose models whose split convolution is written as two, and the exact rewrite of a model to them.

C2f, C3k2 and C2PSA make both halves of their input with one convolution and cut its output in two. What prunes
channels must follow each of them from layer to layer, and loses its way at such a cut; two convolutions give the same
numbers, and each half may then lose channels of its own.
"""

from __future__ import annotations

import copy
from typing import Any

import torch
from torch import Tensor, nn
from ultralytics.nn.modules.block import C2PSA, C2f
from ultralytics.nn.modules.conv import Conv

from keypoints.errors import ModelError


class SplitC2f(nn.Module):
    """C2f and its kin (C3k2, C2fPSA): what is passed on, what goes through the chain `m`, and every link's result."""

    def __init__(self, block: Any) -> None:
        super().__init__()
        self.cv0, self.cv1 = halves(block.cv1)
        self.m, self.cv2 = block.m, block.cv2

    def forward(self, x: Tensor) -> Tensor:
        parts = [self.cv0(x), self.cv1(x)]
        parts.extend(link(parts[-1]) for link in self.m)
        joined: Tensor = self.cv2(torch.cat(parts, 1))
        return joined


class SplitC2PSA(SplitC2f):
    """C2PSA: what is passed on, and the end of the chain `m` of attention blocks."""

    def forward(self, x: Tensor) -> Tensor:
        joined: Tensor = self.cv2(torch.cat([self.cv0(x), self.m(self.cv1(x))], 1))
        return joined


def halves(conv: Conv) -> tuple[Conv, Conv]:
    """Two convolutions that give the first and the second half of the channels of `conv`."""
    first, second = copy.deepcopy(conv), copy.deepcopy(conv)
    size = conv.conv.out_channels // 2
    for half, channels in ((first, slice(None, size)), (second, slice(size, None))):
        half.conv.out_channels = half.bn.num_features = size
        half.conv.weight = nn.Parameter(conv.conv.weight[channels].detach().clone())
        half.bn.weight = nn.Parameter(conv.bn.weight[channels].detach().clone())
        half.bn.bias = nn.Parameter(conv.bn.bias[channels].detach().clone())
        half.bn.running_mean = conv.bn.running_mean[channels].clone()
        half.bn.running_var = conv.bn.running_var[channels].clone()
    return first, second


def rewrite(network: nn.Module) -> int:
    """Give every block that cuts a convolution's output two convolutions, in place; returns how many there were.

    network: of an Ultralytics checkpoint. Its results stay the same. Raises ModelError when its batch norms are
    folded into its convolutions: such weights can't be trained any more.
    """
    if is_folded(network):
        raise ModelError("its batch norms are folded into its convolutions, which can't be tuned after pruning",
                         expected="a checkpoint as training wrote it")  # fmt: skip
    count = 0
    for parent in list(network.modules()):
        for name, block in list(parent.named_children()):
            if isinstance(block, C2f | C2PSA):
                replacement = SplitC2PSA(block) if isinstance(block, C2PSA) else SplitC2f(block)
                for attribute in ("i", "f", "type", "np"):  # where Ultralytics puts it into its graph
                    if hasattr(block, attribute):
                        setattr(replacement, attribute, getattr(block, attribute))
                replacement.train(block.training)
                setattr(parent, name, replacement)
                count += 1
    return count


def is_folded(network: nn.Module) -> bool:
    """Whether convolutions have no batch norm of their own any more."""
    return any(isinstance(m, Conv) and not hasattr(m, "bn") for m in network.modules())


def is_rewritten(network: nn.Module) -> bool:
    """Whether no block is left that cuts a convolution's output."""
    return not any(isinstance(m, C2f | C2PSA) for m in network.modules())
