"""A spatial-temporal graph convolution network over the skeleton.

Yan, Xiong and Lin, "Spatial Temporal Graph Convolutional Networks" (AAAI 2018), with one learned matrix a layer
added to the skeleton's own, as in Shi et al., "Two-Stream Adaptive Graph Convolutional Networks" (CVPR 2019).
"""

from __future__ import annotations

import math

import torch
from torch import Tensor, nn

from classifier.heads.normalize import joint_features
from classifier.heads.registry import register
from keypoints import skeleton

_KERNEL = 5
_JOINT_FEATURES = 5  # place, motion, confidence


def adjacency() -> Tensor:
    """The skeleton's limbs and each joint with itself, (17, 17), each row summing to 1."""
    links = torch.eye(skeleton.COUNT)
    for a, b in skeleton.LIMBS:
        links[a, b] = links[b, a] = 1
    return links / links.sum(1, keepdim=True)


class _Block(nn.Module):
    """Mix along the limbs, then along time with a stride, and add what came in; (17, B, T, channels).

    Joints come first and channels last, so that both mixings are one product each; time is a sum of shifted products.
    """

    skeleton: Tensor

    def __init__(self, channels_in: int, channels: int, stride: int) -> None:
        super().__init__()
        self.stride = stride
        self.register_buffer("skeleton", adjacency(), persistent=False)
        self.links = nn.Parameter(torch.zeros(skeleton.COUNT, skeleton.COUNT))
        self.mix, self.pass_on = nn.Linear(channels_in, channels), nn.Linear(channels_in, channels)
        self.taps = nn.Parameter(torch.empty(_KERNEL, channels).uniform_(-1, 1) / math.sqrt(_KERNEL))

    def forward(self, x: Tensor) -> Tensor:
        length, channels_in = x.shape[2:]
        along_limbs = (self.skeleton + self.links) @ x.reshape(skeleton.COUNT, -1)
        mixed = self.mix(along_limbs.reshape(skeleton.COUNT, -1, length, channels_in)).relu()
        beyond = mixed[:, :, : _KERNEL // 2] * 0
        padded = torch.cat([beyond, mixed, beyond], 2)
        summed: Tensor = self.pass_on(x[:, :, :: self.stride])
        for tap in range(_KERNEL):
            summed = summed + padded[:, :, tap : tap + length : self.stride] * self.taps[tap]
        return summed.relu()


@register("stgcn")
class StGcn(nn.Module):
    """Three blocks, the first two of which halve the time axis; the summary joins the newest moment and the mean."""

    def __init__(self, features: int, hidden: int, window: int) -> None:
        super().__init__()
        channels = max(8, hidden // 4)
        self.width = hidden
        self.blocks = nn.Sequential(
            _Block(_JOINT_FEATURES, channels, 2), _Block(channels, channels, 2), _Block(channels, channels, 1)
        )
        self.read = nn.Sequential(nn.Linear(channels * (skeleton.COUNT + 1), hidden), nn.ReLU())

    def forward(self, features: Tensor) -> Tensor:
        maps = self.blocks(joint_features(features).permute(2, 0, 1, 3))
        newest, mean = maps[:, :, -1].transpose(0, 1).flatten(1), maps.mean((0, 2))
        summary: Tensor = self.read(torch.cat([newest, mean], 1))
        return summary[:, None]
