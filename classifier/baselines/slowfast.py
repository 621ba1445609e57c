"""SlowFast (Feichtenhofer, Fan, Malik and He, "SlowFast Networks for Video Recognition", ICCV 2019), small.

Two pathways see the same clip: the slow one a quarter of its pictures with all channels, the fast one every picture
with an eighth of the channels; after each stage the fast one tells the slow one what it saw. Here with residual blocks
of two convolutions, two a stage, as ResNet-18 has them, in place of the paper's ResNet-50.
"""

from __future__ import annotations

from functools import partial
from pathlib import Path

import torch
from torch import Tensor, nn

from classifier.baselines.registry import Recipe, Usual, WeightsError, register
from classifier.baselines.weights import load_into
from configs.baselines import TrainBaseline
from keypoints.errors import InputError

#: The fast pathway sees so many pictures for each of the slow one's (alpha), with a share of its channels (1 / beta).
#: Section 3.2 uses 8 and 8; with clips of 16 or 32 pictures 4 leaves the slow one enough of them.
ALPHA, BETA = 4, 8

#: Temporal size of the first convolution of each stage (table 1): the slow pathway has none before its last two.
_SLOW, _FAST = (1, 1, 3, 3), (3, 3, 3, 3)


class _Block(nn.Module):
    """A residual block: (time, 3, 3), then (1, 3, 3)."""

    def __init__(self, given: int, made: int, time: int, stride: int) -> None:
        super().__init__()
        self.first = nn.Conv3d(given, made, (time, 3, 3), (1, stride, stride), (time // 2, 1, 1), bias=False)
        self.norm1 = nn.BatchNorm3d(made)
        self.second = nn.Conv3d(made, made, (1, 3, 3), 1, (0, 1, 1), bias=False)
        self.norm2 = nn.BatchNorm3d(made)
        same = given == made and stride == 1
        self.short = (
            nn.Identity()
            if same
            else nn.Sequential(nn.Conv3d(given, made, 1, (1, stride, stride), bias=False), nn.BatchNorm3d(made))
        )

    def forward(self, x: Tensor) -> Tensor:
        y = self.norm1(self.first(x)).relu()
        result: Tensor = (self.norm2(self.second(y)) + self.short(x)).relu()
        return result


def _stem(made: int, time: int) -> nn.Sequential:
    return nn.Sequential(
        nn.Conv3d(3, made, (time, 7, 7), (1, 2, 2), (time // 2, 3, 3), bias=False),
        nn.BatchNorm3d(made),
        nn.ReLU(),
        nn.MaxPool3d((1, 3, 3), (1, 2, 2), (0, 1, 1)),
    )


class _Lateral(nn.Module):
    """What the fast pathway tells the slow one: a convolution over time with the slow one's stride (section 3.3)."""

    def __init__(self, fast: int) -> None:
        super().__init__()
        self.conv = nn.Conv3d(fast, 2 * fast, (5, 1, 1), (ALPHA, 1, 1), (2, 0, 0), bias=False)
        self.norm = nn.BatchNorm3d(2 * fast)

    def forward(self, slow: Tensor, fast: Tensor) -> Tensor:
        return torch.cat([slow, self.norm(self.conv(fast)).relu()], 1)


class _Stage(nn.Module):
    """One stage of both pathways, after what the fast one tells."""

    def __init__(self, slow: tuple[int, int], fast: tuple[int, int], times: tuple[int, int], stride: int) -> None:
        super().__init__()
        self.lateral = _Lateral(fast[0])
        self.slow = _blocks_of(slow[0] + 2 * fast[0], slow[1], times[0], stride)
        self.fast = _blocks_of(fast[0], fast[1], times[1], stride)

    def forward(self, slow: Tensor, fast: Tensor) -> tuple[Tensor, Tensor]:
        return self.slow(self.lateral(slow, fast)), self.fast(fast)


def _blocks_of(given: int, made: int, time: int, stride: int) -> nn.Sequential:
    return nn.Sequential(_Block(given, made, time, stride), _Block(made, made, time, 1))


class _Stem(nn.Module):
    """The first convolutions of both pathways (table 1): 1 and 5 pictures wide."""

    def __init__(self, slow: int, fast: int) -> None:
        super().__init__()
        self.slow, self.fast = _stem(slow, 1), _stem(fast, 5)

    def forward(self, x: Tensor) -> tuple[Tensor, Tensor]:
        return self.slow(x[:, :, ::ALPHA]), self.fast(x)


class SlowFast(nn.Module):
    """Pictures (B, 3, T, H, W) to logits (B, classes); T is a multiple of ALPHA. width: of the slow pathway's start."""

    def __init__(self, width: int, classes: int) -> None:
        super().__init__()
        slow = [width, width, 2 * width, 4 * width, 8 * width]
        fast = [max(2, part // BETA) for part in slow]
        self.stem = _Stem(slow[0], fast[0])
        self.stages = nn.ModuleList(
            _Stage((slow[i], slow[i + 1]), (fast[i], fast[i + 1]), (_SLOW[i], _FAST[i]), 1 if i == 0 else 2)
            for i in range(4)
        )
        self.dropout = nn.Dropout(0.5)
        self.fc = nn.Linear(slow[-1] + fast[-1], classes)
        for module in self.modules():
            if isinstance(module, nn.Conv3d):
                nn.init.kaiming_normal_(module.weight, mode="fan_out", nonlinearity="relu")

    def forward(self, x: Tensor) -> Tensor:
        slow, fast = self.stem(x)
        for stage in self.stages:
            slow, fast = stage(slow, fast)
        pooled = torch.cat([slow.mean((2, 3, 4)), fast.mean((2, 3, 4))], 1)
        logits: Tensor = self.fc(self.dropout(pooled))
        return logits


def _build(settings: TrainBaseline, classes: int) -> nn.Module:
    assert settings.width is not None
    return SlowFast(settings.width, classes)


def _blocks(settings: TrainBaseline) -> list[tuple[str, ...]]:
    return [("stem",), *((f"stages.{number}",) for number in range(4))]


def _check(settings: TrainBaseline) -> None:
    assert settings.frames is not None
    if settings.frames % ALPHA:
        raise InputError("slowfast reads clips", field="frames", expected=f"a multiple of {ALPHA}",
                         found=settings.frames)  # fmt: skip


def _fetch(settings: TrainBaseline) -> Path:
    raise WeightsError("none are published for this small one")


register(
    Recipe(
        name="slowfast", usual=Usual(width=64, side=112, frames=32), build=_build, blocks=_blocks, check=_check,
        fetch=_fetch, load=partial(load_into, classifier="fc"),
        mean=(0.45, 0.45, 0.45), std=(0.225, 0.225, 0.225),
    )
)  # fmt: skip
