"""A spatial-temporal graph convolution network over the skeleton.

Yan, Xiong and Lin, "Spatial Temporal Graph Convolutional Networks" (AAAI 2018), with one learned matrix a layer
added to the skeleton's own, as in Shi et al., "Two-Stream Adaptive Graph Convolutional Networks" (CVPR 2019).
"""

from __future__ import annotations

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
    """Mix along the limbs, then along time with a stride, and add what came in."""

    skeleton: Tensor

    def __init__(self, channels_in: int, channels: int, stride: int) -> None:
        super().__init__()
        self.register_buffer("skeleton", adjacency(), persistent=False)
        self.links = nn.Parameter(torch.zeros(skeleton.COUNT, skeleton.COUNT))
        self.mix = nn.Conv2d(channels_in, channels, 1)
        self.time = nn.Conv2d(channels, channels, (_KERNEL, 1), (stride, 1), padding=(_KERNEL // 2, 0), groups=channels)
        self.pass_on = nn.Conv2d(channels_in, channels, 1, (stride, 1))

    def forward(self, x: Tensor) -> Tensor:
        along_limbs = torch.matmul(self.mix(x), (self.skeleton + self.links).T)
        mixed: Tensor = self.time(along_limbs.relu()) + self.pass_on(x)
        return mixed.relu()


@register("stgcn")
class StGcn(nn.Module):
    """Three blocks that halve the time axis twice; the summary joins the newest moment and the mean."""

    def __init__(self, features: int, hidden: int, window: int) -> None:
        super().__init__()
        channels = max(8, hidden // 2)
        self.width = hidden
        self.blocks = nn.Sequential(
            _Block(_JOINT_FEATURES, channels, 1), _Block(channels, channels, 2), _Block(channels, channels, 2)
        )
        self.read = nn.Sequential(nn.Linear(channels * (skeleton.COUNT + 1), hidden), nn.ReLU())

    def forward(self, features: Tensor) -> Tensor:
        maps = self.blocks(joint_features(features).permute(0, 3, 1, 2))
        newest, mean = maps[:, :, -1].flatten(1), maps.mean((2, 3))
        summary: Tensor = self.read(torch.cat([newest, mean], 1))
        return summary[:, None]
