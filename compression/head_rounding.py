"""Heads in eight bits: each weight matrix rounded such that its layer answers as before on windows of people."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from typing import Any

import torch
from torch import Tensor, nn

from classifier.export import round_weights
from classifier.heads import HeadModel
from compression.gptq import Rounder
from keypoints.types import FloatArray

#: Windows that go through the head together.
_BATCH = 256
#: Steps to either side of zero.
_STEPS = 127


@torch.no_grad()
def round_by_answers(model: HeadModel, windows: Iterable[FloatArray]) -> None:
    """Round the weights in place, as `classifier.export.round_weights` does: to 255 steps a row.

    windows: (T, 17, 3), what the head is shown to see what its layers read; without any each weight goes to its nearest
    step, which changes the answer more. Weights that are zero stay it, so masks are kept.
    """
    with _reading(model) as squares:
        for batch in _batches(windows):
            model.history(batch)
    for weight, square in squares:
        if square is not None:
            weight.copy_(_rounded(weight, square))
    round_weights(model)  # what no window was read by; the others lie on their steps already


def _rounded(weight: Tensor, square: Tensor) -> Tensor:
    largest, where = weight.abs().max(1)
    step = (largest.clamp(min=1e-12) / _STEPS).double()
    found = Rounder(square)(weight, lambda column: (column / step).round().clamp(-_STEPS, _STEPS) * step)
    found[weight == 0] = 0
    # The step is told by a row's largest weight, so that one stays as it is.
    rows = torch.arange(len(weight))
    found[rows, where] = weight[rows, where].double()
    return found.to(weight.dtype)


@contextmanager
def _reading(model: nn.Module) -> Iterator[list[tuple[Tensor, Tensor | None]]]:
    """While it lasts, what the layers of a head read is summed up; after it, the list holds each weight with that."""
    found: list[tuple[Tensor, Tensor | None]] = []
    seen: dict[str, tuple[Tensor, Tensor]] = {}

    def add(name: str, weight: Tensor, read: Tensor) -> None:
        flat = read.detach().reshape(-1, read.shape[-1]).double()
        square = flat.T @ flat
        seen[name] = (weight, seen[name][1] + square if name in seen else square)

    def linear(name: str) -> Any:
        return lambda layer, inputs, output: add(name, layer.weight, inputs[0])

    def gru(name: str) -> Any:
        def hook(layer: Any, inputs: Any, output: Any) -> None:
            add(f"{name}.in", layer.weight_ih_l0, inputs[0])
            add(f"{name}.state", layer.weight_hh_l0, output[0][:, :-1])  # the state before each sample but the first

        return hook

    hooks = [module.register_forward_hook(gru(name) if isinstance(module, nn.GRU) else linear(name))
             for name, module in model.named_modules() if isinstance(module, nn.Linear | nn.GRU)]  # fmt: skip
    try:
        yield found
    finally:
        for hook in hooks:
            hook.remove()
    found += seen.values()


def _batches(windows: Iterable[FloatArray]) -> Iterator[Tensor]:
    batch: list[Tensor] = []
    for window in windows:
        batch.append(torch.from_numpy(window))
        if len(batch) == _BATCH:
            yield torch.stack(batch)
            batch = []
    if batch:
        yield torch.stack(batch)
