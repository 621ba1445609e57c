"""Pixel baselines by name: a small module each, registered where it is defined."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from importlib import import_module
from pathlib import Path

from torch import nn

from configs.baselines import TrainBaseline
from keypoints.errors import InputError

#: What ImageNet's pictures have, RGB 0-1: mean and standard deviation.
IMAGENET = ((0.485, 0.456, 0.406), (0.229, 0.224, 0.225))


@dataclass(frozen=True, slots=True)
class Usual:
    """What a network was published with, taken where the settings say nothing. width: None: it is not to be named."""

    width: int | None
    side: int
    frames: int


@dataclass(frozen=True, slots=True)
class Recipe:
    """One baseline.

    build: from `resolved` settings and the number of classes; the module maps pictures
    float (B, 3, T, H, W), normalised, to logits (B, classes). blocks: for each block, from the first, the beginnings
    of the names of its parameters; the classifier is in none. mean, std: RGB 0-1, of the normalisation.
    fetch: published weights as a file on this machine; raises WeightsError, with the reason, where they can't be had.
    load: reads such a file into a module, but for the classifier; raises InputError when they do not fit.
    check: raises InputError for settings that it can't be built with.
    """

    name: str
    usual: Usual
    build: Callable[[TrainBaseline, int], nn.Module]
    blocks: Callable[[TrainBaseline], list[tuple[str, ...]]]
    check: Callable[[TrainBaseline], None]
    fetch: Callable[[TrainBaseline], Path]
    load: Callable[[nn.Module, Path], None]
    mean: tuple[float, float, float] = IMAGENET[0]
    std: tuple[float, float, float] = IMAGENET[1]


class WeightsError(Exception):
    """Published weights can't be had; the message says why, and where to put them by hand."""


_MODULES = ("r3d", "slowfast", "vit")
_RECIPES: dict[str, Recipe] = {}


def register(recipe: Recipe) -> Recipe:
    """Add a baseline."""
    _RECIPES[recipe.name] = recipe
    return recipe


def names() -> list[str]:
    """Every baseline that can be trained."""
    return sorted(_MODULES)


def recipe_of(name: str) -> Recipe:
    """The baseline of that name. Raises InputError for an unknown one."""
    if name not in _MODULES:
        raise InputError("no such baseline", field="model", expected=" or ".join(names()), found=name)
    import_module(f"classifier.baselines.{name}")
    return _RECIPES[name]


def resolved(settings: TrainBaseline) -> TrainBaseline:
    """The settings with width, side and frames as published where they say nothing.

    Raises InputError for an unknown model, for what it can't be built with, and when more is frozen than it has.
    """
    recipe = recipe_of(settings.model)
    usual = {name: getattr(recipe.usual, name) for name in ("width", "side", "frames")}
    full = settings.model_copy(update={k: v for k, v in usual.items() if getattr(settings, k) is None})
    recipe.check(full)
    blocks = len(recipe.blocks(full))
    for field, depths in (("freeze", (full.freeze,)), ("depths", full.depths)):
        for depth in depths:
            if not 0 <= depth <= blocks:
                raise InputError(f"{full.model} has not so many blocks", field=field, expected=f"{blocks} at most",
                                 found=depth)  # fmt: skip
    return full
