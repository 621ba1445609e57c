"""Heads by name: a small module each, registered where it is defined."""

from __future__ import annotations

from collections.abc import Callable

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


def names() -> list[str]:
    """The heads that can be trained."""
    return sorted(_BUILDERS)


def build(name: str, features: int, hidden: int, window: int) -> nn.Module:
    """A fresh, untrained body. Raises InputError for an unknown name."""
    if name not in _BUILDERS:
        raise InputError("no such head", field="head", expected=" or ".join(names()), found=name)
    return _BUILDERS[name](features, hidden, window)
