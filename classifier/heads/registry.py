"""Heads by name: a small module each, registered where it is defined."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from torch import nn

from keypoints.errors import InputError

Builder = Callable[[int, int, int], nn.Module]

_BUILDERS: dict[str, Builder] = {}


def register(name: str) -> Callable[[Builder], Builder]:
    """Register a builder `(features, hidden, window) -> module`; it maps features
    (B, window, features) to summaries (B, P, width), and has that `width`. A causal body gives one for each sample,
    P = window, and is trained on them all; a body that reads the window as a whole gives the newest alone, P = 1."""

    def add(builder: Builder) -> Builder:
        _BUILDERS[name] = builder
        return builder

    return add


@dataclass(frozen=True, slots=True)
class Classic:
    """A head of scikit-learn. build: makes the classifier from a seed. windows: how many it is fitted on at most.
    components: principal components that it reads, or None for the whole summary of a window."""

    build: Callable[[int], Any]
    windows: int
    components: int | None


_CLASSICS: dict[str, Callable[[], Classic]] = {}


def register_classic(name: str) -> Callable[[Callable[[], Classic]], Callable[[], Classic]]:
    """Register a head of scikit-learn; it is trained by `classifier.classic`."""

    def add(recipe: Callable[[], Classic]) -> Callable[[], Classic]:
        _CLASSICS[name] = recipe
        return recipe

    return add


def classic(name: str) -> Classic | None:
    """The head of scikit-learn of that name, or None."""
    return _CLASSICS[name]() if name in _CLASSICS else None


#: Made of the body of another head and prototypes, by `classifier.few_shot`.
FEW_SHOT = "few_shot"


def bodies() -> list[str]:
    """The heads that are trained by gradient and can be trained further."""
    return sorted(_BUILDERS)


def names() -> list[str]:
    """Every head that can be trained."""
    return sorted([*_BUILDERS, *_CLASSICS, FEW_SHOT])


def build(name: str, features: int, hidden: int, window: int) -> nn.Module:
    """A fresh, untrained body. Raises InputError for an unknown name."""
    if name not in _BUILDERS:
        raise InputError("no such head", field="head", expected=" or ".join(bodies()), found=name)
    return _BUILDERS[name](features, hidden, window)
