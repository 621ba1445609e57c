"""Every layer of a teacher as a hint for the student's layer of that name (Romero et al., "FitNets", ICLR 2015).

Outputs alone say little about the many weights in front of them, and their gradient is noisy: a few thousand pictures
make a network forget more than they teach. What each layer is to answer at every place says much, and calmly.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import torch
from torch import Tensor, nn

#: Added to the variance of a channel, so that one that is always the same asks for nothing.
_LEAST_VARIANCE = 1e-3


class Hints:
    """Compares what the batch norms of two networks give, by name; those of other widths are left out."""

    def __init__(self, teacher: nn.Module) -> None:
        self._teacher = {name: m for name, m in teacher.named_modules() if isinstance(m, nn.BatchNorm2d)}
        self._wanted: dict[str, Tensor] = {}
        self._found: dict[str, Tensor] = {}
        _keep_inputs(teacher)
        for name, module in self._teacher.items():
            module.register_forward_hook(_noting(self._wanted, name))

    @contextmanager
    def watching(self, student: nn.Module) -> Iterator[None]:
        """While it lasts, what the student's layers give is seen."""
        _keep_inputs(student)
        hooks = [
            module.register_forward_hook(_noting(self._found, name))
            for name, module in student.named_modules()
            if name in self._teacher and _width(module) == _width(self._teacher[name])
        ]
        try:
            yield
        finally:
            for hook in hooks:
                hook.remove()
            self._found.clear()
            self._wanted.clear()

    def loss(self) -> Tensor:
        """The share of the teacher's variance that the student's answers miss, mean of the layers' channels, for the
        pictures that both have just seen. Maps of another size are left out."""
        shares = []
        for name, found in self._found.items():
            wanted = self._wanted[name].float()
            if wanted.shape == found.shape:
                variance = wanted.var((0, 2, 3), keepdim=True, unbiased=False) + _LEAST_VARIANCE
                shares.append(((found.float() - wanted) ** 2 / variance).mean())
        return torch.stack(shares).mean() if shares else torch.zeros(())


def _width(module: Any) -> int | None:
    return getattr(module, "num_features", None)


def _noting(where: dict[str, Tensor], name: str) -> Callable[[nn.Module, Any, Tensor], None]:
    def hook(module: nn.Module, inputs: Any, output: Tensor) -> None:
        where[name] = output

    return hook


def _keep_inputs(network: nn.Module) -> None:
    """Let no activation write over what it reads: it is what is compared."""
    for module in network.modules():
        if isinstance(module, nn.SiLU | nn.ReLU):
            module.inplace = False
