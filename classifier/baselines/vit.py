"""A Vision Transformer on single pictures (Dosovitskiy et al., ICLR 2021), as timm has it."""

from __future__ import annotations

import re
import socket
from pathlib import Path
from typing import Any
from urllib.parse import urlparse

import timm
import torch
from timm.models.vision_transformer import VisionTransformer, checkpoint_filter_fn
from torch import Tensor, nn

from classifier.baselines.registry import Recipe, Usual, WeightsError, register
from classifier.baselines.weights import read_state
from configs.baselines import TrainBaseline
from keypoints.errors import InputError


class _OfPictures(nn.Module):
    """timm's ViT behind the same input as the others: clips of a single picture."""

    def __init__(self, vit: nn.Module) -> None:
        super().__init__()
        self.vit = vit

    def forward(self, x: Tensor) -> Tensor:
        logits: Tensor = self.vit(x[:, :, 0])
        return logits


def _build(settings: TrainBaseline, classes: int) -> nn.Module:
    more: dict[str, Any] = {}
    if settings.width is not None:
        more = {"embed_dim": settings.width, "num_heads": max(1, settings.width // 64)}
    return _OfPictures(timm.create_model(settings.vit, img_size=settings.side, num_classes=classes, **more))


def _blocks(settings: TrainBaseline) -> list[tuple[str, ...]]:
    first = tuple(f"vit.{name}" for name in ("patch_embed", "cls_token", "pos_embed", "reg_token", "norm_pre"))
    with torch.device("meta"):
        vit: Any = _build(settings, 2)
    return [first, *((f"vit.blocks.{number}",) for number in range(len(vit.vit.blocks)))]


def _check(settings: TrainBaseline) -> None:
    assert settings.side is not None
    if settings.frames != 1:
        raise InputError("vit reads single pictures", field="frames", expected=1, found=settings.frames)
    patch = re.match(r"vit_\w+_patch(\d+)_", settings.vit)
    if patch is None or settings.vit not in timm.list_models("vit_*"):
        usual = "such as vit_tiny_patch16_224 or vit_base_patch16_224"
        raise InputError("no Vision Transformer of timm", field="vit", expected=usual, found=settings.vit)
    if settings.side % int(patch[1]):
        raise InputError("not whole patches", field="side", expected=f"a multiple of {patch[1]}", found=settings.side)
    if settings.width is not None and settings.width > 64 and settings.width % 64:
        raise InputError("not whole attention heads", field="width", expected="a multiple of 64, or less",
                         found=settings.width)  # fmt: skip


def _fetch(settings: TrainBaseline) -> Path:
    if settings.width is not None:
        raise WeightsError("there are none but for its own width")
    from huggingface_hub import constants, hf_hub_download
    from huggingface_hub.errors import HfHubHTTPError, LocalEntryNotFoundError

    place = timm.get_pretrained_cfg(settings.vit).hf_hub_id
    if not place:
        raise WeightsError(f"timm knows none of {settings.vit}")
    asked: dict[str, Any] = {"repo_id": place, "filename": "model.safetensors"}
    try:
        return Path(hf_hub_download(**asked, local_files_only=True))
    except LocalEntryNotFoundError:
        pass  # never fetched
    try:
        # Without a network this fails at once; the hub's own client tries again for a minute, aloud.
        socket.getaddrinfo(urlparse(constants.ENDPOINT).hostname, 443)
        return Path(hf_hub_download(**asked))
    except (OSError, HfHubHTTPError) as error:
        reason = str(error).strip().partition("\n")[0][:120]
        raise WeightsError(f"{reason}; model.safetensors of {place} may be given as weights=FILE") from None


def _load(module: nn.Module, path: Path) -> None:
    """timm's own reading: it fits the positions to another side, and leaves the classifier out."""
    stored = {name.removeprefix("vit."): value for name, value in read_state(path).items()}
    vit = getattr(module, "vit", module)
    assert isinstance(vit, VisionTransformer)
    own = vit.state_dict()
    misfit = InputError("of another network", file=path, field="weights", expected="weights of this Vision Transformer")
    try:
        fitted = checkpoint_filter_fn(stored, vit)
    except (KeyError, RuntimeError, AssertionError, ValueError, IndexError):
        raise misfit from None
    wanted = {name for name in own if not name.startswith("head.")}
    if any(name not in fitted or fitted[name].shape != own[name].shape for name in wanted):
        raise misfit
    vit.load_state_dict({name: fitted[name] for name in wanted}, strict=False)


register(
    Recipe(
        name="vit", usual=Usual(width=None, side=224, frames=1), build=_build, blocks=_blocks, check=_check,
        fetch=_fetch, load=_load,
        mean=(0.5, 0.5, 0.5), std=(0.5, 0.5, 0.5),
    )
)  # fmt: skip
