"""R3D-18, a residual network of 3D convolutions (Tran et al., CVPR 2018), as torchvision has it."""

from __future__ import annotations

import urllib.error
from functools import partial
from pathlib import Path
from typing import Any

import torch
from torch import nn
from torchvision.models.video import R3D_18_Weights
from torchvision.models.video.resnet import BasicBlock, Conv3DSimple, VideoResNet

from classifier.baselines.registry import Recipe, Usual, WeightsError, register
from classifier.baselines.weights import load_into
from configs.baselines import TrainBaseline
from keypoints.errors import InputError

_USUAL = Usual(width=64, side=112, frames=16)


class _R3D(VideoResNet):
    """torchvision's, with another width of its first block where that is wanted; each further one doubles it."""

    def __init__(self, width: int, classes: int) -> None:
        self._width, self._first = width, True
        stem = partial(_stem, width)
        super().__init__(BasicBlock, [Conv3DSimple] * 4, [2, 2, 2, 2], stem)
        self.fc = nn.Linear(8 * width, classes)

    def _make_layer(self, block: Any, conv: Any, planes: int, blocks: int, stride: int = 1) -> nn.Sequential:
        if self._first:
            self.inplanes, self._first = self._width, False
        made: nn.Sequential = super()._make_layer(block, conv, planes * self._width // 64, blocks, stride)
        return made


def _stem(width: int) -> nn.Sequential:
    return nn.Sequential(
        nn.Conv3d(3, width, (3, 7, 7), stride=(1, 2, 2), padding=(1, 3, 3), bias=False),
        nn.BatchNorm3d(width),
        nn.ReLU(inplace=True),
    )


def _build(settings: TrainBaseline, classes: int) -> nn.Module:
    assert settings.width is not None
    return _R3D(settings.width, classes)


def _blocks(settings: TrainBaseline) -> list[tuple[str, ...]]:
    return [(name,) for name in ("stem", "layer1", "layer2", "layer3", "layer4")]


def _check(settings: TrainBaseline) -> None:
    assert settings.frames is not None
    if settings.frames < 2:
        raise InputError("r3d reads clips", field="frames", expected="2 or more", found=settings.frames)


def _fetch(settings: TrainBaseline) -> Path:
    if settings.width != _USUAL.width:
        raise WeightsError(f"there are none but for width={_USUAL.width}")
    url: str = R3D_18_Weights.KINETICS400_V1.url
    name = url.rpartition("/")[2]
    path: Path = Path(torch.hub.get_dir()) / "checkpoints" / name
    if path.is_file():
        return path
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        digest = name.rpartition("-")[2].partition(".")[0]
        torch.hub.download_url_to_file(url, str(path), hash_prefix=digest, progress=False)
    except (OSError, RuntimeError) as error:  # no network; another file than the one that was published
        reason = error.reason if isinstance(error, urllib.error.URLError) else error
        raise WeightsError(f"{reason}; {name} may be put into {path.parent} by hand") from None
    return path


register(
    Recipe(
        name="r3d", usual=_USUAL, build=_build, blocks=_blocks, check=_check, fetch=_fetch,
        load=partial(load_into, classifier="fc"),
        # what its published weights were trained with, on Kinetics-400
        mean=(0.43216, 0.394666, 0.37645), std=(0.22803, 0.22145, 0.216989),
    )
)  # fmt: skip
